"""Erasing: of a caller, a call or an age nothing is left, while services run or not; and what is
exported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trio
from typer.testing import CliRunner, Result

from adapters.database import tables
from engine.cli import application
from engine.config import Config
from engine.keeping import errands, open_keeping
from engine.turns import Turns
from tests.store_kit import CALLER, LINES, config_of, emptied, ids, kept, loader, postgres, rows
from tests.test_keeping import until

OTHER = "+15551230002"
EARLY = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)

a_server = pytest.fixture(scope="module")(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Journals in a folder, and a database of either kind."""
    if request.param == "sqlite":
        return config_of(tmp_path)
    return config_of(tmp_path, emptied(request.getfixturevalue("a_server")))


def calls(config: Config) -> Path:
    return Path(config.calls)


def an_audio_file(config: Config, name: str) -> Path:
    path = calls(config) / "audio" / f"{name}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"RIFF")
    return path


def left(config: Config) -> list[str]:
    return sorted(path.stem.partition("-")[2] for path in calls(config).glob("*.jsonl"))


def test_of_a_caller_nothing_is_left(config: Config) -> None:
    """However the number is written, loaded or not, with their audio; others keep theirs."""
    mine, others = kept(calls(config), "CA1"), kept(calls(config), "CA2", caller=OTHER)
    audio = [an_audio_file(config, name) for name in (mine, others)]
    loader(config).sweep()
    new = kept(calls(config), "CA3")
    erased = errands.erase(config, caller="+1 (555) 123-0001")
    assert (erased.calls, erased.journals) == ({mine}, {mine, new})
    assert erased.audio == {f"{mine}.wav"}
    assert [path.exists() for path in audio] == [False, True]
    assert ids(config) == left(config) == ["CA2"]
    for table in (tables.turns, tables.transcripts, tables.tool_calls):
        assert {row["call"] for row in rows(config, table)} == {others}, table.name


def test_a_call_is_erased_by_its_id(config: Config) -> None:
    """And none whose id begins alike."""
    for call_id in ("CA1", "CA12"):
        kept(calls(config), call_id)
    loader(config).sweep()
    erased = errands.erase(config, call="CA1")
    assert len(erased.calls) == len(erased.journals) == 1
    assert ids(config) == left(config) == ["CA12"]


def test_calls_before_a_date_are_erased(config: Config) -> None:
    """Those that began before."""
    kept(calls(config), "CA1", started=EARLY)
    kept(calls(config), "CA2", started=EARLY + timedelta(days=1))
    loader(config).sweep()
    errands.erase(config, before="2026-10-02")
    assert ids(config) == left(config) == ["CA2"]


def test_what_was_erased_does_not_come_back(config: Config) -> None:
    """A call that was going on, or whose journal another machine had: it is not loaded, and its
    journal goes. A caller may call again."""
    loader(config).sweep() if calls(config).exists() else calls(config).mkdir()
    errands.erase(config, caller=CALLER)
    errands.erase(config, call="CA2")
    kept(calls(config), "CA1")
    kept(calls(config), "CA2", caller=OTHER)
    later = datetime.now(UTC) + timedelta(minutes=1)
    kept(calls(config), "CA3", started=later)
    assert loader(config).sweep().loaded == 1
    assert ids(config) == left(config) == ["CA3"]


def test_what_another_machine_has_goes_when_it_looks(config: Config, tmp_path: Path) -> None:
    """Journals that it has loaded, too: its folder is its own, the database is shared."""
    from msgspec.structs import replace

    elsewhere = replace(config, calls=str(tmp_path / "elsewhere"))
    if config.store.url is None:
        store = replace(
            config.store, url=config_of(tmp_path, f"sqlite:///{tmp_path}/s.db").store.url
        )
        config, elsewhere = replace(config, store=store), replace(elsewhere, store=store)
    kept(calls(elsewhere), "CA1")
    kept(calls(elsewhere), "CA2", caller=OTHER)
    theirs = loader(elsewhere)
    assert theirs.sweep().loaded == 2
    calls(config).mkdir()
    erased = errands.erase(config, caller=CALLER)
    assert (len(erased.calls), erased.journals) == (1, set())
    assert left(elsewhere) == ["CA1", "CA2"]
    theirs.sweep()
    assert left(elsewhere) == ["CA2"]


async def test_it_works_while_the_service_runs(config: Config) -> None:
    """Calls that are being loaded are erased before or after, but never in between."""
    names = [f"CA{number}" for number in range(30)]
    others = sorted(name for name in names if name >= "CA15")
    for name in names:
        kept(calls(config), name, caller=CALLER if name < "CA15" else OTHER)
    async with open_keeping(config, calls(config)) as keeping:
        for _ in range(3):
            await trio.to_thread.run_sync(lambda: errands.erase(config, caller=CALLER))
        await until(lambda: sorted(ids(config)) == others)
        assert not keeping.trouble
    assert sorted(ids(config)) == left(config) == others


