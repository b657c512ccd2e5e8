"""How the parcel desk says things: the facts of an order and its proposals as spoken English.

Everything said of an order is taken from an :class:`Order`, which is read from a tool result
and nothing else. First clauses are short, so that the voice can start early, and numbers are
written as words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from adapters.embedded.spoken_numbers import ORDER_DIGITS, TEENS, TENS, spell

WHAT_I_CAN_DO = (
    "I can tell you where a parcel is, change its delivery day, or hold it at the depot."
)
ASK_NUMBER = "What is your five digit order number?"
MORE = "Is there anything else I can do?"
PERSON_HOURS = "People answer at the depot desk on weekdays, from eight to six."
TAKE_YOUR_TIME = "Take your time."
GOODBYE = "Thanks for calling. Goodbye."
WHICH_DAY = "Which day would suit you?"
TRY_AGAIN = "Shall I try again?"
OFFER_BOTH = (
    "I can change the delivery day, or hold the parcel at the depot for you to pick up. "
    "Which would you like?"
)
OFFER_DAY = "I can have it delivered on another day. Would you like that?"

_NUMBER_WORDS = {digits: word for word, digits in TEENS.items()}
_TENS_WORDS = {digit: word for word, digit in TENS.items()}


@dataclass(frozen=True, slots=True)
class Order:
    """The facts of an order, as a tool result gave them; days and times as for the tools."""

    number: str
    item: str
    status: str
    last_event: str
    depot: str
    delivery_day: str
    delivery_time: str
    can_change_delivery: bool
    can_hold: bool

    @classmethod
    def from_result(cls, result: Mapping[str, object]) -> Self | None:
        """Read the facts of a tool result; None where one is missing."""

        def text(key: str) -> str:
            value = result.get(key)
            return value if isinstance(value, str) else ""

        order = cls(
            number=text("order_number"),
            item=text("item"),
            status=text("status"),
            last_event=text("last_event"),
            depot=text("depot"),
            delivery_day=text("delivery_day"),
            delivery_time=text("delivery_time"),
            can_change_delivery=result.get("can_change_delivery") is True,
            can_hold=result.get("can_hold") is True,
        )
        known = len(order.number) == ORDER_DIGITS and order.number.isdigit()
        return order if known and order.item and order.last_event else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants done: hold the parcel, or deliver it on ``day`` at ``time``
    (each as in :class:`~adapters.embedded.understanding.Meaning`, empty while unknown)."""

    hold: bool
    day: str = ""
    time: str = ""


def story(order: Order) -> str:
    """Where the parcel is and when it is due."""
    due = f", and is due {when(order.delivery_day, order.delivery_time)}"
    return (
        f"Order {spell(order.number)}: {order.item}. "
        f"The parcel {order.last_event}{due if order.delivery_day else ''}."
    )


def essence(order: Order, wish: Wish) -> str:
    """The words a caller must have heard before a yes counts as consent to ``wish``."""
    if wish.hold:
        return f"Hold order {spell(order.number)} at the {order.depot} depot"
    return f"Deliver order {spell(order.number)} {when(wish.day, wish.time)}"


def proposal(order: Order, wish: Wish) -> str:
    """Name what will be done, and ask whether that is right."""
    replaced = ""
    if order.delivery_day and order.delivery_day != wish.day:
        replaced = f" instead of {order.delivery_day}"
        if wish.hold:
            replaced = f" instead of delivering it {when(order.delivery_day, '')}"
    return f"{essence(order, wish)}{replaced}. Is that right?"


def done(order: Order, wish_was_hold: bool) -> str:
    """Tell of a change, by what the tool says of the order now."""
    if wish_was_hold:
        return f"Done. Order {spell(order.number)} will be held at the {order.depot} depot for you."
    day = when(order.delivery_day, order.delivery_time)
    return f"Done. Order {spell(order.number)} will be delivered {day}."


def missing_digits(kept: str) -> str:
    """Read back the digits so far and ask for the rest."""
    missing = ORDER_DIGITS - len(kept)
    rest = (
        "is the last digit" if missing == 1 else f"are the remaining {spell(str(missing))} digits"
    )
    return f"I have {spell(kept)}. What {rest}?"


def too_many(digits: str) -> str:
    """Read back a number that is too long, as far as anyone would listen, and ask again."""
    if len(digits) > 2 * ORDER_DIGITS:
        return "That was too long. An order number has five digits. Could you say it again?"
    return (
        f"I heard {spell(digits)}. That is {minute_words(len(digits))} digits, and an order "
        "number has five. Could you say it again?"
    )


def when(day: str, time: str) -> str:
    """A day and a time in words: "today", "on Thursday before noon", "tomorrow at noon"."""
    day = day if day in ("today", "tomorrow") else f"on {day}"
    return f"{day} {say_time(time)}" if time else day


def say_time(time: str) -> str:
    """A time in words. "14:30" is "at two thirty in the afternoon"; words stay as they are."""
    if time in ("morning", "afternoon", "evening"):
        return f"in the {time}"
    hour_text, colon, minute_text = time.partition(":")
    if not colon:
        return time
    hour, minute = int(hour_text), int(minute_text)
    if (hour, minute) == (12, 0):
        return "at noon"
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    words = minute_words((hour - 1) % 12 + 1)
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{minute_words(minute)}"
    return f"at {words} in the {part}"


def minute_words(number: int) -> str:
    """A number below sixty in words."""
    if number < 10:
        return spell(str(number))
    if number < 20:
        return _NUMBER_WORDS[str(number)]
    tens, unit = divmod(number, 10)
    return _TENS_WORDS[str(tens)] + (f" {spell(str(unit))}" if unit else "")
