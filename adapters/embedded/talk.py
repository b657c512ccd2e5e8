"""Where a conversation with the parcel desk stands, and the two ways it goes on.

Either something is said or a tool is called; both are a :data:`Step`: the conversation as it
then stands, and what to do now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from adapters.embedded import wording
from adapters.embedded.spoken_numbers import ORDER_DIGITS
from adapters.embedded.wording import Order, Wish
from effects.ports import ToolCall


class Question(Enum):
    """What the desk's last reply asked."""

    OPEN = auto()
    NUMBER = auto()
    OFFER = auto()
    DAY = auto()
    CONFIRM = auto()
    RETRY = auto()
    MORE = auto()


@dataclass(frozen=True, slots=True)
class Talk:
    """Where a conversation stands.

    ``number`` is the order number as far as it was said; it waits to be looked up until
    ``looked_up``. ``order`` is what a lookup found, ``wish`` what the caller wants done to it
    but has not agreed to, ``failed`` the tool call that may be tried again. ``reply`` is the
    last reply in full, ``question`` what it asked, ``key`` what of it must have been heard for
    a yes to count, and ``heard`` what the caller has heard since that reply was due.
    ``puzzled`` counts turns not understood in a row, ``calls`` all tool calls.
    """

    number: str = ""
    looked_up: bool = False
    order: Order | None = None
    wish: Wish | None = None
    failed: ToolCall | None = None
    question: Question = Question.OPEN
    reply: str = ""
    key: str = ""
    heard: str = ""
    puzzled: int = 0
    calls: int = 0

    @property
    def awaited(self) -> int:
        """How many digits of an order number are still missing; 0 where none was asked for."""
        if not self.looked_up and len(self.number) < ORDER_DIGITS:
            return ORDER_DIGITS - len(self.number)
        return 0 if self.order is not None else ORDER_DIGITS

    @property
    def lookup_is_due(self) -> bool:
        """Whether a whole number was given but no result has come, say after an interruption."""
        return not self.looked_up and len(self.number) == ORDER_DIGITS

    @property
    def yes_answers_key(self) -> bool:
        """Whether the last thing heard is the reply with ``key``, so that a yes answers it.

        Anything heard after the reply (such as "Are you still there?") voids that.
        """
        if not self.key:
            return False
        _, heard_key, after_key = _plain(self.heard).rpartition(_plain(self.key))
        rest_of_reply = _plain(self.reply).partition(_plain(self.key))[2]
        return bool(heard_key) and rest_of_reply.startswith(after_key)


Step = tuple[Talk, str | ToolCall]


def say(
    talk: Talk,
    text: str,
    question: Question,
    *,
    key: str = "",
    wish: Wish | None = None,
    puzzled: int = 0,
) -> Step:
    """Say ``text``, which asks ``question``. A ``wish`` not given again is dropped."""
    said = replace(
        talk, reply=text, question=question, key=key, heard="", wish=wish, puzzled=puzzled
    )
    return said, text


def call(talk: Talk, name: str, arguments: Mapping[str, str]) -> Step:
    """Call a tool. What was asked and heard stays, in case the result never comes."""
    return talk, ToolCall(f"call_{talk.calls + 1}", name, json.dumps(arguments))


def forget_order(talk: Talk) -> Talk:
    """Put the order and its number aside."""
    return replace(
        talk, number="", looked_up=False, order=None, question=Question.NUMBER, key="", puzzled=0
    )


def offer(order: Order) -> tuple[str, Question]:
    """What can be done to an order."""
    if order.can_hold:
        return wording.OFFER_BOTH, Question.OFFER
    if order.can_change_delivery:
        return wording.OFFER_DAY, Question.OFFER
    return wording.MORE, Question.MORE


def next_question(talk: Talk) -> tuple[str, Question]:
    """What to ask when nothing else is to be answered."""
    if talk.question is Question.DAY:
        return wording.WHICH_DAY, Question.DAY
    if talk.order is not None:
        return offer(talk.order)
    if talk.number and not talk.looked_up:
        return wording.missing_digits(talk.number), Question.NUMBER
    return wording.ASK_NUMBER, Question.NUMBER


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))
