"""A part of a picture, laid out from its own upper left corner, and how parts are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
Rect = tuple[float, float, float, float]


@dataclass(slots=True)
class Part:
    """``states`` are left, top, width and height of boxes; ``arrows`` points of curves."""

    width: float
    height: float
    states: dict[str, Rect] = field(default_factory=dict)
    arrows: dict[str, list[Point]] = field(default_factory=dict)

    def framed(self, state: str) -> Part:
        """This part as all that is inside one state's box."""
        self.states[state] = (0.0, 0.0, self.width, self.height)
        return self

    def widened(self, width: float) -> Part:
        """The same with its outermost box made so wide; what is inside stays in the middle."""
        whole = Part(width, self.height)
        whole.add(self, (width - self.width) / 2, 0.0)
        for name, rect in self.states.items():
            if rect == (0.0, 0.0, self.width, self.height):
                whole.framed(name)
        return whole

    def add(self, other: Part, x: float, y: float) -> None:
        """Put another part into this one, with its corner there."""
        for name, (left, top, width, height) in other.states.items():
            self.states[name] = (left + x, top + y, width, height)
        for name, points in other.arrows.items():
            self.arrows[name] = [(left + x, top + y) for left, top in points]

    def size(self, shape: float) -> float:
        """The width of the smallest frame of a shape (width to height) that it fits into."""
        return max(self.width, self.height * shape)


def in_a_row(parts: Sequence[Part], gap: float) -> Part:
    """Parts side by side."""
    whole = Part(-gap, max(part.height for part in parts))
    for part in parts:
        whole.add(part, whole.width + gap, 0.0)
        whole.width += gap + part.width
    return whole


def in_a_column(parts: Sequence[Part], gap: float) -> Part:
    """Parts one below the other."""
    whole = Part(max(part.width for part in parts), -gap)
    for part in parts:
        whole.add(part, 0.0, whole.height + gap)
        whole.height += gap + part.height
    return whole
