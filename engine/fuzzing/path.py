"""The way that a call took through its chart: from where to where, why, and by which line of the
file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine import journal
from engine.chart import Chart, State, Transition
from engine.simulation.timeline import event_text, innermost
from engine.simulation.trace import Trace


def chart_path(trace: Trace, until_ms: float = float("inf")) -> str:
    """Every event that led from a state to another (or to the same, anew), with the values of the
    guards that were asked; below it the transitions taken, each with its line in the file."""
    rows: list[str] = []
    before: tuple[str, ...] = ()
    for line in trace.events():
        if line.event.at_ms > until_ms:
            break
        after = tuple(line.states)
        moves = [
            f"{'':11}{_where(trace.chart, one):<16} {_from_to(trace.chart, one, before, after)}"
            for one in taken(trace.chart, line)
            if one.target is not None
        ]
        if moves:
            rows.append(f"{line.event.at_ms / 1000:9.3f}  {event_text(line)}{_guards(line)}")
            rows += moves
        before = after
    return "\n".join(rows)


def taken(chart: Chart, line: journal.Event) -> Iterator[Transition]:
    """The transitions that an event took, as far as they are in the chart."""
    for number, _ in line.took:
        if 0 <= number < len(chart.transitions):
            yield chart.transitions[number]


def _where(chart: Chart, transition: Transition) -> str:
    return f"{Path(chart.path).name}:{transition.line}"


def _guards(line: journal.Event) -> str:
    asked = dict(line.guards)
    values = ", ".join(f"{name} {'yes' if value else 'no'}" for name, value in asked.items())
    return f"  [{values}]" if values else ""


def _from_to(
    chart: Chart, transition: Transition, before: tuple[str, ...], after: tuple[str, ...]
) -> str:
    """The innermost states that a transition left and reached."""
    assert transition.target is not None
    source = _names(_inside(chart, transition.source, before))
    target = _names(_inside(chart, transition.target, after))
    if len(source) > 1 and len(target) > 1 and source[0] == target[0]:
        target = target[1:]  # the state around both is said once
    return f"{transition.event}: {'.'.join(source)} -> {'.'.join(target)}"


def _inside(chart: Chart, name: str, states: tuple[str, ...]) -> State:
    """The innermost state within ``name`` that the call was in; itself if it was in none."""
    around = chart.states[name]
    for inner in innermost(chart, states):
        if around in (chart.states[inner], *chart.states[inner].ancestors) and _one_path(around):
            return chart.states[inner]
    return around


def _one_path(state: State) -> bool:
    """Whether the call is in one innermost state of it at a time: there are no regions inside."""
    return not any(inner.parallel for inner in state.walk())


def _names(state: State) -> list[str]:
    """The states around a state and itself, outermost first, within its region."""
    names = [state.id]
    for around in state.ancestors:
        if around.parallel:
            names = names[1:] if len(names) > 1 else names  # the region says itself who is in it
            break
        names.insert(0, around.id)
    return names
