"""What the effects of one call share: its data, its ports, its ears and its mouth.

An effect is an async function of the stage and of ``emit``, which puts an event on the chart;
what it emits after it was cancelled is dropped. The part of it that must see the call's data
as of the transition that started it is the synchronous part before its coroutine exists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

from effects.ears import Ears
from effects.phrases import Phrases
from effects.playout import Playout, Silenced
from effects.ports import (
    Carrier,
    Clause,
    LanguageModel,
    Speech,
    SpeechToText,
    TextToSpeech,
    Tool,
    TurnDetector,
    VoiceActivityDetector,
    Weight,
)
from effects.spoken import clause_of
from states import notes
from states.call import Call
from states.events import Event

Emit = Callable[[Event], None]
Effect = Callable[["Stage", Emit], Coroutine[Any, Any, None]]

SPEECH_LIMIT = 32
"""Pieces of speech of one reply that wait to be played; the playout has its own limit."""

CLAUSE_LIMIT = 256
"""Clauses of one reply that wait for the voice; a reply is not longer."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The providers behind a call. All calls of a process share them."""

    speech_to_text: SpeechToText
    language_model: LanguageModel
    text_to_speech: TextToSpeech
    voice_activity: VoiceActivityDetector
    turn_detector: TurnDetector
    tools: Mapping[str, Tool]
    phrases: Phrases


class Draft:
    """A reply in the making: what links composing to synthesizing, and that to speaking.

    ``committed`` is set when the turn it answers is taken up; before that nothing of it may be
    heard or have side effects. ``owed`` is what it has to say besides, until it is composed.
    ``misuses`` counts the tools that it asked for wrongly;
    ``voice_failure`` says why the voice gave up, if it did.
    """

    def __init__(self, reply: int, *, committed: bool, owed: str = "") -> None:
        self.reply = reply
        self.owed = owed
        self.committed = trio.Event()
        if committed:
            self.committed.set()
        self._send, self.clauses = trio.open_memory_channel[Clause](CLAUSE_LIMIT)
        self._deliver, self.speech = trio.open_memory_channel[Speech](SPEECH_LIMIT)
        self.is_open = True
        """Whether more clauses may come."""
        self.voice_failure = ""
        self.composed: list[Clause] = []
        self.first_clause = trio.Event()
        self.misuses = 0

    def add(self, text: str, weight: Weight = "plain") -> bool:
        """Hand a clause to the voice; False if there is nothing in it to say, or the reply has
        become too long."""
        clause = clause_of(len(self.composed), text, weight)
        if not clause.words:
            return False
        try:
            self._send.send_nowait(clause)
        except trio.WouldBlock:
            return False
        self.composed.append(clause)
        self.first_clause.set()
        return True

    def finish(self) -> None:
        """No more clauses will come."""
        self.is_open = False
        self._send.close()
        self.first_clause.set()

    def unheard(self, silenced: Silenced) -> tuple[str, Weight]:
        """What the caller has not heard of it, and how much that matters. Of a rest that must be
        said, it is the clauses that must be, whole."""
        rest = [*silenced.unheard, *self.composed[silenced.delivered :]]
        weights = {clause.weight for clause in rest}
        if "must" in weights or self.owed:
            must = [self.composed[one.index].text for one in rest if one.weight == "must"]
            must += [self.owed] if self.owed else []
            return " ".join(must), "must"
        text = " ".join(clause.text for clause in rest)
        return text, "key" if "key" in weights else "plain"

    async def deliver(self, speech: Speech) -> None:
        """Hand speech to whoever plays it; waits while there is plenty."""
        await self._deliver.send(speech)

    def finish_speech(self, failure: str) -> None:
        """No more speech will come; ``failure`` says why if it should have."""
        self.voice_failure = self.voice_failure or failure
        self._deliver.close()


Intent = tuple[int, str, str]
"""What the model wants done: the turn it answers, the tool, the arguments."""


@dataclass(slots=True, eq=False)
class Errand:
    """A run of a tool that the end of its reply does not stop. ``asked`` makes the events that
    it asked for, given ``at_ms``."""

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    done: trio.Event = field(default_factory=trio.Event)
    result: str = ""
    asked: list[Callable[..., Event]] = field(default_factory=list)


@dataclass(slots=True)
class Stage:
    """One call, as its effects see it. ``settled`` waits until what was cancelled is over."""

    call: Call
    ports: Ports
    carrier: Carrier
    ears: Ears
    playout: Playout
    now_ms: Callable[[], float]
    note: Callable[[notes.Note], None]
    emit: Emit
    """Puts an event on the chart that belongs to the call and to no state."""
    run_errand: Callable[[str, Callable[[], Coroutine[Any, Any, None]], Callable[[], None]], None]
    """Runs something that outlives the reply that asked for it (a side effect); the last is called
    if it outlives the call, too."""
    settled: Callable[[], Awaitable[None]]
    draft: Draft | None = None
    acknowledged: str = ""
    """What was said last to a caller who had to wait."""
    tools_running: dict[str, str] = field(default_factory=dict)
    """The tools that run for the current reply, each with what to say meanwhile."""
    errands: dict[Intent, Errand] = field(default_factory=dict)
