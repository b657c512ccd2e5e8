"""Draws a chart as SVG, where its layout says. The same chart gives the same bytes everywhere.

Ids last: ``state-<id>`` for a state, ``t<number>`` for the rows of a transition in its state's
box, and ``from-<id>-to-<id>`` for an arrow, whose ``data-transitions`` names those it stands for.
A page that shows the picture may add the classes ``lit`` (a state in which the call is) and
``taken`` (a transition or arrow that was just taken).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from engine.chart import Chart, State, Transition
from engine.picture.arrows import Arrow, arrows_of
from engine.picture.boxes import FONT, GUTTER, PAD, SMALL, TITLE_SIZES, Box, Entry, boxes_of, mono
from engine.picture.hues import hues_of
from engine.picture.layout import Layout
from engine.picture.legend import NAME_SIZE, legend
from engine.picture.paint import Paint, Shade
from engine.picture.shapes import band, curve, number, rect, sign, start, text
from engine.picture.style import stylesheet

EDGE = 28.0
"""Around everything."""
LEAST_WIDTH = 900.0
CORNER = 9.0
START = 22.0
"""From a box's left side to where the arrow that begins there comes in."""


def svg(chart: Chart, layout: Layout, paint: Paint | None = None) -> str:
    """The picture of a chart, painted or plain, as a document of its own."""
    width = max(layout.width + 2 * EDGE, LEAST_WIDTH)
    head, top = legend(chart, EDGE, width - EDGE, paint)
    height = top + layout.height + EDGE
    name = escape(chart.name)
    about = paint.about if paint else chart.description
    size = f'width="{number(width)}" height="{number(height)}"'
    sizes = [NAME_SIZE, *TITLE_SIZES]
    picture = _Picture(chart, layout, paint, hues_of(chart))
    left = (width - layout.width) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
        f' viewBox="0 0 {number(width)} {number(height)}"'
        f' class="chart{" painted" if paint else ""}" role="img"'
        ' aria-labelledby="chart-title chart-description">',
        f'<title id="chart-title">The statechart {name}</title>',
        f'<desc id="chart-description">{escape(_description(chart, about))}</desc>',
        f"<style>\n{stylesheet(sizes, painted=paint is not None)}\n</style>",
        rect("canvas", 0, 0, width, height, 0),
        *head,
        f'<g transform="translate({number(left)} {number(top)})">',
        *picture.drawn(),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _description(chart: Chart, about: str) -> str:
    floor = [state.id for state in chart.states.values() if not state.children]
    return (
        f"{about} {len(chart.states)} states and {len(chart.transitions)} transitions; each box "
        "says what the state runs and, in the order in which they are asked, what it does on "
        f"which event. The innermost states are {', '.join(floor)}."
    )


