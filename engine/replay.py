"""Replay: the events of a journal once more, on a fresh chart.

A call's decisions depend on its events and its settings alone, so the same chart has to take
the same transitions, with the same answers of its guards (law L10). On another chart the
comparison is by the states that were reached and the events that were raised: what the new
policy would have done with this call.

It is followed only up to the first difference, because from there the world would have
answered otherwise. A journal without an end (the process was killed) is followed as far as it
goes, one in which an event is missing (its line is spoilt) up to there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from operator import eq

from engine.chart import Chart
from engine.errors import JournalError
from engine.journal import AnyLine, End, Event, Head
from engine.machine import Machine, Step
from states.call import Call

CUT_OFF = "the journal was cut off: it has no end line, and nobody knows how the call went on"

_WIDEST = 60
"""Characters of a column; what is longer pushes the other to the right."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one event did: the guards that were asked, in order, the transitions that were taken,
    in words, and the states after it. ``failed`` says why there are none of these."""

    guards: tuple[tuple[str, bool], ...] = ()
    transitions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    failed: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """The guards with their values."""
        return tuple(f"{name} {'yes' if value else 'no'}" for name, value in self.guards)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first differs from what was recorded."""

    seq: int
    at_ms: float
    event: str
    recorded: Taken
    replayed: Taken

    def __str__(self) -> str:
        where = f"event {self.seq} ({self.event}, {self.at_ms / 1000:.3f} s) differs:"
        return "\n".join([where, *self._side_by_side()])

    def _side_by_side(self) -> Iterator[str]:
        """Recorded on the left, replayed on the right, ``*`` where they differ."""
        then, now = self.recorded, self.replayed
        rows = [("", "recorded", "replayed")]
        rows += _rows("guards", then.asked, now.asked)
        rows += _rows("transitions", then.transitions, now.transitions)
        rows += _rows("states", *_each_beside_itself(then.states, now.states))
        if now.failed:
            rows.append(("failed", "-", now.failed))
        width = min(_WIDEST, max(len(left) for _, left, _ in rows))
        for number, (name, left, right) in enumerate(rows):
            mark = "*" if number and left != right else " "
            yield f"  {name:<12}{mark} {left:<{width}} | {right}".rstrip()


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay: how many events agreed, the first that did not, whether the journal
    was cut off before the call's end, and the number of the first event that is missing in it."""

    events: int
    difference: Difference | None
    cut_off: bool
    missing: int | None = None

    def __str__(self) -> str:
        if self.difference is not None:
            text = str(self.difference)
        else:
            text = f"{self.events} events: the same transitions"
        if self.missing is not None:
            text += (
                f"\nevent {self.missing} is missing, and what the chart was at after it is not"
                " known: the replay stops there"
            )
        return f"{text}\n{CUT_OFF}" if self.cut_off else text


def replay(lines: Iterable[AnyLine], chart: Chart) -> Replay:
    """Dispatch a journal's events to a fresh machine and compare, event by event.

    Raises :class:`JournalError` if the journal has no head. Events that the call was too late
    for (they name no states) are passed over, as they were.
    """
    machine: Machine | None = None
    same_chart, count, seq = True, 0, 0
    lines = list(lines)
    cut_off = not any(isinstance(line, End) for line in lines)
    for line in lines:
        if isinstance(line, Head):
            machine = Machine(chart, Call(line.settings, line.agent))
            same_chart = line.chart_digest == chart.digest
        elif isinstance(line, Event):
            if machine is None:
                raise JournalError("the journal does not begin with its head")
            if line.seq > seq + 1:
                return Replay(count, None, cut_off, missing=seq + 1)
            seq = line.seq
            difference = _step(machine, line, chart, same_chart=same_chart) if line.states else None
            if difference is not None:
                return Replay(count, difference, cut_off)
            count += bool(line.states)
    if machine is None:
        raise JournalError("the journal has no head: there is nothing to replay")
    return Replay(count, None, cut_off)


def _step(machine: Machine, line: Event, chart: Chart, *, same_chart: bool) -> Difference | None:
    event = line.event
    try:
        step = machine.dispatch(event)
    except Exception as error:  # a guard or an action failed: that is a difference, too
        replayed = Taken(failed=f"{type(error).__name__}: {error}")
    else:
        if _is_same(step, machine, line):
            return None  # and nobody has to describe it
        replayed = _taken(
            step.transitions, step.guards, machine.configuration, chart, exact=same_chart
        )
    recorded = _taken(
        line.took, line.guards, line.states, chart if same_chart else None, exact=same_chart
    )
    if same_chart or replayed.failed:
        same = recorded == replayed
    else:  # two charts have their events and states in common, not the numbers nor the guards
        raised = [event for _, event in line.took], [event for _, event in step.transitions]
        same = raised[0] == raised[1] and recorded.states == replayed.states
    return None if same else Difference(line.seq, event.at_ms, event.name, recorded, replayed)


def _is_same(step: Step, machine: Machine, line: Event) -> bool:
    """Whether a step did just what was recorded."""
    states = machine.configuration
    return (
        step.transitions == line.took
        and step.guards == line.guards
        and len(states) == len(line.states)
        and all(map(eq, states, line.states))
    )


def _taken(
    took: list[tuple[int, str]],
    guards: list[tuple[str, bool]],
    states: Iterable[str],
    chart: Chart | None,
    *,
    exact: bool,
) -> Taken:
    """What a step did. On another chart the order of the states says nothing."""
    transitions = tuple(_in_words(number, event, chart) for number, event in took)
    return Taken(tuple(guards), transitions, tuple(states if exact else sorted(states)))


def _in_words(number: int, event: str, chart: Chart | None) -> str:
    """A transition as people say it, as far as its chart is known."""
    if chart is None or number >= len(chart.transitions):
        return f"t{number} on {event}"
    one = chart.transitions[number]
    return f"{one.source} → {one.target or 'stays'} on {event} (t{number}, line {one.line})"


def _each_beside_itself(
    recorded: tuple[str, ...], replayed: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The states of both, so that one that is in both stands in one row."""
    states = tuple(dict.fromkeys([*recorded, *replayed]))
    left, right = (
        tuple(one if one in those else "-" for one in states) for those in (recorded, replayed)
    )
    return left, right


def _rows(
    name: str, recorded: tuple[str, ...], replayed: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    pairs = list(zip_longest(recorded, replayed, fillvalue="-")) or [("none", "none")]
    return [(name if not number else "", *pair) for number, pair in enumerate(pairs)]
