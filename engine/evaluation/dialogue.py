"""A dialogue: what a caller does, step by step, and what must come of it. Plain data in YAML.

The format is described for those who write dialogues in docs/evaluation.md. Times are seconds.
All plain values of the file are read as text first, so that "yes" and 01234 need no quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from adapters.embedded.order_store import OrderRow
from engine.errors import ConfigError

Seconds = Annotated[float, msgspec.Meta(ge=0, le=60)]
KEYS = frozenset("0123456789*#")
_PAUSE = re.compile(r"\[pause (\d+(?:\.\d+)?)\]")


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict by rule: a misspelt field of a dialogue is an error."""


class Speech(Data, frozen=True):
    """Something said: a text for the embedded voice, with ``[pause 0.6]`` where the caller
    pauses, or a recording (a path from the dialogue's folder) and the ``text`` of what is said
    in it. Without a text, its words are not compared."""

    say: str = ""
    wav: str = ""
    text: str = ""


class Interruption(Speech, frozen=True, kw_only=True):
    """The caller cuts in, ``after`` so long of the agent's reply, who must be silent ``within``
    that time of the caller's first sound."""

    after: Seconds
    within: Seconds = 1.5


class Backchannel(Speech, frozen=True, kw_only=True):
    """The caller shows that they listen: the agent must go on."""

    after: Seconds


class Cough(Data, frozen=True, kw_only=True):
    """A noise without words: the agent must go on."""

    after: Seconds
    length: Annotated[float, msgspec.Meta(ge=0.05, le=5)] = msgspec.field(default=0.3, name="for")


class HangUp(Data, frozen=True):
    """The caller hangs up ``after`` so long of the agent's reply."""

    after: Seconds


class Step(Speech, frozen=True):
    """One thing that the caller does. Speech and keys come when the agent has finished and
    ``pause`` has passed (the dialogue's, if left out)."""

    pause: Seconds | None = None
    interrupt: Interruption | None = None
    backchannel: Backchannel | None = None
    cough: Cough | None = None
    press: str = ""
    hang_up: HangUp | None = None


Steps = Annotated[list[Literal["listen", "hang_up"] | Step], msgspec.Meta(min_length=1)]


class Noise(Data, frozen=True, kw_only=True):
    """Noise on the caller's line all the time, ``snr`` decibels below the caller's voice."""

    kind: Literal["white", "babble"] = "white"
    snr: Annotated[float, msgspec.Meta(ge=-20, le=60)]
    seed: int = 1


class OrderIs(Data, frozen=True):
    """What an order has to be afterwards; what is left out may be anything."""

    item: str | None = None
    status: str | None = None
    last_event: str | None = None
    depot: str | None = None
    delivery_day: str | None = None
    delivery_time: str | None = None

    def differs(self, row: OrderRow) -> list[str]:
        """The names of the fields that are not as they have to be."""
        wanted = {name: getattr(self, name) for name in self.__struct_fields__}
        return [
            name
            for name, value in wanted.items()
            if value is not None and value != getattr(row, name)
        ]


class Expect(Data, frozen=True):
    """What the caller came for.

    ``tools``: calls that were made, each with at least these arguments. ``never``: tools that
    were not run. ``orders``: how orders stand afterwards, by number. ``agent_says`` and
    ``agent_never_says``: words in the sound that reached the caller.
    """

    tools: list[dict[str, dict[str, str]]] = []
    never: list[str] = []
    orders: dict[str, OrderIs] = {}
    agent_says: list[str] = []
    agent_never_says: list[str] = []


class Dialogue(Data, frozen=True):
    """One call. ``about`` says what it tries, in a sentence.

    ``pause`` is the time from the agent's end to the caller's answer, ``pitch`` how the voice
    that speaks texts is changed (1.2: a fifth higher and faster), ``limit`` the longest call.
    """

    about: str
    steps: Steps
    pause: Seconds = 0.6
    pitch: Annotated[float, msgspec.Meta(ge=0.7, le=1.5)] = 1.0
    noise: Noise | None = None
    limit: Annotated[float, msgspec.Meta(gt=0, le=600)] = 120
    expect: Expect = Expect()