@dataclass(frozen=True, slots=True)
class _Picture:
    chart: Chart
    layout: Layout
    paint: Paint | None
    hues: dict[str, int]

    def drawn(self) -> Iterator[str]:
        """States with their text, outer ones first, then the arrows."""
        boxes = boxes_of(self.chart)
        for name in self.chart.states:
            yield from self.state(boxes[name])
        for state in self.chart.states.values():
            if state.initial:
                yield from self.start(state)
        for arrow in arrows_of(self.chart):
            yield from self.arrow(arrow)

    def hue(self, state: str) -> list[str]:
        """The class of a state's colour, if it has one."""
        return [f"hue-{self.hues[state]}"] if state in self.hues else []

    # --- states ---

    def state(self, box: Box) -> Iterator[str]:
        state = box.state
        x, y, width, height = self.layout.states[state.id]
        shade = self.paint.states.get(state.id) if self.paint else None
        classes = ["state", *self.hue(state.id), *_heat(shade)]
        classes += ["holds"] if state.children else []
        classes += ["beside"] if state.parent and state.parent.parallel else []
        yield f'<g id="state-{state.id}" class="{" ".join(classes)}">'
        yield _title(_of_state(state), shade)
        yield rect("frame", x, y, width, height, CORNER)
        if state.final:
            yield rect("inner", x + 3.5, y + 3.5, width - 7, height - 7, CORNER - 3)
        else:
            yield band(x, y, width, box.band, CORNER)
        middle, size = y + box.band / 2, box.title_size
        yield text("name", x + PAD, middle + size * 0.36, state.id, size)
        if shade:
            right = x + width - PAD - mono(len(shade.figure))
            yield text("figure", right, middle + FONT * 0.36, shade.figure)
        for effect in box.effects:
            yield from sign(effect.kind, x + effect.x, y + effect.y, effect.text)
        # The rows of a state that holds others are as wide as they need be, not as it is.
        slack = 0.0 if state.children else width - box.width
        for entry in box.entries:
            yield from self.entry(entry, x, y, box.width, slack)
        yield "</g>"

    def entry(self, entry: Entry, x: float, y: float, width: float, slack: float) -> Iterator[str]:
        """The rows of one transition, or of what a state does on the way in or out."""
        one = entry.transition
        shade = self.paint.transitions.get(one.number) if self.paint and one else None
        again = ["again"] if entry.again else []
        classes = " ".join(["transition" if one else "way", *_heat(shade), *again])
        yield f'<g id="t{one.number}" class="{classes}">' if one else f'<g class="{classes}">'
        if one:
            yield _title(_of_transition(one), shade)
            yield rect("row", x + 4, y + entry.y, width + slack - 8, entry.height, 4)
            figure = shade.figure if shade else f"t{one.number}"
            right = x + PAD + GUTTER - 6 - mono(len(figure), SMALL)
            yield text("number", right, y + entry.texts[0].y, figure, SMALL)
        for piece in entry.texts:
            if piece.kind == "target" and one and one.target:
                kind = " ".join(["target", *self.hue(one.target)])
                yield text(kind, x + slack + piece.x, y + piece.y, piece.text)
            else:
                yield text(piece.kind, x + piece.x, y + piece.y, piece.text)
        yield "</g>"

    # --- arrows ---

    def start(self, state: State) -> Iterator[str]:
        """The dot that says where the state around begins."""
        x, y, *_ = self.layout.states[state.id]
        around = state.parent.id if state.parent else self.chart.name
        yield '<g class="start">'
        yield _title(f"{around} begins here", None)
        yield from start(x + START, y, filled=True)
        yield "</g>"

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        shade = self.paint.arrows.get(arrow.id) if self.paint else None
        classes = ["arrow", *self.hue(arrow.source), *_heat(shade)]
        classes += ["inward"] if arrow.inward else []
        numbers = " ".join(f"t{one}" for one in arrow.transitions)
        told = [_of_transition(self.chart.transitions[one]) for one in arrow.transitions]
        named = f'id="{arrow.id}" class="{" ".join(classes)}" data-transitions="{numbers}"'
        yield f"<g {named}>"
        yield _title("\n".join([f"{arrow.source} → {arrow.target}", *told]), shade)
        if arrow.inward:
            x, y, *_ = self.layout.states[arrow.target]
            yield from start(x + START + 26, y, filled=False)
        else:
            yield from curve(self.layout.arrows[arrow.id])
        yield "</g>"


def _heat(shade: Shade | None) -> list[str]:
    return [shade.heat] if shade else []


# --- what is told when somebody points at something ---


def _title(what: str, shade: Shade | None) -> str:
    told = f"{what}\n{shade.tip}" if shade else what
    return f"<title>{escape(told)}</title>"


def _of_state(state: State) -> str:
    path = ".".join([*(one.id for one in reversed(list(state.ancestors))), state.id])
    runs = f"\nruns {', '.join(state.invoke)}" if state.invoke else ""
    return path + runs


def _of_transition(one: Transition) -> str:
    guard = f" [{one.guard}]" if one.guard else ""
    does = f" / {', '.join(one.on)}" if one.on else ""
    leads = f" → {one.target}" if one.target else ""
    return f"t{one.number} {one.source}: {one.event}{guard}{does}{leads}"
