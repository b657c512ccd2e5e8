"""What the laws look at: a trace, put in order.

Everything here is read off the line and the journal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from effects.echo import STRETCH_MS
from engine import journal
from engine.chart import Chart
from engine.simulation.laws.utterances import utterances_of
from engine.simulation.line import Played, Voiced
from engine.simulation.trace import Trace
from states.events import AudioStarted, EndAsked, Event, ToolSettled, Transcript, TransferAsked
from states.settings import Settings

VAD_WINDOW_MS = 32.0

OF_ERRANDS = (ToolSettled, EndAsked, TransferAsked)
"""What errands report: also while a call that was stopped closes."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that was broken, when (ms of the call), and how."""

    law: str
    at_ms: float
    says: str

    def __str__(self) -> str:
        return f"{self.law} at {self.at_ms / 1000:.3f} s: {self.says}"


@dataclass(frozen=True, slots=True)
class Voice:
    """The caller's voice without a break, as it reached the line."""

    from_ms: float
    to_ms: float


class _Known:
    """What the laws ask of a chart: the states that run an effect, those that do an action when
    they are entered, the final ones, and the transitions that do an action."""

    def __init__(self, chart: Chart) -> None:
        self.running: dict[str, set[str]] = defaultdict(set)
        self.entering: dict[str, set[str]] = defaultdict(set)
        for state in chart.states.values():
            for effect in state.invoke:
                self.running[effect].add(state.id)
            for action in state.enter:
                self.entering[action].add(state.id)
        self.final = {state.id for state in chart.roots if state.final}
        self.doing: dict[str, set[int]] = defaultdict(set)
        for transition in chart.transitions:
            for action in transition.on:
                self.doing[action].add(transition.number)


_known_of = cache(_Known)