def test_a_number_that_is_not_known_is_nobodys(tmp_path: Path) -> None:
    """Calls without a number are not those of an empty one."""
    config = config_of(tmp_path)
    kept(calls(config), "CA1", caller="")
    loader(config).sweep()
    assert errands.erase(config, caller=OTHER).journals == set()
    assert ids(config) == ["CA1"]


# --- the commands ---------------------------------------------------------------------------


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application("erase"), list(map(str, arguments)))


def written(tmp_path: Path) -> Path:
    """A configuration file for the folders here."""
    path = tmp_path / "antiphon.toml"
    path.write_text(f'calls = "{tmp_path}/calls"\ndata = "{tmp_path}/data"\n', encoding="utf-8")
    return path


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    """Each file that was removed by its name; the exit code is 1 where there was none."""
    config = written(tmp_path)
    name = kept(tmp_path / "calls", "CA1")
    assert "1 journals wait" in run("store", "status", "--config", config).stdout
    assert "tables as of 0001" in run("store", "migrate", "--config", config).stdout
    assert run("store", "load", "--config", config).stdout == "1 calls loaded, 0 left\n"
    assert "1 calls with 2 turns" in run("store", "status", "--config", config).stdout
    erased = run("erase", "--caller", CALLER, "--config", config)
    assert erased.exit_code == 0
    assert erased.stdout == f"erased from the database: {name}\nerased journal: {name}\n"
    again = run("erase", "--caller", CALLER, "--config", config)
    assert (again.exit_code, again.stdout) == (1, "nothing was found\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["erase"], "one of --caller, --call and --before"),
        (["erase", "--caller", " + "], "one of --caller, --call and --before"),
        (["erase", "--caller", "+1555", "--call", "CA1"], "one of --caller"),
        (["erase", "--before", "soon"], "--before soon: a date is needed"),
        (["export", "--parquet", "/proc/none/x", "--since", "ever"], "--since ever: a date"),
        (["export", "--parquet", "/proc/none/x"], "/proc/none"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    """Exit code 2, and nothing is touched."""
    kept(tmp_path / "calls", "CA1")
    result = run(*arguments, "--config", written(tmp_path))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert says in line
    assert left(config_of(tmp_path)) == ["CA1"]


def test_a_store_that_cannot_be_asked_is_one_line(tmp_path: Path) -> None:
    """Then nothing was erased: the files are there, too."""
    kept(tmp_path / "calls", "CA1")
    config = written(tmp_path)
    with config.open("a") as file:
        file.write('[store]\nurl = "postgresql+psycopg://u:secret@127.0.0.1:1/db"\n')
    result = run("erase", "--caller", CALLER, "--config", config)
    assert (result.exit_code, "secret" in result.stderr) == (2, False)
    assert left(config_of(tmp_path)) == ["CA1"]


# --- Parquet --------------------------------------------------------------------------------


def test_turns_are_exported_with_typed_columns(config: Config, tmp_path: Path) -> None:
    """A row for each turn, in the order of time, with what it needs of its call; words only if
    they are asked for."""
    kept(calls(config), "CA2", started=EARLY + timedelta(days=1))
    kept(calls(config), "CA1", started=EARLY)
    loader(config).sweep()
    path = tmp_path / "turns.parquet"
    assert errands.export(config, path, None, words=False) == 4
    table = pq.read_table(path)
    assert table.column("call_id").to_pylist() == ["CA1", "CA1", "CA2", "CA2"]
    assert table.schema.field("started").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("latency_ms").type == pa.float64()
    assert table.schema.field("tokens_out").type == pa.int64()
    latencies = [record.latency_ms for record in Turns.of(LINES).records]
    assert table.column("latency_ms").to_pylist() == latencies * 2
    assert not {"words", "heard"} & set(table.column_names)

    assert errands.export(config, path, "2026-10-02", words=True) == 2
    table = pq.read_table(path)
    assert table.column("started").to_pylist()[0] == EARLY + timedelta(days=1)
    assert table.column("words").to_pylist()[0] == "where is my parcel"


def test_an_export_of_nothing_has_its_columns(config: Config, tmp_path: Path) -> None:
    """So that who reads it needs no special case."""
    calls(config).mkdir()
    assert errands.export(config, tmp_path / "x.parquet", None, words=False) == 0
    assert "latency_ms" in pq.read_table(tmp_path / "x.parquet").column_names
