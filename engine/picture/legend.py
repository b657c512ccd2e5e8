"""The head of a picture: what it shows, and how to read it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from engine.chart import Chart
from engine.picture.boxes import SIGN, SMALL, Kind, mono
from engine.picture.paint import Paint
from engine.picture.shapes import rect, sign, start, text

NAME_SIZE = 30.0
GAP, LINE = 30.0, 26.0
SWATCH = 22.0
ROOM = 26.0
"""Below the head: for the dot that says where the chart begins."""

Key = tuple[float, Callable[[float, float], list[str]]]
"""One thing that is explained: its width, and its elements at a place and a baseline."""

_ROW: tuple[tuple[str, str], ...] = (
    ("event", "event"),
    ("guard", "[guard]"),
    ("action", "/ actions"),
    ("target", "→ where it leads"),
)


def legend(chart: Chart, left: float, right: float, paint: Paint | None) -> tuple[list[str], float]:
    """The elements of the head between two edges, and where the chart may begin below it."""
    y = left + NAME_SIZE * 0.8
    lines = [text("name", left, y, chart.name, NAME_SIZE)]
    about = paint.about if paint else chart.description
    for line in textwrap.wrap(about, int((right - left) / mono(1))):
        y += LINE
        lines.append(text("about", left, y, line))
    x, y = left, y + LINE + 6
    for width, drawn in [*_keys(), *_heats(paint)]:
        if x > left and x + width > right:
            x, y = left, y + LINE
        lines += drawn(x, y)
        x += width + GAP
    return lines, y + LINE + ROOM


def _keys() -> Iterator[Key]:
    """How a chart is read."""
    yield mono(len(" ".join(what for _, what in _ROW))) + 24, _row
    yield _effect("effect", "runs while its state lasts")
    yield _effect("timer", "a timer: its end is an event")
    yield _with_sign("the state around begins here", lambda x, y: _start(x, y, filled=True))
    yield _with_sign("from anywhere in the state around", lambda x, y: _start(x, y, filled=False))
    yield _with_sign("side by side with others", _beside)
    yield _with_sign("final", _final)


def _row(x: float, y: float) -> list[str]:
    lines = [text("number", x, y, "t12", SMALL)]
    x += 24
    for kind, what in _ROW:
        lines.append(text(kind, x, y, what))
        x += mono(len(what) + 1)
    return lines


def _effect(kind: Kind, what: str) -> Key:
    name = SIGN * 1.5 + mono(len(kind))

    def drawn(x: float, y: float) -> list[str]:
        return [*sign(kind, x + SIGN, y, kind), text("about", x + name + 8, y, what)]

    return name + 8 + mono(len(what)), drawn


def _with_sign(what: str, elements: Callable[[float, float], list[str]]) -> Key:
    def drawn(x: float, y: float) -> list[str]:
        return [*elements(x, y), text("about", x + SWATCH + 8, y, what)]

    return SWATCH + 8 + mono(len(what)), drawn


def _start(x: float, y: float, *, filled: bool) -> list[str]:
    kind = "start" if filled else "arrow"
    return [f'<g class="{kind}">', *start(x + SWATCH / 2, y + 6, filled=filled), "</g>"]


def _beside(x: float, y: float) -> list[str]:
    return ['<g class="beside">', rect("frame", x, y - 12, SWATCH, 15, 4), "</g>"]


def _final(x: float, y: float) -> list[str]:
    inner = rect("inner", x + 3, y - 9, SWATCH - 6, 9, 2)
    return [rect("frame", x, y - 12, SWATCH, 15, 4), inner]


def _heats(paint: Paint | None) -> Iterator[Key]:
    """What the colours of a painted picture mean."""
    for heat, what in paint.legend if paint else ():

        def swatch(x: float, y: float, heat: str = heat) -> list[str]:
            return [f'<g class="{heat}">', rect("row", x, y - 12, SWATCH, 15, 4), "</g>"]

        yield _with_sign(what, swatch)
