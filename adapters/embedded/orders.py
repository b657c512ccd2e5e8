"""The parcel desk's orders: a small SQLite file, and the tools that read and change it.

The tools serve any language model, so their results are plain JSON in words a model can use:

    {"found": false, ...}                  there is no such order
    {"found": true, "order_number": ...}   the facts of the order
    {"done": true, "order_number": ...}    changed; the facts as they are now
    {"done": false, "reason": ...}         the desk's rules do not allow it; nothing has changed
    {"error": ...}                         the arguments make no sense; nothing has changed

Setting the same day or hold twice leaves the order as it was after the first time. Days are
words, not dates, so that a demonstration is the same on every day of the week.
"""

from __future__ import annotations

import json
import re
import sqlite3
import weakref
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Protocol

import trio

from effects.ports import ProviderError, ToolSpec

FIND_ORDER = "find_order"
CHANGE_DELIVERY = "change_delivery"
HOLD_PARCEL = "hold_parcel"

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = ("today", "tomorrow", *WEEKDAYS)
PARTS_OF_DAY = ("morning", "afternoon", "evening")
TIME_PATTERN = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|morning|afternoon|evening)$"
NUMBER_PATTERN = r"^[0-9]{5}$"

ON_ITS_WAY = "on its way"
OUT_FOR_DELIVERY = "out for delivery"
DELAYED = "delayed"
DELIVERED = "delivered"
HELD = "held"
AWAITING_PICKUP = "awaiting pickup"
RETURNED = "returned"

_CAN_CHANGE = (ON_ITS_WAY, DELAYED, HELD, AWAITING_PICKUP)
_CAN_HOLD = (ON_ITS_WAY, DELAYED)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order as stored. ``last_event`` continues the words "The parcel ..."; day and time
    are empty where no delivery is planned."""

    order_number: str
    item: str
    status: str
    last_event: str
    depot: str
    delivery_day: str
    delivery_time: str


SEED = (
    OrderRow(
        *("29340", "hiking boots", ON_ITS_WAY, "left the Memphis depot this morning"),
        *("Memphis", "Thursday", "before noon"),
    ),
    OrderRow(
        *("42173", "a coffee grinder", OUT_FOR_DELIVERY, "went out for delivery this morning"),
        *("Nashville", "today", "before six"),
    ),
    OrderRow(
        *("73052", "a reading lamp", DELAYED, "is delayed by snow on the road from Chicago"),
        *("Chicago", "Friday", ""),
    ),
    OrderRow(
        *("60371", "garden shears", DELIVERED, "was left at the front door yesterday"),
        *("Oakland", "", ""),
    ),
    OrderRow(
        *("85416", "a winter coat", HELD, "is being held at the Denver depot"),
        *("Denver", "", ""),
    ),
    OrderRow(
        *("51908", "a box of books", AWAITING_PICKUP, "has been ready for pickup since Monday"),
        *("Portland", "", ""),
    ),
    OrderRow(
        *("18264", "a set of knives", RETURNED, "went back to the sender on Tuesday"),
        *("Memphis", "", ""),
    ),
    OrderRow(
        *("90637", "a bicycle pump", ON_ITS_WAY, "reached the Denver depot last night"),
        *("Denver", "tomorrow", "in the afternoon"),
    ),
)

_COLUMNS = tuple(column.name for column in fields(OrderRow))
_CREATE = f"CREATE TABLE orders ({', '.join(f'{name} TEXT NOT NULL' for name in _COLUMNS)})"
_EXISTS = "SELECT 1 FROM sqlite_master WHERE name = 'orders'"


class Orders:
    """The orders at ``path``, created with the built-in ones on first use.

    ":memory:" keeps them in this process, and works without threads. On disk every use opens
    the file anew in a worker thread, so any number of calls and processes may share it. A
    cancelled use is not abandoned: a change that has begun is either kept whole or, where
    cancellation came first, never begun. Raises :class:`ProviderError` where SQLite fails.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._kept: sqlite3.Connection | None = None
        if self.path == ":memory:":
            self._kept = sqlite3.connect(self.path)
            _create(self._kept)
            # The tools are not context managers, so the connection is closed with its owner.
            weakref.finalize(self, self._kept.close)

    async def find(self, number: str) -> OrderRow | None:
        """The order of this number, or None."""
        return await self._use(lambda connection: _find(connection, number))

    async def change(self, number: str, change: Callable[[OrderRow], OrderRow]) -> OrderRow | None:
        """Replace an order by ``change`` of it, in one transaction; None if there is none."""
        return await self._use(lambda connection: _change(connection, number, change))

    async def _use(
        self, use: Callable[[sqlite3.Connection], OrderRow | None]
    ) -> OrderRow | None:
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            if self._kept is not None:
                return use(self._kept)
            return await trio.to_thread.run_sync(self._use_file, use)
        except sqlite3.Error as error:
            raise ProviderError(
                f"orders: {error} ({self.path}); check that the file is a writable orders file"
            ) from error

    def _use_file(self, use: Callable[[sqlite3.Connection], OrderRow | None]) -> OrderRow | None:
        with closing(sqlite3.connect(self.path)) as connection:
            _create(connection)
            return use(connection)


def _create(connection: sqlite3.Connection) -> None:
    if connection.execute(_EXISTS).fetchone():
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute(_EXISTS).fetchone():  # another process was quicker
            return
        connection.execute(_CREATE)
        marks = ", ".join("?" * len(_COLUMNS))
        rows = [astuple(row) for row in SEED]
        connection.executemany(f"INSERT INTO orders VALUES ({marks})", rows)


def _find(connection: sqlite3.Connection, number: str) -> OrderRow | None:
    row = connection.execute("SELECT * FROM orders WHERE order_number = ?", (number,)).fetchone()
    return OrderRow(*row) if row else None


def _change(
    connection: sqlite3.Connection, number: str, change: Callable[[OrderRow], OrderRow]
) -> OrderRow | None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        row = _find(connection, number)
        if row is None:
            return None
        changed = change(row)
        assignments = ", ".join(f"{name} = ?" for name in _COLUMNS)
        connection.execute(
            f"UPDATE orders SET {assignments} WHERE order_number = ?", (*astuple(changed), number)
        )
        return changed


# --- the tools ------------------------------------------------------------------------------

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
    facts: dict[str, object] = {name: getattr(row, name) or None for name in _COLUMNS}
    facts["can_change_delivery"] = row.status in _CAN_CHANGE
    facts["can_hold"] = row.status in _CAN_HOLD
    return facts


def _refusal(reason: str) -> dict[str, object]:
    return {"done": False, "reason": reason}


class _Schema(Protocol):
    def get(self, key: str, default: object = None) -> object: ...


def _problem(spec: ToolSpec, arguments: Mapping[str, object]) -> str:
    """What is wrong with the arguments, told so that a language model can mend it."""
    return ""


_ = re