@dataclass(frozen=True, slots=True)
class DialogueFile:
    """A dialogue and where it was read from."""

    path: Path
    dialogue: Dialogue

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def kind_of(step: Step) -> str:
    """Which of the things a caller can do this is; "" if none, or several at once."""
    kinds = [
        name
        for name in ("say", "wav", "interrupt", "backchannel", "cough", "press", "hang_up")
        if getattr(step, name)
    ]
    return kinds[0] if len(kinds) == 1 else ""


def pieces(text: str) -> list[str | float]:
    """A text to be spoken, apart: stretches of words, and seconds of silence between them."""
    parts = _PAUSE.split(text)
    found = [float(part) if number % 2 else part.strip() for number, part in enumerate(parts)]
    return [part for part in found if part != ""]


def plain(text: str) -> str:
    """A text to be spoken without its pauses: the words alone."""
    return " ".join(part for part in pieces(text) if isinstance(part, str))


# --- reading --------------------------------------------------------------------------------


def load_dialogues(folder: Path) -> list[DialogueFile]:
    """All dialogues of a folder, by name. Raises :class:`ConfigError` for the first that is
    wrong, or if there is none."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: not a folder: give the folder that holds the dialogues")
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if not paths:
        raise ConfigError(f"{folder}: no dialogues here (files that end in .yaml)")
    return [load_dialogue(path) for path in paths]


def load_dialogue(path: Path) -> DialogueFile:
    """Read one dialogue. Raises :class:`ConfigError`: one line with the file and the field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    try:
        dialogue = msgspec.convert(_as_text(text), Dialogue, strict=False)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {_where(error)}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(str(error))}") from error
    problem = _problem(dialogue)
    if problem:
        raise ConfigError(f"{path}: {problem}")
    return DialogueFile(path, dialogue)


def _as_text(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    return f"{line}not YAML: {getattr(error, 'problem', None) or 'unreadable'}"


def _in_words(error: str) -> str:
    """msgspec's message with the place first, steps counted from one."""
    what, _, place = error.partition(" - at ")
    place = place.strip("`$").lstrip(".")
    place = re.sub(r"steps\[(\d+)\]", lambda found: f"step {int(found[1]) + 1}", place)
    return f"{place}: {what}" if place else what


def _problem(dialogue: Dialogue) -> str:
    """What the types cannot say of a dialogue; empty if nothing is wrong."""
    for number, step in enumerate(dialogue.steps, 1):
        problem = _step_problem(step)
        if problem:
            return f"step {number}: {problem}"
        is_end = step == "hang_up" or (isinstance(step, Step) and step.hang_up is not None)
        if is_end and number < len(dialogue.steps):
            return f"step {number}: nothing can come after hang_up"
    for call in dialogue.expect.tools:
        if len(call) != 1:
            return "expect.tools: each item is one tool and its arguments, as in 'find_order: {}'"
    return ""


def _step_problem(step: str | Step) -> str:
    if isinstance(step, str):
        return ""
    kind = kind_of(step)
    if not kind:
        return (
            "exactly one of say, wav, interrupt, backchannel, cough, press, hang_up, listen "
            "belongs here"
        )
    if kind == "press":
        strange = sorted(set(step.press) - KEYS)
        return f"press: no telephone has the key '{strange[0]}'" if strange else ""
    if step.pause is not None and kind not in ("say", "wav", "press"):
        return f"pause: it has no meaning with {kind}"
    spoken = step.interrupt or step.backchannel or step
    problem = "" if kind in ("cough", "hang_up") else _speech_problem(spoken)
    return f"{kind}: {problem}" if problem and spoken is not step else problem


def _speech_problem(speech: Speech) -> str:
    if bool(speech.say) == bool(speech.wav):
        return "say a text, or play a wav"
    if speech.say and speech.text:
        return "text: it belongs to a wav; the text of say is what is said"
    if any("[" in part or "]" in part for part in pieces(speech.say) if isinstance(part, str)):
        return "say: a pause is written [pause 0.6]"
    if speech.say and not plain(speech.say):
        return "say: there are no words in it"
    return ""
