"""Replay: the events of a journal once more, on a fresh chart.

A call's decisions depend on its events and its settings alone, so the same chart has to take
the same transitions, with the same answers of its guards (law L10). On another chart the
comparison is by the states that were reached and the events that were raised: what the new
policy would have done with this call.

It is followed only up to the first difference, because from there the world would have
answered otherwise. A journal without an end (the process was killed) is followed as far as it
goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import eq

from engine.chart import Chart
from engine.errors import JournalError
from engine.journal import AnyLine, End, Event, Head
from engine.machine import Machine, Step
from states.call import Call

CUT_OFF = "the journal was cut off: it has no end line, and nobody knows how the call went on"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first differs from what was recorded."""

    seq: int
    at_ms: float
    event: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return (
            f"event {self.seq} ({self.event}, {self.at_ms / 1000:.3f} s) differs:\n"
            f"  recorded: {self.recorded}\n"
            f"  replayed: {self.replayed}"
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay: how many events agreed, the first that did not, and whether the
    journal was cut off before the call's end."""

    events: int
    difference: Difference | None
    cut_off: bool

    def __str__(self) -> str:
        if self.difference is not None:
            text = str(self.difference)
        else:
            text = f"{self.events} events: the same transitions"
        return f"{text}\n{CUT_OFF}" if self.cut_off else text


def replay(lines: Iterable[AnyLine], chart: Chart) -> Replay:
    """Dispatch a journal's events to a fresh machine and compare, event by event.

    Raises :class:`JournalError` if the journal has no head. Events that the call was too late
    for (they name no states) are passed over, as they were.
    """
    machine: Machine | None = None
    same_chart, count = True, 0
    lines = list(lines)
    cut_off = not any(isinstance(line, End) for line in lines)
    for line in lines:
        if isinstance(line, Head):
            machine = Machine(chart, Call(line.settings, line.agent))
            same_chart = line.chart_digest == chart.digest
        elif isinstance(line, Event) and line.states:
            if machine is None:
                raise JournalError("the journal does not begin with its head")
            difference = _step(machine, line, same_chart=same_chart)
            if difference is not None:
                return Replay(count, difference, cut_off)
            count += 1
    if machine is None:
        raise JournalError("the journal has no head: there is nothing to replay")
    return Replay(count, None, cut_off)


def _step(machine: Machine, line: Event, *, same_chart: bool) -> Difference | None:
    event = line.event
    try:
        step = machine.dispatch(event)
    except Exception as error:  # a guard or an action failed: that is a difference, too
        replayed = f"{type(error).__name__}: {error}"
    else:
        if _is_same(step, machine, line):
            return None
        replayed = _of_step(step, machine, exact=same_chart)
    recorded = _described(line.took, line.guards, tuple(line.states), exact=same_chart)
    if recorded == replayed:
        return None
    return Difference(line.seq, event.at_ms, event.name, recorded, replayed)


def _is_same(step: Step, machine: Machine, line: Event) -> bool:
    """Whether a step did just what was recorded: then nobody has to describe it."""
    states = machine.configuration
    return (
        step.transitions == line.took
        and step.guards == line.guards
        and len(states) == len(line.states)
        and all(map(eq, states, line.states))
    )


def _of_step(step: Step, machine: Machine, *, exact: bool) -> str:
    return _described(step.transitions, step.guards, machine.configuration, exact=exact)


def _described(
    took: list[tuple[int, str]],
    guards: list[tuple[str, bool]],
    states: tuple[str, ...],
    *,
    exact: bool,
) -> str:
    """What a step did, as text: all of it, or what two different charts have in common."""
    reached = f"in {', '.join(sorted(states))}"
    if not exact:
        raised = ", ".join(event for _, event in took) or "nothing"
        return f"{raised}; {reached}"
    transitions = ", ".join(f"{number} ({event})" for number, event in took) or "none"
    asked = ", ".join(f"{name} {'yes' if value else 'no'}" for name, value in guards) or "none"
    return f"transitions {transitions}; guards {asked}; {reached}"
