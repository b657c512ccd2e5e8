"""What people do with the store from the command line. All of it blocks, and raises
:class:`~engine.errors.AntiphonError` where it cannot be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from adapters.database.errors import StoreLost
from adapters.database.migrating import newest, revision
from adapters.database.opening import Database
from adapters.database.tables import calls, turns
from engine.config import Config
from engine.errors import AntiphonError, ConfigError
from engine.keeping.erasure import Erased, Erasure, erase_calls, now
from engine.keeping.loading import Loader, Swept
from engine.keeping.parquet import export_turns
from engine.keeping.places import Places, places_of


def migrate(config: Config) -> str:
    """Bring the tables up to date; what they are then."""
    with _database(_places(config)) as database:
        database.migrate()
        with database.reading() as connection:
            return f"{database.name}: {_tables(revision(connection))}"


def load(config: Config) -> Swept:
    """Load the journals that wait, and retire what is old."""
    places = _places(config)
    with _database(places):
        return Loader(places, config.store).sweep()


def status(config: Config) -> Iterator[str]:
    """What is kept and what waits to be, in lines."""
    places = _places(config)
    names = places.folder.names()
    with _database(places) as database, database.reading() as connection:
        has = revision(connection)
        yield f"{database.name}: {_tables(has)}"
        known: set[str] = set()
        if has is not None:
            known = set(connection.execute(select(calls.c.id)).scalars())
            oldest = connection.execute(select(func.min(calls.c.started))).scalar_one()
            count = connection.execute(select(func.count()).select_from(turns)).scalar_one()
            since = f", since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""
            yield f"{len(known)} calls with {count} turns{since}"
    over = [places.folder.is_over(name) for name in names if name not in known]
    yield f"{places.folder.path}: {len(names)} journals"
    yield f"{sum(over)} journals wait to be loaded, {over.count(False)} are of calls that go on"


def _tables(has: str | None) -> str:
    if has is None:
        return "no tables yet (antiphon store migrate, or the first call)"
    return f"tables as of {has}" + ("" if has == newest() else f", not yet {newest()}")


def erase(
    config: Config, *, caller: str | None = None, call: str | None = None, before: str | None = None
) -> Erased:
    """Erase the calls of a number, or the call of an id, or those that began before a date."""
    given = [text for text in (caller, call, before) if text is not None]
    if len(given) != 1 or not re.search(r"\w", given[0]):
        raise ConfigError("erase: one of --caller, --call and --before is needed")
    places = _places(config)
    if caller is not None:
        erasure = Erasure("number", places.numbers.hashed(caller), now())
    elif call is not None:
        erasure = Erasure("call", call, now())
    else:
        erasure = Erasure("before", _moment("--before", given[0]).isoformat(), now())
    with _told():
        return erase_calls(erasure, places)


def export(config: Config, parquet: Path, since: str | None, *, words: bool) -> int:
    """Write the turns of calls since a date into a Parquet file; how many."""
    after = _moment("--since", since) if since is not None else None
    with _database(_places(config)) as database:
        database.migrate()
        return export_turns(database, parquet, after, words=words)


# --- what they share ------------------------------------------------------------------------


def _places(config: Config) -> Places:
    return places_of(config, Path(config.calls))


@contextmanager
def _database(places: Places) -> Iterator[Database]:
    if places.database is None:
        raise ConfigError("[store] url is empty: there is no database")
    with _told():
        yield places.database


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text}: a date is needed, as 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except StoreLost as error:
        raise AntiphonError(str(error)) from None
    except OSError as error:
        raise AntiphonError(f"{error.filename or 'the folder'}: {error.strerror}") from error
