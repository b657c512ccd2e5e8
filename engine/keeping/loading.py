"""Loading finished journals into the database, and retiring what has been kept for long enough.

    folder ── over? ── known? ── numbers made unreadable ── rows ── one transaction a batch
                                                                     │ not what was erased

A journal stays where it is. Loaded is what the database has: a journal whose loading failed, or
whose database was replaced, is loaded the next time somebody looks. One that cannot be loaded
for what it says is set aside, told of once, and stands in nobody's way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.exc import DataError, IntegrityError

from adapters.database.errors import StoreLost
from adapters.database.opening import Database
from adapters.database.settings import StoreSettings
from adapters.database.tables import calls, tool_calls, transcripts, turns
from engine.errors import JournalError
from engine.journal import Head, read_what_there_is
from engine.keeping.erasure import Erased, Erasure, erase_files, erasures_after, now
from engine.keeping.places import Places
from engine.keeping.rows import CallRows, rows_of

log = structlog.get_logger()

BATCH = 20
"""Journals in a transaction: so much work at most is done again."""

BREATHE_S = 0.005
"""Between journals, for the threads that have calls."""

_NAMES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of it: ``waiting`` are over and not loaded yet. ``others``: somebody else on this
    machine is at it, and nothing was done."""

    loaded: int = 0
    waiting: int = 0
    others: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """A journal that can be loaded."""

    name: str
    head: Head
    rows: CallRows


class Loader:
    """Loads and retires, in one thread at a time. Raises
    :class:`~adapters.database.errors.StoreLost` and OSError; what was not done is done the next
    time. ``stopping`` may be set from another thread: it comes to an end soon, then."""

    def __init__(self, places: Places, settings: StoreSettings) -> None:
        self._places, self._settings = places, settings
        self._known: set[str] = set()
        self._aside: set[str] = set()
        self._erasure = 0
        self._migrated = False
        self.stopping = False

    def sweep(self) -> Swept:
        """Look through the folder once."""
        database = self._places.database
        with self._places.folder.alone() as alone:
            if not alone:
                return Swept(others=True)
            if database is None:
                self._retire_files(set(self._places.folder.names()))
                return Swept()
            try:
                return self._sweep(database)
            except StoreLost:
                self._forget()  # it may be another when it is back
                raise

    def _sweep(self, database: Database) -> Swept:
        if not self._migrated:
            database.migrate()
            self._migrated = True
        self._erase_here(database)
        waiting = self._waiting(database)
        loaded = 0
        for batch in _in_parts(waiting, BATCH):
            if self.stopping:
                break
            loaded += self._load(database, batch)
        self._retire_files(self._known)
        self._retire_rows(database)
        return Swept(loaded, max(0, len(waiting) - loaded))

    def _forget(self) -> None:
        """What was known of the database."""
        self._known.clear()
        self._erasure, self._migrated = 0, False

    # --- loading

    def _waiting(self, database: Database) -> list[str]:
        """Journals that are over and that the database has not."""
        names = self._places.folder.names()
        self._known.intersection_update(names)
        self._aside.intersection_update(names)
        new = [name for name in names if name not in self._known | self._aside]
        with database.reading() as connection:
            for some in _in_parts(new, _NAMES_AT_ONCE):
                found = connection.execute(select(calls.c.id).where(calls.c.id.in_(some)))
                self._known.update(found.scalars())
        left = [name for name in new if name not in self._known]
        return [name for name in left if self._places.folder.is_over(name)]

    def _load(self, database: Database, names: Sequence[str]) -> int:
        read = [one for name in names if (one := self._read(name)) is not None]
        erased: set[str] = set()
        refused: set[str] = set()
        with database.writing() as connection:
            _, erasures = erasures_after(connection, 0)
            there = connection.execute(select(calls.c.id).where(calls.c.id.in_(names)))
            known = set(there.scalars())
            for one in read:
                if self._is_erased(one, erasures):
                    erased.add(one.name)
                elif one.name not in known and not _inserted(connection, one):
                    refused.add(one.name)
        self._aside |= refused
        if erased:
            erase_files([], erased, self._places, Erased())
        loaded = {one.name for one in read} - erased - refused
        self._known |= loaded
        return len(loaded)

    def _read(self, name: str) -> _Read | None:
        folder, numbers = self._places.folder, self._places.numbers
        try:
            time.sleep(BREATHE_S)
            if self._settings.redact:
                folder.redact(name, numbers)
            reading = read_what_there_is(folder.file(name))
            head = reading.lines[0]
            assert isinstance(head, Head), "a reading begins with its head"
            return _Read(name, head, rows_of(name, reading.lines, len(reading.troubles), numbers))
        except FileNotFoundError:
            return None  # erased just now
        except JournalError as error:
            if folder.file(name).exists():
                log.warning("journal_set_aside", journal=name, reason=str(error))
        except OSError:
            raise
        except Exception:
            log.exception("journal_set_aside", journal=name)
        self._aside.add(name)
        return None

    def _is_erased(self, one: _Read, erasures: Sequence[Erasure]) -> bool:
        return any(erasure.covers(one.head, self._places.numbers) for erasure in erasures)

    def _erase_here(self, database: Database) -> None:
        """What was erased elsewhere, or of calls that were still going on, is removed here."""
        with database.reading() as connection:
            last, erasures = erasures_after(connection, self._erasure)
        if erasures:
            erase_files(erasures, [], self._places, Erased())
        self._erasure = last

    # --- retiring

    def _retire_files(self, loaded: set[str]) -> None:
        settings, folder = self._settings, self._places.folder
        if settings.audio_days:
            self._places.audio.retire(settings.audio_days)
        limits = (settings.journal_days, settings.words_days, settings.record_days)
        days = min((limit for limit in limits if limit), default=0)
        for name in sorted(loaded) if days else []:
            if folder.age_s(name) > days * 86400 and folder.is_over(name):
                folder.remove(name)

    def _retire_rows(self, database: Database) -> None:
        settings = self._settings
        if not (settings.words_days or settings.record_days):
            return
        with database.writing() as connection:
            if settings.words_days:
                _forget_words(connection, settings.words_days)
            if settings.record_days:
                before = now() - timedelta(days=settings.record_days)
                connection.execute(delete(calls).where(calls.c.started < before))


def _inserted(connection: Connection, one: _Read) -> bool:
    """Whether the database takes it; only a complaint about what it says is an answer."""
    try:
        with connection.begin_nested():
            one.rows.insert(connection)
    except (DataError, IntegrityError) as error:
        log.warning("journal_set_aside", journal=one.name, reason=type(error.orig).__name__)
        return False
    return True


def _forget_words(connection: Connection, days: int) -> None:
    due = (calls.c.started < now() - timedelta(days=days)) & calls.c.has_words
    old = select(calls.c.id).where(due)
    connection.execute(update(turns).where(turns.c.call.in_(old)).values(words=None, heard=None))
    without = {"arguments": None, "result": None}
    connection.execute(update(tool_calls).where(tool_calls.c.call.in_(old)).values(without))
    connection.execute(delete(transcripts).where(transcripts.c.call.in_(old)))
    connection.execute(update(calls).where(due).values(has_words=False))


def _in_parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), size):
        yield names[at : at + size]
