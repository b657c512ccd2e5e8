"""The elements a picture is made of, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import hypot

from engine.picture.boxes import FONT, SIGN, Kind, mono

Point = tuple[float, float]


def number(value: float) -> str:
    """A length, to a tenth of a pixel."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


def rect(kind: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" width="{number(width)}"'
        f' height="{number(height)}" rx="{number(radius)}"/>'
    )


def text(kind: str, x: float, y: float, what: str, size: float = FONT) -> str:
    """A text from ``x`` on, on the baseline ``y``. A name is as wide as it will; all else takes
    the room that was measured, whatever the font."""
    at = f'x="{number(x)}" y="{number(y)}"'
    if kind.startswith("name"):
        return f'<text class="{kind} size-{number(size)}" {at}>{escape(what)}</text>'
    length = f'textLength="{number(mono(len(what), size))}" lengthAdjust="spacingAndGlyphs"'
    return f'<text class="{kind}" {at} {length}>{escape(what)}</text>'


def sign(kind: Kind, x: float, y: float, what: str) -> Iterator[str]:
    """The name of an effect, in a pill: a timer's with a clock, another's with a wave."""
    middle, left = y - 4.0, x - SIGN / 2 - 1
    yield rect("pill", x - SIGN, y - 13, SIGN * 1.5 + mono(len(what)), 18, 9)
    if kind == "timer":
        clock = f"M{number(left)} {number(middle - 2.8)}v2.8l2 1.4"
        yield f'<circle class="sign" cx="{number(left)}" cy="{number(middle)}" r="4.6"/>'
        yield f'<path class="sign" d="{clock}"/>'
    else:
        bars = ((-4.0, 1.4), (-1.4, 3.6), (1.2, 2.2), (3.8, 4.2))
        wave = "".join(
            f"M{number(left + at)} {number(middle - half)}v{number(2 * half)}" for at, half in bars
        )
        yield f'<path class="sign" d="{wave}"/>'
    yield text(kind, x, y, what)


def start(x: float, y: float, *, filled: bool) -> Iterator[str]:
    """A dot (or a ring) with a short arrow down to a box."""
    yield f'<path d="M{number(x)} {number(y - 18)}V{number(y - 7)}"/>'
    yield f'<circle cx="{number(x)}" cy="{number(y - 21)}" r="{"4.5" if filled else "3.6"}"/>'
    yield polygon([(x, y), (x - 3.6, y - 8), (x + 3.6, y - 8)])


def curve(points: Sequence[Point]) -> Iterator[str]:
    """An arrow along Bézier curves, the last point its tip; and, not seen, where it can be
    pointed at."""
    (x, y), *others, tip = points
    d = f"M{number(x)} {number(y)}C" + " ".join(f"{number(a)} {number(b)}" for a, b in others)
    yield f'<path class="near" d="{d}"/>'
    yield f'<path d="{d}"/>'
    (base_x, base_y), (tip_x, tip_y) = others[-1], tip
    far = hypot(tip_x - base_x, tip_y - base_y) or 1.0
    across_x, across_y = (tip_y - base_y) / far * 3.8, (base_x - tip_x) / far * 3.8
    sides = [(base_x + across_x, base_y + across_y), (base_x - across_x, base_y - across_y)]
    yield polygon([tip, *sides])


def polygon(points: Sequence[Point]) -> str:
    """A filled shape with these corners."""
    corners = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polygon points="{corners}"/>'


def band(x: float, y: float, width: float, height: float, radius: float) -> str:
    """What lies behind a name: the top of a frame, with its round corners."""
    left, right, bottom = number(x), number(x + width), number(y + height)
    top, below, turn = number(y), number(y + radius), number(radius)
    corner = f"A{turn} {turn} 0 0 1"
    d = f"M{left} {bottom}V{below}{corner} {number(x + radius)} {top}H{number(x + width - radius)}"
    return f'<path class="band" d="{d}{corner} {right} {below}V{bottom}Z"/>'
