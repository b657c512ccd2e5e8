"""The tools of the parcel desk: find an order, change its delivery, hold its parcel.

The tools serve any language model, so their results are plain JSON in words a model can use:

    {"found": false, ...}                  there is no such order
    {"found": true, "order_number": ...}   the facts of the order
    {"done": true, "order_number": ...}    changed; the facts as they are now
    {"done": false, "reason": ...}         the desk's rules do not allow it; nothing has changed

Setting the same day or hold twice leaves the order as it was after the first time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field

from adapters.embedded.order_store import (
    AWAITING_PICKUP,
    DELAYED,
    HELD,
    ON_ITS_WAY,
    OrderRow,
    Orders,
)
from effects.ports import Tool, ToolContext
from effects.toolkit import tool

FIND_ORDER = "find_order"
CHANGE_DELIVERY = "change_delivery"
HOLD_PARCEL = "hold_parcel"

Day = Literal[
    "today",
    "tomorrow",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
]

_CAN_CHANGE = (ON_ITS_WAY, DELAYED, HELD, AWAITING_PICKUP)
_CAN_HOLD = (ON_ITS_WAY, DELAYED)

_OrderNumber = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{5}$",
        description="The five digits of the order number, exactly as the caller gave them.",
    ),
]

# --- what the tools are given ---------------------------------------------------------------


class FindOrder(BaseModel):
    """Look up an order by its number: what is in it, where the parcel is, when delivery is due,
    and what can still be changed."""

    order_number: _OrderNumber


class ChangeDelivery(BaseModel):
    """Change the day, and optionally the time, at which an order is delivered. Only call this
    after you named the order, the day and the time, and the caller clearly said yes."""

    order_number: _OrderNumber
    day: Day
    time: str | None = Field(
        default=None,
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|morning|afternoon|evening)$",
        description="24 hour HH:MM, or morning, afternoon or evening. Null if the caller did not "
        "ask for a time.",
    )


class HoldParcel(BaseModel):
    """Hold an order's parcel at the depot for the caller to pick up, instead of delivering it.
    Only call this after you named the order and the depot, and the caller clearly said yes."""

    order_number: _OrderNumber


# --- what they return -----------------------------------------------------------------------


class NotFound(BaseModel):
    """There is no order of this number."""

    found: Literal[False] = False
    order_number: str


class Facts(BaseModel):
    """An order as it is; None where there is nothing to say."""

    order_number: str
    item: str | None
    status: str | None
    last_event: str | None
    depot: str | None
    delivery_day: str | None
    delivery_time: str | None
    can_change_delivery: bool
    can_hold: bool


class Found(Facts):
    """The order that was looked for."""

    found: Literal[True] = True


class Done(Facts):
    """The order after a change."""

    done: Literal[True] = True


_Kind = TypeVar("_Kind", Found, Done)


class Refused(BaseModel):
    """Nothing has changed."""

    done: Literal[False] = False
    reason: str


# --- what they do ---------------------------------------------------------------------------


def order_tools(orders: Orders) -> tuple[Tool, Tool, Tool]:
    """The three tools, over the same orders. They raise :class:`ProviderError` where the orders
    cannot be read. Cancelling is safe: a change is then whole or has not happened."""
    return (
        tool(FindOrder)(partial(_find, orders)),
        tool(ChangeDelivery, changes=True)(partial(_change, orders)),
        tool(HoldParcel, changes=True)(partial(_hold, orders)),
    )


async def _find(orders: Orders, arguments: FindOrder, context: ToolContext) -> Found | NotFound:
    row = await orders.find(arguments.order_number)
    if row is None:
        return NotFound(order_number=arguments.order_number)
    return _facts(Found, row)


async def _change(
    orders: Orders, arguments: ChangeDelivery, context: ToolContext
) -> Done | Refused:
    if arguments.day == "Sunday":
        return Refused(reason="there are no deliveries on Sunday")

    def reschedule(row: OrderRow) -> OrderRow:
        if row.status not in _CAN_CHANGE:
            return row
        event = row.last_event
        if row.status in (HELD, AWAITING_PICKUP):
            event = "is being made ready for delivery"
        return replace(
            row,
            status=row.status if row.status == DELAYED else ON_ITS_WAY,
            last_event=event,
            delivery_day=arguments.day,
            delivery_time=arguments.time or "",
        )

    row = await orders.change(arguments.order_number, reschedule)
    return _outcome(row, is_done=row is not None and row.status in _CAN_CHANGE)


async def _hold(orders: Orders, arguments: HoldParcel, context: ToolContext) -> Done | Refused:
    def hold(row: OrderRow) -> OrderRow:
        if row.status not in _CAN_HOLD:
            return row
        event = f"is being held at the {row.depot} depot"
        return replace(row, status=HELD, last_event=event, delivery_day="", delivery_time="")

    row = await orders.change(arguments.order_number, hold)
    return _outcome(row, is_done=row is not None and row.status == HELD)


def _outcome(row: OrderRow | None, *, is_done: bool) -> Done | Refused:
    if row is None:
        return Refused(reason="there is no order with this number")
    if not is_done:
        return Refused(reason=f"the parcel {row.last_event}")
    return _facts(Done, row)


def _facts(kind: type[_Kind], row: OrderRow) -> _Kind:
    return kind(
        order_number=row.order_number,
        item=row.item or None,
        status=row.status or None,
        last_event=row.last_event or None,
        depot=row.depot or None,
        delivery_day=row.delivery_day or None,
        delivery_time=row.delivery_time or None,
        can_change_delivery=row.status in _CAN_CHANGE,
        can_hold=row.status in _CAN_HOLD,
    )
