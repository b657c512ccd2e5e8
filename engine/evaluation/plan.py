"""A dialogue and its sounds become a script for the simulated telephone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.carriers.whole_frames import FRAME_BYTES
from adapters.twilio.script import AfterAgent, IntoReply, Script, Utterance, When
from engine.evaluation.dialogue import Dialogue, Step, plain
from engine.evaluation.speech import Sounds, speech_of
from states import mulaw

PATIENCE_S = 15.0
"""After so long a silence a caller goes ahead without an answer."""
LAST_PAUSE_S = 1.0
"""From the agent's end to the hang-up of a caller who has no more to say."""

Kind = Literal["turn", "keys", "interruption", "backchannel", "cough", "listen"]


@dataclass(frozen=True, slots=True)
class Planned:
    """One utterance of the script: which step it comes of, counted from one, and what it is.

    ``words`` are said in it; None where they are not known. ``within_s`` is how soon the agent
    has to be silent after it began (interruptions).
    """

    step: int
    kind: Kind
    words: str | None = ""
    within_s: float = 0.0

    @property
    def wants_answer(self) -> bool:
        """Whether the caller waits for the agent to answer it."""
        return self.kind in ("turn", "keys", "interruption")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the telephone does, and what each of its utterances is."""

    script: Script
    utterances: tuple[Planned, ...]


def plan(dialogue: Dialogue, sounds: Sounds) -> Plan:
    """Plan a call."""
    planned: list[Planned] = []
    utterances: list[Utterance] = []
    hang_up: When = AfterAgent(gap_ms=LAST_PAUSE_S * 1000, patience_ms=PATIENCE_S * 1000)
    for number, step in enumerate(dialogue.steps, 1):
        if step == "hang_up":
            break
        if isinstance(step, Step) and step.hang_up is not None:
            hang_up = _into(step.hang_up.after)
            break
        when, what = _when(step, dialogue.pause), _what(number, step)
        audio = sounds.steps[number - 1] or mulaw.SILENCE * FRAME_BYTES
        keys = step.press if isinstance(step, Step) else ""
        utterances.append(Utterance(audio, when, keys))
        planned.append(what)
    script = Script(
        tuple(utterances),
        hang_up=hang_up,
        limit_ms=dialogue.limit * 1000,
        background=sounds.background,
    )
    return Plan(script, tuple(planned))


def _into(after_s: float) -> IntoReply:
    return IntoReply(into_reply_ms=after_s * 1000, patience_ms=PATIENCE_S * 1000)


def _when(step: str | Step, pause_s: float) -> When:
    if isinstance(step, Step):
        into = step.interrupt or step.backchannel or step.cough
        if into is not None:
            return _into(into.after)
        pause_s = pause_s if step.pause is None else step.pause
    return AfterAgent(gap_ms=pause_s * 1000, patience_ms=PATIENCE_S * 1000)


def _what(number: int, step: str | Step) -> Planned:
    if isinstance(step, str):
        return Planned(number, "listen")
    if step.press:
        return Planned(number, "keys")
    if step.cough is not None:
        return Planned(number, "cough")
    speech = speech_of(step)
    words = plain(speech.say) or speech.text or None
    if step.interrupt is not None:
        return Planned(number, "interruption", words, step.interrupt.within)
    return Planned(number, "backchannel" if step.backchannel is not None else "turn", words)
