"""What callers, models and providers say, as a terminal may show it."""

from __future__ import annotations

from rich.markup import escape

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def printable(text: str) -> str:
    """The same without control characters, which would steer the terminal. A character each, so
    that places in it stay."""
    return text.translate(_CONTROLS)


def shown(text: str) -> str:
    """The same for a text with rich's markup: printable, and no markup itself."""
    return escape(printable(text))
