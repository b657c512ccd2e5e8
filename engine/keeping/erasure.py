"""Erasing calls: their rows, journals and audio, here and wherever the database is shared.

What was erased stays erased: it is noted in the database, so that a journal that another machine
has, or that was never loaded, or whose call is still going on, is removed when it is found and
not loaded. The note names a call or a date, or has the hash of a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from adapters.database.tables import calls, erasures
from engine.errors import JournalError
from engine.journal import Head
from engine.keeping.numbers import Numbers
from engine.keeping.places import Places
from engine.keeping.rows import started_of


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased: ``value`` is a call's id, the hash of a number, or the time before
    which calls began (ISO 8601). Of a number the calls until ``erased``."""

    kind: Literal["call", "number", "before"]
    value: str
    erased: datetime

    def covers(self, head: Head, numbers: Numbers) -> bool:
        """Whether a journal with this head is to go."""
        if self.kind == "call":
            return head.call_id == self.value
        try:
            started = started_of(head)
        except JournalError:
            return self.kind == "number" and numbers.of(head) == self.value
        if self.kind == "number":
            return numbers.of(head) == self.value and started <= self.erased
        return started < datetime.fromisoformat(self.value)

    def rows(self) -> ColumnElement[bool]:
        """Which calls of the database are to go."""
        match self.kind:
            case "call":
                return calls.c.call_id == self.value
            case "number":
                return and_(calls.c.number_hash == self.value, calls.c.started <= self.erased)
            case "before":
                return calls.c.started < datetime.fromisoformat(self.value)


@dataclass(slots=True)
class Erased:
    """What was removed: calls from the database, files from the folder, by their names."""

    calls: set[str] = field(default_factory=set)
    journals: set[str] = field(default_factory=set)
    audio: set[str] = field(default_factory=set)


def erase_calls(erasure: Erasure, places: Places) -> Erased:
    """Erase, while services run or not. Raises :class:`~adapters.database.errors.StoreLost`
    (nothing was erased then) and OSError."""
    erased = Erased()
    if places.database is not None:
        places.database.migrate()
        with places.database.writing() as connection:
            note = {"kind": erasure.kind, "value": erasure.value, "erased": erasure.erased}
            connection.execute(insert(erasures), note)
            found = connection.execute(select(calls.c.id).where(erasure.rows()))
            erased.calls = set(found.scalars())
            connection.execute(delete(calls).where(erasure.rows()))
    erase_files([erasure], erased.calls, places, erased)
    return erased


def erase_files(
    every: Sequence[Erasure], known: Iterable[str], places: Places, erased: Erased
) -> None:
    """Remove the files of calls that are ``known`` to be erased, and of all that are covered.
    Raises OSError."""
    names = set(known)
    for name in places.folder.names():
        head = places.folder.head(name)
        if head is not None and any(one.covers(head, places.numbers) for one in every):
            names.add(name)
    for one in every:
        if one.kind == "call":
            erased.audio.update(places.audio.remove_call(one.value))
    for name in names:
        if places.folder.remove(name):
            erased.journals.add(name)
        erased.audio.update(places.audio.remove(name))


def erasures_after(connection: Connection, number: int) -> tuple[int, list[Erasure]]:
    """Those that were noted after that one, and the number of the last."""
    columns = (erasures.c.id, erasures.c.kind, erasures.c.value, erasures.c.erased)
    rows = connection.execute(
        select(*columns).where(erasures.c.id > number).order_by(erasures.c.id)
    ).all()
    found = [Erasure(kind, value, erased) for _, kind, value, erased in rows]
    return (rows[-1][0] if rows else number), found


def now() -> datetime:
    """The time of the wall."""
    return datetime.now(UTC)
