"""Finished calls in a database: the same in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, text
from structlog.testing import capture_logs

from adapters.database import tables
from adapters.database.errors import StoreLost
from adapters.database.migrating import differences, newest, revision
from adapters.database.opening import Database
from engine.chart import default_chart_path, load_chart
from engine.config import Config, load_config
from engine.errors import ConfigError
from engine.journal import read_journal
from engine.keeping.journals import CUT_OFF_S
from engine.replay import replay
from engine.turns import Turns
from engine.vocabulary import VOCABULARY
from tests.store_kit import (
    CALLER,
    LINES,
    NUMBER,
    config_of,
    emptied,
    ids,
    kept,
    loader,
    places,
    postgres,
    rows,
)

a_server = pytest.fixture(scope="module")(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def config(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Config:
    """Journals in a folder, and a database of either kind, without tables."""
    if request.param == "sqlite":
        return config_of(tmp_path)
    return config_of(tmp_path, emptied(request.getfixturevalue("a_server")))


def folder(config: Config) -> Path:
    return Path(config.calls)


def database(config: Config) -> Database:
    found = places(config).database
    assert found is not None
    return found


def test_migrations_lead_to_the_tables_that_the_code_knows(config: Config) -> None:
    """Nothing differs, and doing it again does nothing."""
    folder(config).mkdir()
    for _ in range(2):
        database(config).migrate()
    with database(config).reading() as connection:
        assert differences(connection) == []
        assert revision(connection) == newest()


def test_tables_of_a_later_version_are_left_alone(config: Config) -> None:
    """An old worker beside a new one says so, and its journals wait for the new one."""
    name = kept(folder(config), "CA1")
    database(config).migrate()
    with database(config).writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreLost, match="of a later version"):
        loader(config).sweep()
    assert (folder(config) / f"{name}.jsonl").exists()


def test_a_call_is_rows(config: Config) -> None:
    """The call, its turns as the journal has them, what was said, and what tools were asked."""
    name = kept(folder(config), "CA1", started=datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    assert loader(config).sweep().loaded == 1

    (call,) = rows(config, tables.calls)
    assert (call["id"], call["call_id"], call["outcome"]) == (name, "CA1", "completed")
    assert call["started"] == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert (call["caller"], call["called"]) == ("…0001", "+15559990000")
    assert call["number_hash"] == places(config).numbers.hashed("+1 (555) 123-0001")
    assert call["turns"] == 2

    records = Turns.of(LINES).records
    turns = rows(config, tables.turns)
    assert turns[0]["words"] == records[0].words == "where is my parcel"
    for turn, record in zip(turns, records, strict=True):
        assert turn["latency_ms"] == record.latency_ms
        took = {stage: turn[f"{stage}_took_ms"] for stage in record.stages}
        assert took == record.stages
        assert turn["tokens_out"] == record.reply.tokens_out

    said = [(line["role"], line["text"]) for line in rows(config, tables.transcripts)]
    assert ("caller", "where is my parcel") in said
    assert ("agent", "It is on its way.") in said
    (tool,) = rows(config, tables.tool_calls)
    assert (tool["tool"], tool["arguments"]) == ("look_up", '{"n": 29340}')


def test_a_journal_is_loaded_once(config: Config) -> None:
    """By whoever looks, and how often."""
    kept(folder(config), "CA1")
    assert loader(config).sweep().loaded == 1
    assert loader(config).sweep().loaded == 0
    kept(folder(config), "CA2")
    again = loader(config)
    assert [again.sweep().loaded for _ in range(2)] == [1, 0]
    assert ids(config) == ["CA1", "CA2"]


def test_a_database_that_was_replaced_gets_all_that_there_is(config: Config) -> None:
    """Its tables are gone: that is told, and then they are made and filled anew."""
    kept(folder(config), "CA1")
    mine = loader(config)
    mine.sweep()
    with database(config).writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        tables.metadata.drop_all(connection)
    with pytest.raises(StoreLost):
        mine.sweep()
    assert mine.sweep().loaded == 1
    assert ids(config) == ["CA1"]


def test_two_calls_of_one_id_are_both_kept(config: Config) -> None:
    """A carrier brings a call again, after a transfer that failed."""
    first = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    kept(folder(config), "CA1", started=first)
    kept(folder(config), "CA1", started=first + timedelta(minutes=2))
    assert loader(config).sweep().loaded == 2


def test_a_call_that_goes_on_waits_for_its_end(config: Config) -> None:
    """Until nothing was added for so long that its process must be gone."""
    name = kept(folder(config), "CA1", lines=10)
    path = folder(config) / f"{name}.jsonl"
    assert loader(config).sweep().loaded == 0
    past_s = time.time() - CUT_OFF_S - 1
    os.utime(path, (past_s, past_s))
    assert loader(config).sweep().loaded == 1
    (call,) = rows(config, tables.calls)
    assert call["outcome"] == "cut off"


def test_a_journal_that_is_none_stands_in_nobodys_way(config: Config) -> None:
    """It is told of once, by its name, and the others are loaded."""
    kept(folder(config), "CA1")
    bad = folder(config) / "20260101T000000-CA0.jsonl"
    bad.write_bytes(b'{"line":"end"}\n')
    kept(folder(config), "CA2", started=datetime(2026, 1, 1, tzinfo=UTC), stream_id="a\0b")
    mine = loader(config)
    with capture_logs() as logs:
        assert mine.sweep().loaded == 2
        mine.sweep()
    assert [(log["event"], log["journal"]) for log in logs] == [
        ("journal_set_aside", "20260101T000000-CA0")
    ]
    assert bad.exists()


def test_numbers_are_unreadable_everywhere_once_a_call_is_loaded(config: Config) -> None:
    """In the tables and in the journal, which still replays; orders stay readable."""
    name = kept(folder(config), "CA1")
    loader(config).sweep()
    journal = (folder(config) / f"{name}.jsonl").read_text()
    told = " ".join(str(rows(config, table)) for table in tables.metadata.sorted_tables)
    for text_ in (journal, told):
        assert "five five" not in text_
        assert CALLER not in text_
        assert "29340" in text_
    assert "zero zero zero zero" in told
    lines = list(read_journal(folder(config) / f"{name}.jsonl"))
    assert replay(lines, load_chart(default_chart_path(), VOCABULARY)).difference is None


def test_numbers_may_be_kept(tmp_path: Path) -> None:
    """By setting, both what was said and who called; then the journal is left as it is."""
    config = config_of(tmp_path, redact=False, numbers="plain")
    name = kept(folder(config), "CA1")
    before = (folder(config) / f"{name}.jsonl").read_bytes()
    loader(config).sweep()
    (call,) = rows(config, tables.calls)
    assert call["caller"] == CALLER
    assert NUMBER in str(rows(config, tables.turns))
    assert (folder(config) / f"{name}.jsonl").read_bytes() == before


def test_of_a_call_out_it_is_the_called_number_that_is_hidden(config: Config) -> None:
    """The person is at the other end."""
    kept(folder(config), "CA1", direction="outbound", caller="+15559990000", called=CALLER)
    loader(config).sweep()
    (call,) = rows(config, tables.calls)
    assert (call["caller"], call["called"]) == ("+15559990000", "…0001")
    assert call["number_hash"] == places(config).numbers.hashed(CALLER)


def test_what_was_kept_for_long_enough_goes(config: Config) -> None:
    """Each kind by its own limit: journals no later than words, records last."""
    long_ago = datetime.now(UTC) - timedelta(days=10)
    name = kept(folder(config), "CA1", started=long_ago)
    path = folder(config) / f"{name}.jsonl"
    os.utime(path, (long_ago.timestamp(), long_ago.timestamp()))
    kept(folder(config), "CA2")

    loader(with_store(config, words_days=11)).sweep()
    assert path.exists()
    loader(with_store(config, words_days=9)).sweep()
    assert not path.exists()
    first, second = rows(config, tables.calls)
    assert (first["has_words"], second["has_words"]) == (False, True)
    turns = rows(config, tables.turns)
    assert [turn["words"] is None for turn in turns] == [True, True, False, False]
    assert turns[0]["latency_ms"] == turns[2]["latency_ms"]
    assert {line["call"] for line in rows(config, tables.transcripts)} == {second["id"]}
    loader(with_store(config, record_days=9)).sweep()
    assert ids(config) == ["CA2"]
    assert len(rows(config, tables.turns)) == 2


def with_store(config: Config, **changes: int) -> Config:
    from msgspec.structs import replace

    return replace(config, store=replace(config.store, **changes))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:secret@h/db", "not mysql:"),
        ("no url", "is no URL"),
        ("sqlite://", "names no database"),
    ],
)
def test_a_url_that_cannot_be_one_is_refused_at_the_start(
    tmp_path: Path, url: str, says: str
) -> None:
    """One line, without the password in it."""
    with pytest.raises(ConfigError, match=says) as error:
        places(config_of(tmp_path, url))
    assert "secret" not in str(error.value)


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    """And without what was to be written."""
    lost = Database(config_of(tmp_path, "postgresql+psycopg://u:secret@127.0.0.1:1/x").store.url, 1)  # type: ignore[arg-type]
    with pytest.raises(StoreLost, match=r"127\.0\.0\.1:1/x") as error:
        lost.migrate()
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_url_is_a_secret() -> None:
    """It has a password in it, wherever it comes from; so are the keys."""
    config = load_config(
        None,
        {
            "ANTIPHON_STORE__URL": "postgresql+psycopg://u:secret@h/d",
            "ANTIPHON_STORE__NUMBER_KEY": "secret",
            "ANTIPHON_AUDIO__KEY": "secret",
        },
    )
    secrets = (config.store.url, config.store.number_key, config.audio.key)
    assert all(one is not None and "secret" in one.get_secret_value() for one in secrets)
    assert "secret" not in repr(config)


def test_workers_make_one_key_for_numbers(tmp_path: Path) -> None:
    """Whoever is first; it is nobody else's to read, and stays the same."""
    one, other = places(config_of(tmp_path)).numbers, places(config_of(tmp_path)).numbers
    assert one.hashed(CALLER) == other.hashed(CALLER) != ""
    (path,) = (tmp_path / "data").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    keyed = config_of(tmp_path, number_key=SecretStr("another"))
    assert places(keyed).numbers.hashed(CALLER) != one.hashed(CALLER)


