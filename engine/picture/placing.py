"""Lays a chart out, each state of states on its own, from the inside out.

The states inside one state, whose sizes are known by then, are put into ranks in the ways that
promise the smallest picture; Graphviz places them by these and leads the arrows around them; and
the results that suit different shapes best are kept, for the state around to choose from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from engine.chart import Chart, State
from engine.picture.arrows import Arrow, arrows_of
from engine.picture.boxes import Box, boxes_of
from engine.picture.graphviz import GAP, Direction, Plan, drawn
from engine.picture.part import Part, in_a_column, in_a_row

MARGIN = 16.0
"""Between a state's border and what lies inside, and between regions."""
ROOM = 32.0
"""Above the states inside a state: for the dot that says where it begins."""

SHAPES = (0.6, 1.0, 1.5, 2.6)
"""The shapes, as width to height, for each of which a best part is kept."""
SHAPE = 1.2
"""The shape of the whole."""
DRAWN = 4
"""So many of the most promising plans are drawn for each shape."""
CHOICES = 60
"""So many combinations of the parts inside are looked at."""
MANY = 6
"""The ranks of more states than this are left to Graphviz."""

LONG, UPWARD, LATE = 60.0, 8.0, 150.0
"""What makes a plan worse, in pixels: each rank that an arrow passes by, an arrow that leads
back, each rank before that of the state in which it begins."""

DIRECTIONS: tuple[Direction, Direction] = ("TB", "LR")


def place(chart: Chart) -> Part:
    """The whole chart. Raises :class:`ChartError` if Graphviz is not installed."""
    found = _Placing(boxes_of(chart), arrows_of(chart)).inside(None, chart.roots)
    return min(found, key=lambda part: part.size(SHAPE))


@dataclass(frozen=True, slots=True)
class _Placing:
    boxes: dict[str, Box]
    arrows: tuple[Arrow, ...]

    def of(self, state: State) -> list[Part]:
        """A state with all inside it, in several shapes."""
        box = self.boxes[state.id]
        if not state.children:
            return [Part(box.width, box.height).framed(state.id)]
        if state.parallel:
            choices = self._choices(state.children)
            found = [part for parts in choices for part in _regions(box, parts)]
        else:
            inner = self.inside(state, state.children)
            found = [_above(box, part) for part in inner]
            found += [_beside(box, part) for part in inner if box.entries]
        return [part.framed(state.id) for part in _best(found)]

    def inside(self, around: State | None, states: Sequence[State]) -> list[Part]:
        """The states in one state (None for the whole chart), in several shapes."""
        name = around.id if around else None
        arrows = [one for one in self.arrows if one.around == name and not one.inward]
        choices = self._choices(states)
        plans = [
            Plan(states, parts, arrows, direction, ranks)
            for ranks in _rankings(len(states))
            for parts in choices
            for direction in DIRECTIONS
        ]
        guesses = [(plan, *_guess(plan), _badness(plan)) for plan in plans]
        found = []
        for shape in SHAPES:

            def promise(guess: tuple[Plan, float, float, float], shape: float = shape) -> float:
                _, width, height, badness = guess
                return max(width, height * shape) + badness

            found += [drawn(guess[0]) for guess in sorted(guesses, key=promise)[:DRAWN]]
        return _best(found)

    def _choices(self, states: Sequence[State]) -> list[tuple[Part, ...]]:
        """Combinations of the shapes of states, the smallest first."""
        shapes = [self.of(state) for state in states]
        if len(states) > MANY:
            shapes = [parts[:1] for parts in shapes]

        def area(parts: tuple[Part, ...]) -> float:
            return sum(part.width * part.height for part in parts)

        return sorted(product(*shapes), key=area)[:CHOICES]


def _rankings(states: int) -> Iterator[tuple[int, ...]]:
    """All ways of putting so many states into ranks, of which there are four at most."""
    if states > MANY:
        yield ()
        return
    for ranks in product(range(min(states, 4)), repeat=states):
        if len(set(ranks)) == max(ranks) + 1:
            yield ranks


def _guess(plan: Plan) -> tuple[float, float]:
    """The width and the height that will come of a plan, about."""
    ranks = plan.ranks or [0] * len(plan.parts)
    along, across = [0.0] * (max(ranks) + 1), [0.0] * (max(ranks) + 1)
    down = plan.direction == "TB"
    for part, rank in zip(plan.parts, ranks, strict=True):
        long, thick = (part.width, part.height) if down else (part.height, part.width)
        along[rank] += long + GAP
        across[rank] = max(across[rank], thick + GAP)
    return (max(along), sum(across)) if down else (sum(across), max(along))


def _badness(plan: Plan) -> float:
    """What speaks against a plan beside its size."""
    if not plan.ranks:
        return 0.0
    ranks = {state.id: rank for state, rank in zip(plan.states, plan.ranks, strict=True)}
    badness = LATE * sum(ranks[state.id] for state in plan.states if state.initial)
    for arrow in plan.arrows:
        steps = ranks[arrow.target] - ranks[arrow.source]
        badness += LONG * max(0, abs(steps) - 1) + (UPWARD if steps < 0 else 0.0)
    return badness


def _best(found: Sequence[Part]) -> list[Part]:
    """For each shape the part that suits it best."""
    kept: list[Part] = []
    for shape in SHAPES:
        part = min(found, key=lambda one, shape=shape: one.size(shape))  # type: ignore[misc]
        if not any(part is one for one in kept):
            kept.append(part)
    return kept


# --- a state and what lies inside it ---


def _above(box: Box, inner: Part) -> Part:
    """A state's own text above what lies inside."""
    width = max(box.width, inner.width + 2 * MARGIN)
    part = Part(width, box.height + ROOM + inner.height + MARGIN)
    part.add(inner, (width - inner.width) / 2, box.height + ROOM)
    return part


def _beside(box: Box, inner: Part) -> Part:
    """A state's own text at the left of what lies inside."""
    height = max(box.height, box.band + ROOM + inner.height + MARGIN)
    part = Part(box.width + inner.width + 2 * MARGIN, height)
    part.add(inner, box.width + MARGIN, box.band + ROOM)
    return part


def _regions(box: Box, parts: Sequence[Part]) -> list[Part]:
    """Regions side by side: under the state's own text, or the large one at the right of it, with
    the others below it."""
    large = max(parts, key=lambda part: part.width * part.height)
    others = [part for part in parts if part is not large]
    parts = list(parts)
    found = []
    for inner in (
        in_a_row(parts, MARGIN),
        in_a_column(parts, MARGIN),
        in_a_row([large, in_a_column(others, MARGIN)], MARGIN),
        in_a_column([large, in_a_row(others, MARGIN)], MARGIN),
    ):
        part = Part(max(box.width, inner.width + 2 * MARGIN), box.height + inner.height + MARGIN)
        part.add(inner, MARGIN, box.height)
        found.append(part)
    width = max(box.width - MARGIN, *(part.width for part in others))
    others = [part.widened(width) for part in others]
    left = in_a_column([Part(box.width - MARGIN, box.height - box.band), *others], MARGIN)
    beside = in_a_row([left, large], MARGIN)
    part = Part(beside.width + 2 * MARGIN, box.band + beside.height + 2 * MARGIN)
    part.add(beside, MARGIN, box.band + MARGIN)
    return [*found, part]