class Reading:
    """A trace, put in order. ``sounds`` are the caller's voice and what may be taken for it: the
    agent's own that came back. ``tolerance_ms`` is how exactly the ears can time a sound: one
    window of the voice detector, a frame that has to be whole before it is sent, one in which
    the sound begins, and the way there and back; with an
    echo on the line also the stretch of sound in which they tell it from the caller.

    A chart may call its states what it likes. They are told apart by what they run and do."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        head = trace.lines[0]
        assert isinstance(head, journal.Head)
        self.head = head
        self.settings: Settings = head.settings
        wire = trace.scenario.wire
        self.round_trip_ms = 2000 * wire.lag
        self.tolerance_ms = (
            VAD_WINDOW_MS + 2 * wire.frame_ms + self.round_trip_ms + 1000 * wire.jitter
        ) + (STRETCH_MS if wire.echo else 0)
        self.events = [
            (index, line)
            for index, line in enumerate(trace.lines)
            if isinstance(line, journal.Event)
        ]
        self._event_indexes = [index for index, _ in self.events]
        self.notes = [
            (index, line.note)
            for index, line in enumerate(trace.lines)
            if isinstance(line, journal.Note)
        ]
        self._transcripts = [
            (index, line.event) for index, line in self.events if isinstance(line.event, Transcript)
        ]
        self._known = _known_of(trace.chart)
        self.utterances = list(utterances_of(trace))
        self.voices = _voices(trace)
        self.sounds = _joined([*self.voices, *_echoes(trace)])
        self.ended_ms = self._ended_ms()

    def _ended_ms(self) -> float:
        """When the call was over for the caller or the chart, whichever came first."""
        times = [line.event.at_ms for _, line in self.events if self.has_ended(line)]
        times += [
            crossed.at_ms for crossed in self.trace.crossed if crossed.kind in ("stop", "hang_up")
        ]
        return min([*times, self.trace.closed_ms])

    def has_ended(self, line: journal.Event) -> bool:
        """Whether the chart is at its end after an event."""
        return not self._known.final.isdisjoint(line.states)

    def runs(self, effect: str, states: Collection[str]) -> bool:
        """Whether one of these states runs an effect."""
        return not self._known.running[effect].isdisjoint(states)

    def enters(self, action: str, states: Collection[str]) -> bool:
        """Whether one of these states does an action when it is entered."""
        return not self._known.entering[action].isdisjoint(states)

    def event_before(self, after: int) -> journal.Event | None:
        """The last event that was written among the first ``after`` lines."""
        place = bisect_left(self._event_indexes, after)
        return self.events[place - 1][1] if place else None

    def is_over(self, after: int) -> bool:
        """Whether the call was closing already when the journal had so many lines."""
        line = self.event_before(after)
        if line is not None and self.has_ended(line):
            return True
        stopped = self.trace.outcome is None or not self.trace.outcome.completed
        return stopped and not any(
            event.took and not isinstance(event.event, OF_ERRANDS)
            for index, event in self.events
            if index >= after
        )

    def raised(self, *names: str) -> Iterator[tuple[int, str, journal.Event]]:
        """Where events of these names took a transition, in order."""
        for index, line in self.events:
            for _, event in line.took:
                if event in names:
                    yield index, event, line

    def taken(self, line: journal.Event, action: str) -> bool:
        """Whether an event took a transition with this action."""
        doing = self._known.doing[action]
        return bool(line.took) and any(number in doing for number, _ in line.took)

    def taken_at(self, action: str) -> list[float]:
        """When transitions with this action were taken (ms)."""
        return [line.event.at_ms for _, line in self.events if self.taken(line, action)]

    def transcripts(self) -> Iterator[tuple[int, Transcript]]:
        """What speech-to-text said, in order."""
        return iter(self._transcripts)

    def last_sound_ms(self, at_ms: float) -> float:
        """The end of the last sound of the caller, or ``at_ms`` if that was later."""
        return max([at_ms, *(voice.to_ms for voice in self.voices)])

    def stretches(self) -> list[Played]:
        """What the caller heard, in order."""
        return self.trace.played


def reading_of(trace: Trace) -> Reading:
    """The trace put in order; once, so a trace must not be changed after a law has seen it."""
    if "reading" not in trace.memo:
        trace.memo["reading"] = Reading(trace)
    reading: Reading = trace.memo["reading"]
    return reading


def is_committed(reading: Reading, reply: int, before: int) -> bool:
    """Whether the turn that a reply answers was committed, and not taken back, when the journal
    had so many lines. What an earlier reply had begun to answer was another turn."""
    committed = False
    for index, line in reading.events:
        if index >= before:
            break
        for _, event in line.took:
            committed = event == "committed" or (committed and event != "abandoned")
        if isinstance(line.event, AudioStarted) and line.event.reply < reply:
            committed = False
    return committed


def event_of(line: journal.Event) -> Event:
    """The event of a journal line."""
    event: Event = line.event
    return event


# --- the caller's sound ---------------------------------------------------------------------


def _echoes(trace: Trace) -> list[Voice]:
    """The agent's voice that came back."""
    echo_ms = trace.scenario.wire.echo * 1000
    if not echo_ms:
        return []
    return [Voice(one.from_ms + echo_ms, one.to_ms + echo_ms) for one in trace.played]


def _joined(sounds: Sequence[Voice | Voiced]) -> list[Voice]:
    """Sounds that touch are one."""
    voices: list[Voice] = []
    for sound in sorted(sounds, key=lambda sound: sound.from_ms):
        if voices and sound.from_ms <= voices[-1].to_ms + 1:
            last = voices.pop()
            voices.append(Voice(last.from_ms, max(last.to_ms, sound.to_ms)))
        else:
            voices.append(Voice(sound.from_ms, sound.to_ms))
    return voices


def _voices(trace: Trace) -> list[Voice]:
    """The caller's voice; sounds that touch are one, and what was lost on the way is not."""
    voices = _joined(trace.voiced)
    for act in trace.scenario.caller:
        if act.lose:
            lost = (act.at * 1000, (act.at + act.lose) * 1000)
            voices = [part for voice in voices for part in _without(voice, *lost)]
    over_ms = trace.closed_ms
    return [Voice(v.from_ms, min(v.to_ms, over_ms)) for v in voices if v.from_ms < over_ms]


def _without(voice: Voice, from_ms: float, to_ms: float) -> Iterator[Voice]:
    before = Voice(voice.from_ms, min(voice.to_ms, from_ms))
    after = Voice(max(voice.from_ms, to_ms), voice.to_ms)
    yield from (part for part in (before, after) if part.to_ms > part.from_ms)
