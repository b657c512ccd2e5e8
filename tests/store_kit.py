"""Journals of simulated calls in a folder, and databases to load them into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr
from sqlalchemy import Table, create_engine, select, text

from adapters.database.settings import StoreSettings
from adapters.database.tables import calls
from engine.config import Config
from engine.journal import AnyLine, Head
from engine.keeping.loading import Loader
from engine.keeping.places import Places, places_of
from engine.simulation.scenario import Act, Answer, Asks, Scenario, ScriptedTool
from engine.simulation.world import simulate
from tests.servers_kit import a_postgres

CALLER = "+15551230001"
NUMBER = "five five five one two three four five six seven"
LINES: Sequence[AnyLine] = simulate(
    Scenario(
        says="",
        caller=[
            Act(at=2.0, say="where is my parcel"),
            Act(at=10.0, say=f"call me at {NUMBER}"),
        ],
        answers=[
            Answer(
                to="parcel",
                says="It is on its way.",
                asks=Asks(tool="look_up", arguments={"n": 29340}),
            ),
            Answer(to="call", says="I will call you."),
        ],
        tools=[ScriptedTool(name="look_up")],
        ends_at=20.0,
    )
).lines


def kept(
    folder: Path,
    call_id: str,
    *,
    caller: str = CALLER,
    started: datetime | None = None,
    lines: int | None = None,
    **head: Any,
) -> str:
    """A journal of this call in the folder, as far as so many lines; its name."""
    started = started or datetime.now(UTC) - timedelta(minutes=5)
    first, *rest = LINES
    assert isinstance(first, Head)
    numbers = {"direction": "inbound", "caller": caller, "called": "+15559990000"}
    first = msgspec.structs.replace(
        first, call_id=call_id, started=started.isoformat("T", "seconds"), **{**numbers, **head}
    )
    name = f"{started.strftime('%Y%m%dT%H%M%S')}-{call_id}"
    folder.mkdir(exist_ok=True)
    encoded = [msgspec.json.encode(line) for line in [first, *rest]][:lines]
    (folder / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in encoded))
    return name


def config_of(folder: Path, url: str | None = None, **settings: Any) -> Config:
    """A configuration with journals in ``folder/calls``."""
    secret = None if url is None else SecretStr(url)
    store = StoreSettings(url=secret, **settings)
    return Config(calls=str(folder / "calls"), data=str(folder / "data"), store=store)


def places(config: Config) -> Places:
    """Its places."""
    return places_of(config, Path(config.calls))


def loader(config: Config) -> Loader:
    """Its loader."""
    return Loader(places(config), config.store)


def rows(config: Config, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, in the order of its key."""
    database = places(config).database
    assert database is not None
    with database.reading() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


def ids(config: Config) -> list[str]:
    """The calls of a database."""
    return [row["call_id"] for row in rows(config, calls)]


def postgres() -> Iterator[str]:
    """A real server, for a module's tests: the URL of a database that each may empty."""
    with a_postgres() as url:
        yield url


def emptied(url: str) -> str:
    """The same database without anything in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url
