"""The tools of the parcel desk: find an order, change its delivery, hold its parcel.

The tools serve any language model, so their results are plain JSON in words a model can use:

    {"found": false, ...}                  there is no such order
    {"found": true, "order_number": ...}   the facts of the order
    {"done": true, "order_number": ...}    changed; the facts as they are now
    {"done": false, "reason": ...}         the desk's rules do not allow it; nothing has changed
    {"error": ...}                         the arguments make no sense; nothing has changed

Setting the same day or hold twice leaves the order as it was after the first time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace

import trio

from adapters.embedded.order_store import (
    AWAITING_PICKUP,
    DELAYED,
    HELD,
    ON_ITS_WAY,
    OrderRow,
    Orders,
)
from effects.ports import ToolSpec

FIND_ORDER = "find_order"
CHANGE_DELIVERY = "change_delivery"
HOLD_PARCEL = "hold_parcel"

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = ("today", "tomorrow", *WEEKDAYS)
PARTS_OF_DAY = ("morning", "afternoon", "evening")
TIME_PATTERN = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|morning|afternoon|evening)$"
NUMBER_PATTERN = r"^[0-9]{5}$"

_CAN_CHANGE = (ON_ITS_WAY, DELAYED, HELD, AWAITING_PICKUP)
_CAN_HOLD = (ON_ITS_WAY, DELAYED)

_ORDER_NUMBER = {
    "type": "string",
    "pattern": NUMBER_PATTERN,
    "description": "The five digits of the order number, exactly as the caller gave them.",
}


class _OrderTool:
    """A tool over the orders: checks its arguments against its own schema, then acts."""

    spec: ToolSpec

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def run(self, arguments: Mapping[str, object]) -> str:
        """Do it and return a JSON object as text; bad arguments are an ``error`` in it.

        Raises :class:`ProviderError` where the orders cannot be read. Safe to cancel: the
        change is then whole or has not happened.
        """
        problem = _problem(self.spec, arguments)
        if problem:
            await trio.lowlevel.checkpoint()
            return json.dumps({"error": problem})
        values = {name: str(value) for name, value in arguments.items() if value is not None}
        return json.dumps(await self._act(values))

    async def _act(self, values: Mapping[str, str]) -> dict[str, object]:
        raise NotImplementedError


class FindOrder(_OrderTool):
    """Look an order up. Changes nothing."""

    spec = ToolSpec(
        FIND_ORDER,
        "Look up an order by its number: what is in it, where the parcel is, when delivery is "
        "due, and what can still be changed.",
        {
            "type": "object",
            "properties": {"order_number": _ORDER_NUMBER},
            "required": ["order_number"],
            "additionalProperties": False,
        },
    )

    async def _act(self, values: Mapping[str, str]) -> dict[str, object]:
        row = await self._orders.find(values["order_number"])
        if row is None:
            return {"found": False, "order_number": values["order_number"]}
        return {"found": True, **_facts(row)}


class ChangeDelivery(_OrderTool):
    """Set the day, and if wanted the time, of a delivery."""

    spec = ToolSpec(
        CHANGE_DELIVERY,
        "Change the day, and optionally the time, at which an order is delivered. Only call "
        "this after you named the order, the day and the time, and the caller clearly said yes.",
        {
            "type": "object",
            "properties": {
                "order_number": _ORDER_NUMBER,
                "day": {"type": "string", "enum": list(DAYS)},
                "time": {
                    "type": "string",
                    "pattern": TIME_PATTERN,
                    "description": "24 hour HH:MM, or morning, afternoon or evening. Leave out "
                    "if the caller did not ask for a time.",
                },
            },
            "required": ["order_number", "day"],
            "additionalProperties": False,
        },
        changes=True,
    )

    async def _act(self, values: Mapping[str, str]) -> dict[str, object]:
        day, time = values["day"], values.get("time", "")
        if day == "Sunday":
            return _refusal("there are no deliveries on Sunday")

        def reschedule(row: OrderRow) -> OrderRow:
            if row.status not in _CAN_CHANGE:
                return row
            event = row.last_event
            if row.status in (HELD, AWAITING_PICKUP):
                event = "is being made ready for delivery"
            status = row.status if row.status == DELAYED else ON_ITS_WAY
            return replace(
                row, status=status, last_event=event, delivery_day=day, delivery_time=time
            )

        row = await self._orders.change(values["order_number"], reschedule)
        if row is None:
            return _refusal("there is no order with this number")
        if row.status not in _CAN_CHANGE:
            return _refusal(f"the parcel {row.last_event}")
        return {"done": True, **_facts(row)}


class HoldParcel(_OrderTool):
    """Keep a parcel at its depot for the caller to pick up."""

    spec = ToolSpec(
        HOLD_PARCEL,
        "Hold an order's parcel at the depot for the caller to pick up, instead of delivering "
        "it. Only call this after you named the order and the depot, and the caller clearly "
        "said yes.",
        {
            "type": "object",
            "properties": {"order_number": _ORDER_NUMBER},
            "required": ["order_number"],
            "additionalProperties": False,
        },
        changes=True,
    )

    async def _act(self, values: Mapping[str, str]) -> dict[str, object]:
        def hold(row: OrderRow) -> OrderRow:
            if row.status not in _CAN_HOLD:
                return row
            event = f"is being held at the {row.depot} depot"
            return replace(row, status=HELD, last_event=event, delivery_day="", delivery_time="")

        row = await self._orders.change(values["order_number"], hold)
        if row is None:
            return _refusal("there is no order with this number")
        if row.status != HELD:
            return _refusal(f"the parcel {row.last_event}")
        return {"done": True, **_facts(row)}


def _facts(row: OrderRow) -> dict[str, object]:
    names = [column.name for column in fields(OrderRow)]
    facts: dict[str, object] = {name: getattr(row, name) or None for name in names}
    facts["can_change_delivery"] = row.status in _CAN_CHANGE
    facts["can_hold"] = row.status in _CAN_HOLD
    return facts


def _refusal(reason: str) -> dict[str, object]:
    return {"done": False, "reason": reason}


def _problem(spec: ToolSpec, arguments: Mapping[str, object]) -> str:
    """What is wrong with the arguments, told so that a language model can mend it.

    Covers what the schemas above use: string properties with a pattern or an enum.
    """
    properties = spec.parameters["properties"]
    required = spec.parameters["required"]
    assert isinstance(properties, Mapping)
    assert isinstance(required, list)
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        schema = properties.get(name)
        if schema is None:
            return f"{spec.name} has no argument {name!r}; it takes {', '.join(properties)}"
        if not isinstance(value, str):
            return f"{name} must be a string, not {json.dumps(value, default=str)}"
        if "enum" in schema and value not in schema["enum"]:
            return f"{name} must be one of {', '.join(schema['enum'])}; got {value!r}"
        if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
            return f"{name} must match {schema['pattern']}; got {value!r}"
    missing = [name for name in required if name not in given]
    return f"{spec.name} needs {' and '.join(missing)}" if missing else ""
