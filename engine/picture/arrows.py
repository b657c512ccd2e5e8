"""Which arrows are drawn: one between two states that lie side by side, for all transitions that
lead from one (or from inside it) to the other (or inside it).

So no arrow crosses the border of a state, and the picture stays as clear as the chart is nested.
Where exactly a transition leads stands in its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.chart import Chart, State, Transition


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one state to another. Both lie directly in ``around`` (None for the whole chart), or
    ``source`` is itself ``around``: what it does whichever of its states is active."""

    source: str
    target: str
    around: str | None
    transitions: tuple[int, ...]

    @property
    def id(self) -> str:
        """Its name in the picture."""
        return f"from-{self.source}-to-{self.target}"

    @property
    def inward(self) -> bool:
        """Whether it leads from a state to what lies inside it."""
        return self.source == self.around


def arrows_of(chart: Chart) -> tuple[Arrow, ...]:
    """All arrows, in the order of their first transitions. A transition that stays, or enters
    the state anew that it comes from, has none."""
    found: dict[tuple[str, str, str | None], list[int]] = {}
    for one in chart.transitions:
        ends = _ends(chart, one)
        if ends is not None:
            found.setdefault(ends, []).append(one.number)
    return tuple(Arrow(*ends, tuple(numbers)) for ends, numbers in found.items())


def _ends(chart: Chart, one: Transition) -> tuple[str, str, str | None] | None:
    if one.target is None:
        return None
    source, target = chart.states[one.source], chart.states[one.target]
    sources, targets = (source, *source.ancestors), (target, *target.ancestors)
    if source in targets[1:]:
        inner = _below(targets, source)
        return None if source.parallel else (source.id, inner.id, source.id)
    around = next((state for state in sources[1:] if state in targets[1:]), None)
    first, last = _below(sources, around), _below(targets, around)
    return None if first is last else (first.id, last.id, around.id if around else None)


def _below(line: tuple[State, ...], around: State | None) -> State:
    """The one of a state and those around it that lies directly in ``around``."""
    return next(state for state in line if state.parent is around)
