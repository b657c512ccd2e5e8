"""What is written into the box of each state, and how much room that takes.

Text is measured the same way everywhere: rows are set in a monospaced font whose characters all
take ``CHAR`` of its size, and each text carries its length, so that another font is fitted in;
titles are reckoned wider than any usual font sets them. All lengths are pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.chart import Chart, State, Transition

CHAR = 0.6021
"""The width of a monospaced character, of the font's size: that of the widest usual one."""
TITLE_CHAR = 0.72
"""More than the mean width of a bold letter in any usual font, of the font's size."""

FONT, SMALL = 12.0, 9.5
TITLE_SIZES = (30.0, 26.0, 25.0, 18.0, 15.0)
"""The size of the name of a state of states, by how deep it lies; others have the last."""
PAD = 12.0
ROW, PILL_ROW = 17.0, 22.0
BASELINE = 12.5
"""Of a row's text, below the row's top."""
GUTTER = 30.0
"""The room for a transition's number, before its text."""
INDENT = 2
"""Characters by which what did not fit into a transition's first row is moved in."""
ROW_CHARS = 58
"""A transition is broken into rows where it would become wider than so many characters."""
SIGN = 18.0
"""The room for the sign of an effect, before its name; behind it is half as much."""
FIGURE_CHARS = 13
"""The longest figure that may stand beside a title, in a painted picture."""

Kind = Literal["event", "guard", "action", "target", "label", "effect", "timer"]
Piece = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Text:
    """One piece of text. ``x`` and the baseline ``y`` are relative to the box."""

    kind: Kind
    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows that belong together: a transition, or (without one) what a state does on the way in
    or out. ``again`` marks one that begins with the event of the entry above."""

    transition: Transition | None
    y: float
    height: float
    texts: tuple[Text, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Box:
    """All that is written into one state, and the least size that holds it. ``band`` is the
    height of the band behind its name."""

    state: State
    title_size: float
    band: float
    effects: tuple[Text, ...]
    entries: tuple[Entry, ...]
    width: float
    height: float


def mono(characters: int, size: float = FONT) -> float:
    """The width of so many monospaced characters."""
    return characters * CHAR * size


def title_width(text: str, size: float) -> float:
    """At most so wide is a title."""
    return len(text) * TITLE_CHAR * size


def boxes_of(chart: Chart) -> dict[str, Box]:
    """The box of every state, by its id."""
    return {state.id: _box(state) for state in chart.states.values()}


def _box(state: State) -> Box:
    size = _title_size(state)
    band = y = round(size * 1.2) + 10.0
    width = title_width(state.id, size) + mono(FIGURE_CHARS) + 2 * PAD
    effects, y = _effects(state, y) if state.invoke else ([], y)
    for text in effects:
        width = max(width, text.x + mono(len(text.text)) + SIGN / 2 + PAD)
    rows = [*_ways(state), *(_Rows.of(one) for one in state.transitions)]
    width = max([width, *(2 * PAD + GUTTER + row.width for row in rows)])
    y += 6 if rows else 0
    entries: list[Entry] = []
    for row in rows:
        entries.append(row.placed(y, width - PAD, entries[-1] if entries else None))
        y += entries[-1].height
    bottom = PAD if rows or effects else 0
    return Box(state, size, band, tuple(effects), tuple(entries), width, y + bottom)


def _title_size(state: State) -> float:
    depth = len(list(state.ancestors)) if state.children else len(TITLE_SIZES)
    return TITLE_SIZES[min(depth, len(TITLE_SIZES) - 1)]


def _effects(state: State, y: float) -> tuple[list[Text], float]:
    """The effects beside each other, as long as there is room; and where they end."""
    texts: list[Text] = []
    x = PAD
    y += 7
    for name in state.invoke:
        width = SIGN * 1.5 + mono(len(name))
        if x > PAD and x + width > PAD + GUTTER + mono(ROW_CHARS):
            x, y = PAD, y + PILL_ROW
        texts.append(Text("timer" if name.endswith("_timer") else "effect", name, x + SIGN, y + 13))
        x += width + 6
    return texts, y + PILL_ROW - 2


# --- rows ---


@dataclass(frozen=True, slots=True)
class _Rows:
    """The pieces of one entry, row by row, and what stands at the right end of the first."""

    transition: Transition | None
    rows: list[list[Piece]]
    target: str

    @classmethod
    def of(cls, transition: Transition) -> _Rows:
        """A transition, in as many rows as it takes."""
        target = _leads(transition)
        rows: list[list[Piece]] = [[("event", transition.event)]]
        room = ROW_CHARS - (len(target) + 2 if target else 0)
        for piece in _pieces(transition):
            if _length([*rows[-1], piece]) > room:
                rows.append([])
                room = ROW_CHARS - INDENT
            rows[-1].append(piece)
        return cls(transition, [_joined(row) for row in rows], target)

    @property
    def width(self) -> float:
        first = _length(self.rows[0]) + (len(self.target) + 2 if self.target else 0)
        return mono(max([first, *(_length(row) + INDENT for row in self.rows[1:])]))

    def placed(self, y: float, right: float, above: Entry | None) -> Entry:
        """These rows as an entry at ``y`` whose right end is ``right``."""
        texts: list[Text] = []
        for place, row in enumerate(self.rows):
            x = PAD + GUTTER + mono(INDENT if place else 0)
            for kind, text in row:
                texts.append(Text(kind, text, x, y + ROW * place + BASELINE))
                x += mono(len(text) + 1)
        if self.target:
            texts.append(Text("target", self.target, right - mono(len(self.target)), y + BASELINE))
        again = above is not None and above.texts[0].text == self.rows[0][0][1]
        return Entry(self.transition, y, ROW * len(self.rows), tuple(texts), again)


def _leads(transition: Transition) -> str:
    """Where a transition leads; one that enters its own state anew has a sign of its own."""
    if transition.target is None:
        return ""
    return f"{'↻' if transition.target == transition.source else '→'} {transition.target}"


def _ways(state: State) -> Iterator[_Rows]:
    """What a state does on the way in and on the way out."""
    for label, actions in (("entry", state.enter), ("exit", state.exit)):
        if actions:
            yield _Rows(None, [[("label", label), ("action", f"/ {', '.join(actions)}")]], "")


def _pieces(transition: Transition) -> Iterator[Piece]:
    """The guard and the actions, in pieces that are not broken."""
    if transition.guard:
        first, *others = f"[{transition.guard}]".split(" and ")
        yield "guard", first
        yield from (("guard", f"and {other}") for other in others)
    for place, action in enumerate(transition.on, start=1):
        begins, ends = "/ " if place == 1 else "", "," if place < len(transition.on) else ""
        yield "action", f"{begins}{action}{ends}"


def _joined(row: list[Piece]) -> list[Piece]:
    """A row with its neighbours of one kind put together."""
    joined: list[Piece] = []
    for kind, text in row:
        if joined and joined[-1][0] == kind:
            text = f"{joined.pop()[1]} {text}"
        joined.append((kind, text))
    return joined


def _length(row: list[Piece]) -> int:
    return sum(len(text) + 1 for _, text in row) - 1