def test_a_redaction_that_a_crash_cut_off_is_done_anew(tmp_path: Path) -> None:
    """And erasing takes what it left, too."""
    config = config_of(tmp_path)
    name = kept(folder(config), "CA1")
    left = folder(config) / f".{name}.part"
    left.write_bytes(b"half of it")
    loader(config).sweep()
    assert not left.exists()
    left.write_bytes(b"half of it")
    assert places(config).folder.remove(name)
    assert not left.exists()


def test_a_server_that_is_too_slow_is_given_up(a_server: str, tmp_path: Path) -> None:
    """Within its time; what was to be loaded is loaded later."""
    config = config_of(tmp_path, emptied(a_server), answer_s=0.2)
    kept(folder(config), "CA1")
    mine = loader(config)
    other = database(config)
    other.migrate()
    with other.writing(), pytest.raises(StoreLost, match="timeout"):
        mine.sweep()
    assert mine.sweep().loaded == 1


def test_a_server_that_goes_away_in_the_middle(a_server: str, tmp_path: Path) -> None:
    """Nothing of the batch is there, and all of it the next time."""
    config = config_of(tmp_path, emptied(a_server))
    store = database(config)
    store.migrate()

    def lose_it() -> None:
        with store.writing() as connection:
            connection.execute(insert(tables.erasures), ONE)
            victim = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with store.reading() as killer:
                killer.execute(text(f"SELECT pg_terminate_backend({victim})"))
            connection.execute(insert(tables.erasures), ONE)

    with pytest.raises(StoreLost):
        lose_it()
    assert rows(config, tables.erasures) == []
    kept(folder(config), "CA1")
    assert loader(config).sweep().loaded == 1


ONE = {"kind": "call", "value": "CA0", "erased": datetime(2026, 1, 1, tzinfo=UTC)}
