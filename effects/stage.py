"""What the effects of one call share: its data, its ports, its ears and its mouth.

An effect is an async function of the stage and of ``emit``, which puts an event on the chart;
what it emits after it was cancelled is dropped. The part of it that must see the call's data
as of the transition that started it is the synchronous part before its coroutine exists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trio

from effects.choice import Choice
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


SENTENCE_ENDS = (".", "!", "?", ":", ";")
"""Where another voice may go on."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The providers behind a call. All calls of a process share them. Where there are several for
    one port, the later ones take over from those that fail."""

    speech_to_text: Choice[SpeechToText]
    language_model: Choice[LanguageModel]
    text_to_speech: Choice[TextToSpeech]
    voice_activity: VoiceActivityDetector
    turn_detector: TurnDetector
    tools: Mapping[str, Tool]
    phrases: Phrases


class Voicing:
    """One voice at work on a draft, or about to be. ``scope`` stops it; ``failure`` says why it
    gave up, if it did, and ``instead`` who can take over.

    It begins with the clause ``first``, and has wholly delivered so many as have ``ended``.
    """

    def __init__(self, clauses: Sequence[Clause] = (), first: int = 0) -> None:
        self._hand, self.clauses = trio.open_memory_channel[Clause](CLAUSE_LIMIT)
        self._deliver, self.speech = trio.open_memory_channel[Speech](SPEECH_LIMIT)
        self.scope = trio.CancelScope()
        self.begun = False
        self.first = first
        self.ended = 0
        self.failure = ""
        self.instead = ""
        for clause in clauses:
            self._hand.send_nowait(clause)

    def hand(self, clause: Clause) -> None:
        """Give it another clause. Raises :class:`trio.WouldBlock` if it has too many."""
        self._hand.send_nowait(clause)

    def no_more(self) -> None:
        """No more clauses will come."""
        self._hand.close()

    async def deliver(self, speech: Speech) -> None:
        """Hand speech to whoever plays it; waits while there is plenty. What a voice that was given
        up still says is dropped."""
        with suppress(trio.ClosedResourceError):
            await self._deliver.send(speech)
            self.ended += speech.ends_clause

    def finish(self, failure: str, instead: str = "") -> None:
        """No more speech will come; ``failure`` says why if it should have."""
        if failure and not self.failure:
            self.failure, self.instead = failure, instead
        self._deliver.close()


class Draft:
    """A reply in the making: what links composing to synthesizing, and that to speaking.

    ``committed`` is set when the turn it answers is taken up; before that nothing of it may be
    heard or have side effects. ``owed`` is what it has to say besides, until it is composed.
    ``misuses`` counts the tools that it asked for wrongly. ``voicing`` is the voice that says it.
    """

    def __init__(self, reply: int, *, committed: bool, owed: str = "") -> None:
        self.reply = reply
        self.owed = owed
        self.committed = trio.Event()
        if committed:
            self.committed.set()
        self.voicing = Voicing()
        self.is_open = True
        """Whether more clauses may come."""
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
            self.voicing.hand(clause)
        except trio.WouldBlock:
            return False
        self.composed.append(clause)
        self.first_clause.set()
        return True

    def finish(self) -> None:
        """No more clauses will come."""
        self.is_open = False
        self.voicing.no_more()
        self.first_clause.set()

    def change_voice(self) -> int:
        """Have another voice say it, from the beginning of the sentence that was not finished: a
        voice does not change in mid-sentence. Returns the clause with which it begins."""
        self.voicing.scope.cancel()
        self.voicing.finish("")
        first = min(self.voicing.first + self.voicing.ended, len(self.composed))
        while first > 0 and not self.composed[first - 1].text.endswith(SENTENCE_ENDS):
            first -= 1
        self.voicing = Voicing(self.composed[first:], first)
        if not self.is_open:
            self.voicing.no_more()
        return first

    @property
    def is_said(self) -> bool:
        """Whether the voice has wholly delivered it, and no more will come."""
        return not self.is_open and self.voicing.first + self.voicing.ended >= len(self.composed)

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
    mind_name: str = ""
    voice_name: str = ""
    """Who thinks and who speaks in this call unless they fail: it does not change them because
    others had trouble with them."""
    draft: Draft | None = None
    acknowledged: str = ""
    """What was said last to a caller who had to wait."""
    tools_running: dict[str, str] = field(default_factory=dict)
    """The tools that run for the current reply, each with what to say meanwhile."""
    errands: dict[Intent, Errand] = field(default_factory=dict)

    @property
    def mind(self) -> LanguageModel:
        """Who composes the replies of this call."""
        return self.ports.language_model.pick(self.call.mind or self.mind_name)

    @property
    def voice(self) -> TextToSpeech:
        """Who speaks in this call."""
        return self.ports.text_to_speech.pick(self.call.voice or self.voice_name)

    def phrase(self, text: str) -> bytes | None:
        """The audio of a fixed line; None if it was not rendered, or not in this call's voice."""
        is_own = self.voice is self.ports.text_to_speech.first
        return self.ports.phrases.get(text) if is_own else None
