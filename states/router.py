"""Which kind of model composes a reply: a small table, asked from the top.

An agent says in ``models`` which model it wants for which kind; a kind without a model is
composed by the usual one. The table looks at what the call knows and at nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from states.words import is_courtesy, normalized

if TYPE_CHECKING:
    from states.call import Call

STAKES = re.compile(
    r"\b(?:cancel|refund|pay|charge|complain|complaint|lawyer|fraud|stolen|emergency|manager)\w*\b"
)
"""Words that say that a wrong answer would cost somebody something."""

ASKS_FOR_DATA = re.compile(
    r"\b(?:number|code|date|name|address|spell|digits?|how many|which day|what day|what time)\b"
)
"""Words of a question that wants a fact and no conversation."""


def is_high_stakes(call: Call) -> bool:
    """The caller speaks of money, complaints or danger, or the turn before changed something."""
    return STAKES.search(call.turn.words.lower()) is not None or _has_just_changed(call)


def _has_just_changed(call: Call) -> bool:
    """Whether a tool changed something since the last turn but the open one."""
    before = len(call.history)
    if call.turn.committed:
        before = max(at for at, line in enumerate(call.history) if line.role == "caller")
    for line in reversed(call.history[:before]):
        if line.role == "caller":
            return False
        if line.use is not None and line.use.changes:
            return True
    return False


def fills_a_slot(call: Call) -> bool:
    """The caller answers a question for a fact."""
    asked = call.asked.lower()
    return asked.endswith("?") and ASKS_FOR_DATA.search(asked) is not None


def only_acknowledges(call: Call) -> bool:
    """The caller says no more than thanks, or goodbye."""
    return not normalized(call.turn.words) or is_courtesy(call.turn.words)


ROUTES: tuple[tuple[str, Callable[[Call], bool]], ...] = (
    ("high_stakes", is_high_stakes),
    ("slot_filling", fills_a_slot),
    ("acknowledgement", only_acknowledges),
)
"""The first row whose question is answered with yes names the kind."""

USUAL = "usual"


def route_of(call: Call) -> str:
    """The kind of reply that the open turn asks for."""
    return next((kind for kind, asks in ROUTES if asks(call)), USUAL)
