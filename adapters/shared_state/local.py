"""Shared state of the workers of one machine: a small SQLite file.

SQLite's own locks keep the workers apart. Every question takes a fraction of a millisecond, and is
asked in a worker thread. What is in the file means nothing after a while, so it need not survive a
power cut: it is not synchronised to the disk.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import trio

from effects.ports import SharedLost

WAIT_S = 0.1
"""For an answer: the others hold the file for much less."""

_TABLE = """\
CREATE TABLE IF NOT EXISTS held (
    name TEXT NOT NULL, holder TEXT NOT NULL, until_s REAL NOT NULL, PRIMARY KEY (name, holder)
) WITHOUT ROWID"""
_ONCE = "once:"

_Answer = TypeVar("_Answer")


class LocalState:
    """See :class:`effects.ports.Shared`. Of ``now_s`` all workers must mean the same."""

    name = "local"

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path, self._now_s = path, now_s
        self._one = trio.CapacityLimiter(1)  # one connection, one thread at a time
        self._database: sqlite3.Connection

    async def __aenter__(self) -> Self:
        """Open the file, or make it. Raises :class:`SharedLost` where that cannot be done."""
        await self._ask(self._open)
        return self

    async def __aexit__(self, *exc: object) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._database.close, limiter=self._one)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_TABLE)

    async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        return await self._ask(lambda: self._hold(name, holder, limit, ttl_s))

    def _hold(self, name: str, holder: str, limit: int | None, ttl_s: float) -> bool:
        now_s = self._now_s()
        ask = self._database.execute
        with self._database:  # commits, or rolls back
            ask("BEGIN IMMEDIATE")
            ask("DELETE FROM held WHERE until_s <= ?", (now_s,))
            others = "SELECT count(*) FROM held WHERE name = ? AND holder <> ?"
            (count,) = ask(others, (name, holder)).fetchone()
            granted = limit is None or count < limit
            if granted:
                ask("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (name, holder, now_s + ttl_s))
        return granted

    async def release(self, name: str, holder: str) -> None:
        """See :class:`effects.ports.Shared`."""
        gone = "DELETE FROM held WHERE name = ? AND holder = ?"
        await self._ask(lambda: self._database.execute(gone, (name, holder)))

    async def holders(self, name: str) -> list[str]:
        """See :class:`effects.ports.Shared`."""
        who = "SELECT holder FROM held WHERE name = ? AND until_s > ? ORDER BY holder"
        rows = await self._ask(lambda: self._database.execute(who, (name, self._now_s())))
        return [holder for (holder,) in rows]

    async def once(self, key: str, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        return await self._ask(lambda: self._once(key, ttl_s))

    def _once(self, key: str, ttl_s: float) -> bool:
        now_s = self._now_s()
        first = (
            "INSERT INTO held VALUES (?, '', ?) ON CONFLICT DO UPDATE"
            " SET until_s = excluded.until_s WHERE until_s <= ?"
        )
        return self._database.execute(first, (_ONCE + key, now_s + ttl_s, now_s)).rowcount == 1

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Ask in a thread. Cancelling waits for the answer, which takes no longer than a lock; so
        does the end of ``WAIT_S``, which ends only the waiting for a turn."""
        try:
            with trio.move_on_after(WAIT_S):
                return await trio.to_thread.run_sync(question, limiter=self._one)
        except (sqlite3.Error, OSError) as error:
            raise SharedLost(f"{self._path}: {error}") from error
        raise SharedLost(f"{self._path}: too many questions wait for their turn")
