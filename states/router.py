"""Which kind of model composes a reply: a small table, asked from the top.

An agent says in ``models`` which model it wants for which kind; a kind without a model is
composed by the usual one. The table looks at what the call knows and at nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING

from states.words import is_backchannel, normalized

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

THANKS = frozenset("thanks thank you bye goodbye great perfect lovely".split())


def is_high_stakes(call: Call) -> bool:
    """The caller speaks of money, complaints or danger, or the reply before changed something."""
    return _just_changed(call) or STAKES.search(call.turn.words.lower()) is not None


def _just_changed(call: Call) -> bool:
    """Whether the agent's last line came with a side effect."""
    before = [line for line in reversed(call.history) if line.role != "caller"]
    tools = takewhile(lambda line: line.role == "tool", before[1:])
    return any(line.use is not None and line.use.changes for line in tools)


def fills_a_slot(call: Call) -> bool:
    """The caller answers a question for a fact."""
    asked = call.asked.lower()
    return asked.endswith("?") and ASKS_FOR_DATA.search(asked) is not None


def only_acknowledges(call: Call) -> bool:
    """The caller says no more than thanks, or goodbye."""
    rest = " ".join(word for word in normalized(call.turn.words) if word not in THANKS)
    return not rest or is_backchannel(rest)


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
