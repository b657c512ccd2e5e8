"""A journal put in order for telling it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

from engine.chart import Chart
from engine.errors import JournalError
from engine.journal import Effect, End, Event, Head, Note, Reading
from engine.machine import Machine
from states import events, notes
from states.call import Call

E = TypeVar("E", bound=events.Event)
N = TypeVar("N", bound=notes.Note)


@dataclass(slots=True)
class Generation:
    """One request to a language model, and what came of it up to the next."""

    requested: notes.ReplyRequested
    clauses: list[notes.ClauseComposed] = field(default_factory=list)
    first_token_ms: float | None = None
    tool: str = ""
    tool_started_ms: float | None = None
    settled: events.ToolSettled | None = None
    failed: events.ReplyFailed | None = None
    composed_ms: float | None = None
    dropped_ms: float | None = None
    """When it was given up, as far as it had come."""

    @property
    def came_to_something(self) -> bool:
        """Whether it wrote anything, asked for a tool, or failed."""
        return bool(self.clauses or self.tool or self.failed or self.composed_ms)


@dataclass(slots=True)
class ReplyStory:
    """A reply: what it answers (``to``), what the agent had said before (``asked``), and the
    requests it took, a hedge being one of them."""

    to: str = ""
    asked: str = ""
    generations: list[Generation] = field(default_factory=list)
    audible: bool = False
    must: str = ""
    """What was not heard of it and mattered, and how much."""
    weight: str = "plain"

    @property
    def text(self) -> str:
        """All that is known of its text."""
        return " ".join(one.text for part in self.generations for one in part.clauses)


class Story:
    """What the journal of a call tells, by what it is about. Times are ms of the call.

    The words of the open turn are not in every line: the events are run through the chart again
    for them, as far as that goes.
    """

    def __init__(self, reading: Reading, chart: Chart) -> None:
        heads = [line for line in reading.lines if isinstance(line, Head)]
        if not heads:
            raise JournalError("the journal has no head: there is nothing to tell again")
        self.head = heads[0]
        self.lines = reading.lines
        self.end = next((line for line in reading.lines if isinstance(line, End)), None)
        self.replies: dict[int, ReplyStory] = defaultdict(ReplyStory)
        self.scores: dict[str, float] = {}
        self._machine: Machine | None = Machine(chart, Call(self.head.settings, self.head.agent))
        for line in reading.lines:
            match line:
                case Event():
                    self._event(line)
                case Note(note=note):
                    self._note(note)

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of a kind."""
        for line in self.lines:
            if isinstance(line, Event) and isinstance(line.event, kind):
                yield line.event

    def by(self, effect: str) -> Iterator[Event]:
        """The events that an effect reported."""
        return (line for line in self.lines if isinstance(line, Event) and line.by == effect)

    def noted(self, kind: type[N]) -> Iterator[N]:
        """The notes of a kind."""
        for line in self.lines:
            if isinstance(line, Note) and isinstance(line.note, kind):
                yield line.note

    @property
    def effects(self) -> Iterator[Effect]:
        """The starts and ends of effects."""
        return (line for line in self.lines if isinstance(line, Effect))

    def took_ms(self, effect: str) -> list[float]:
        """How long an effect ran before it reported, each time that it did."""
        began, took = 0.0, []
        for line in self.lines:
            if isinstance(line, Effect) and line.effect == effect and line.phase == "started":
                began = line.at_ms
            elif isinstance(line, Event) and line.by == effect:
                took.append(line.event.at_ms - began)
        return took

    @property
    def over_ms(self) -> float:
        """When the call was over, or when the journal breaks off."""
        times = [line.event.at_ms for line in self.lines if isinstance(line, Event)]
        return max([*times, self.end.at_ms if self.end else 0.0], default=0.0)

    @property
    def phrases_rendered(self) -> bool:
        """Whether the fixed lines were there before they were needed."""
        asked = {note.reply for note in self.noted(notes.VoiceRequested)}
        composed = {note.reply for note in self.noted(notes.ReplyRequested)}
        return not asked - composed

    # --- inside ---

    def _event(self, line: Event) -> None:
        event = line.event
        words = self._words()
        match event:
            case events.TurnForeseen(completeness=score) | events.TurnJudged(completeness=score):
                if words:
                    self.scores[words] = score
            case events.AudioStarted(reply=reply):
                self.replies[reply].audible = True
            case events.OutputHeld(reply=reply, unheard=unheard, weight=weight):
                self.replies[reply].must, self.replies[reply].weight = unheard, weight
            case events.ReplyFailed(reply=reply) if self.replies[reply].generations:
                self.replies[reply].generations[-1].failed = event
            case events.ToolSettled(reply=reply):
                self._settled(event)
        if line.states:
            self._step(event)

    def _settled(self, event: events.ToolSettled) -> None:
        """The first of a reply's requests that still wants this tool was for it."""
        parts = self.replies[event.reply].generations
        waiting = [part for part in parts if part.settled is None and part.tool == event.tool]
        if not waiting and parts and parts[-1].settled is None:
            waiting = parts[-1:]  # it was wrong, and never begun
        if not waiting and parts:  # another tool of the same generation
            parts.append(Generation(parts[-1].requested, first_token_ms=event.at_ms))
            waiting = parts[-1:]
        if waiting:
            waiting[0].tool, waiting[0].settled = event.tool, event

    def _words(self) -> str:
        return self._machine.call.turn.words if self._machine else ""

    def _step(self, event: events.Event) -> None:
        if self._machine is None:
            return
        before = self._machine.call.reply.number
        try:
            self._machine.dispatch(event)
        except Exception:  # another chart: what its guards and actions make of this is unknown
            self._machine = None
            return
        call = self._machine.call
        if call.reply.number != before:
            self.replies[call.reply.number].to = call.reply.to_words
            self.replies[call.reply.number].asked = call.asked

    def _note(self, note: notes.Note) -> None:
        match note:
            case notes.ReplyRequested(reply=reply):
                self.replies[reply].generations.append(Generation(note))
            case notes.FirstToken(at_ms=at_ms, reply=reply):
                self._part(reply).first_token_ms = at_ms
            case notes.ClauseComposed(reply=reply):
                self._part(reply).clauses.append(note)
            case notes.ToolStarted(at_ms=at_ms, reply=reply, tool=tool):
                part = self._part(reply)
                if part.tool:  # the second tool of one generation
                    part = Generation(part.requested, first_token_ms=at_ms)
                    self.replies[reply].generations.append(part)
                part.tool, part.tool_started_ms = tool, at_ms
            case notes.ReplyComposed(at_ms=at_ms, reply=reply):
                self._part(reply).composed_ms = at_ms
            case notes.DraftDropped(at_ms=at_ms, reply=reply):
                self._part(reply).dropped_ms = at_ms

    def _part(self, reply: int) -> Generation:
        parts = self.replies[reply].generations
        if not parts:
            parts.append(Generation(notes.ReplyRequested(at_ms=0, reply=reply, round=1, model="")))
        return parts[-1]


def usual(values: list[float], otherwise: float) -> float:
    """The median; of none, something else."""
    return median(values) if values else otherwise
