"""The parcel desk's orders: a small SQLite file, with built-in orders to begin with.

Days are words, not dates, so that a demonstration is the same on every day of the week.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import trio

from effects.ports import ProviderError

ON_ITS_WAY = "on its way"
OUT_FOR_DELIVERY = "out for delivery"
DELAYED = "delayed"
DELIVERED = "delivered"
HELD = "held"
AWAITING_PICKUP = "awaiting pickup"
RETURNED = "returned"


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
            self._kept = sqlite3.connect(self.path, check_same_thread=False)
            _create(self._kept)
            # The tools are not context managers, so the connection is closed with its owner,
            # by whichever thread lets go of it last.
            weakref.finalize(self, self._kept.close)

    async def find(self, number: str) -> OrderRow | None:
        """The order of this number, or None."""
        return await self._use(lambda connection: _find(connection, number))

    async def change(self, number: str, change: Callable[[OrderRow], OrderRow]) -> OrderRow | None:
        """Replace an order by ``change`` of it, in one transaction; None if there is none."""
        return await self._use(lambda connection: _change(connection, number, change))

    async def _use(self, use: Callable[[sqlite3.Connection], OrderRow | None]) -> OrderRow | None:
        try:
            if self._kept is not None:
                await trio.lowlevel.checkpoint()
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
