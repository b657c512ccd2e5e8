"""Calls are kept beside the calls: a store that is slow, down or broken loses nothing, and holds
nothing up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.database.errors import StoreLost
from engine import keeping as keeping_module
from engine.errors import ConfigError
from engine.keeping import Keeping, open_keeping
from engine.keeping.journals import JournalFolder
from engine.keeping.loading import Loader, Swept
from tests.store_kit import LINES, config_of, ids, kept, loader


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what a thread does; in real time, and not for ever."""
    with trio.fail_after(10):
        while not is_so():  # noqa: ASYNC110  # a thread has no event to wait for
            await trio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are short, so that the tests are."""
    for name in ("SETTLE_S", "OTHERS_S", "RETRY_FIRST_S"):
        monkeypatch.setattr(keeping_module, name, 0.02)


async def test_a_call_that_has_ended_is_loaded(tmp_path: Path) -> None:
    """The end in its journal is enough of a call."""
    config = config_of(tmp_path)
    kept(tmp_path / "calls", "CA1")
    async with open_keeping(config, tmp_path / "calls") as keeping:
        await until(lambda: keeping.loaded == 1)
        kept(tmp_path / "calls", "CA2")
        (watcher,) = keeping.watchers("CA2")
        for line in LINES:
            watcher(line)
        await until(lambda: keeping.loaded == 2)
    assert ids(config) == ["CA1", "CA2"]


async def test_what_ended_last_is_loaded_when_the_service_ends(tmp_path: Path) -> None:
    """Also one that is cancelled."""
    config = config_of(tmp_path)  # whose folder is not there yet
    with trio.CancelScope() as service:
        async with open_keeping(config, tmp_path / "calls") as keeping:
            await until(lambda: (tmp_path / "calls" / "antiphon.db").exists())
            await until(lambda: not keeping.trouble)
            kept(tmp_path / "calls", "CA1")
            service.cancel()
            await trio.sleep_forever()
    assert ids(config) == ["CA1"]


async def test_a_store_that_is_down_loses_nothing(tmp_path: Path) -> None:
    """Its loss is told of once; what ended meanwhile is loaded when it is back."""
    calls = tmp_path / "calls"
    store = tmp_path / "store"
    store.write_text("not a folder, so there can be no database in it")
    config = config_of(tmp_path, f"sqlite:///{store}/antiphon.db")
    with capture_logs() as logs:
        kept(calls, "CA1")
        async with open_keeping(config, calls) as keeping:
            await until(lambda: keeping.trouble != "")
            kept(calls, "CA2")
            await trio.sleep(0.1)  # some tries
            store.unlink()
            await until(lambda: keeping.loaded == 2)
            assert keeping.trouble == ""
    assert [log["event"] for log in logs] == ["store_lost", "store_back"]
    assert ids(config) == ["CA1", "CA2"]


async def test_a_key_for_numbers_that_cannot_be_read_is_waited_for(tmp_path: Path) -> None:
    """As a database is: the journals wait meanwhile."""
    config = config_of(tmp_path)
    kept(tmp_path / "calls", "CA1")
    in_its_place = tmp_path / "data" / "number.key"
    in_its_place.mkdir(parents=True)
    async with open_keeping(config, tmp_path / "calls") as keeping:
        await until(lambda: "no key for numbers" in keeping.trouble)
        in_its_place.rmdir()
        await until(lambda: keeping.loaded == 1)
        assert keeping.trouble == ""


async def test_nothing_is_loaded_before_the_beginning(tmp_path: Path) -> None:
    """A service begins when it takes calls, and its start does not wait for the database."""
    config = config_of(tmp_path)
    kept(tmp_path / "calls", "CA1")
    begin = trio.Event()
    async with open_keeping(config, tmp_path / "calls", begin) as keeping:
        await trio.testing.wait_all_tasks_blocked()
        assert not (tmp_path / "calls" / "antiphon.db").exists()
        begin.set()
        await until(lambda: keeping.loaded == 1)


async def test_a_url_that_is_none_is_told_before_the_beginning(tmp_path: Path) -> None:
    """Who wrote it is there to read it."""
    config = config_of(tmp_path, "mysql://there")
    with pytest.raises(ConfigError, match="not mysql:"):
        async with open_keeping(config, tmp_path / "calls", trio.Event()):
            pass


async def test_a_store_that_breaks_in_the_middle_is_taken_up_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches that were done stay done, and none is done twice."""
    monkeypatch.setattr("engine.keeping.loading.BATCH", 2)
    config = config_of(tmp_path)
    for number in range(5):
        kept(tmp_path / "calls", f"CA{number}")
    mine = loader(config)
    load, batches = mine._load, list[Any]()

    def breaking(database: Any, names: Any) -> int:
        batches.append(names)
        if len(batches) == 2:
            raise StoreLost("gone")
        return load(database, names)

    monkeypatch.setattr(mine, "_load", breaking)
    with pytest.raises(StoreLost):
        mine.sweep()
    assert len(ids(config)) == 2
    assert mine.sweep() == Swept(loaded=3, waiting=0)
    assert ids(config) == [f"CA{number}" for number in range(5)]


async def test_a_store_that_hangs_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Calls go on, and the service ends within its time; the journal waits for the next."""
    let_go = threading.Event()

    class Hanging(Loader):
        def sweep(self) -> Swept:
            let_go.wait(10)
            return Swept()

    hanging = Hanging(None, config_of(tmp_path).store)  # type: ignore[arg-type]
    keeping = Keeping(lambda: hanging, 60.0)
    autojump_clock.autojump_threshold = 0.1  # a thread is at work that nobody waits for
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeping.run)
        await trio.sleep(30)  # a call, meanwhile
        assert trio.current_time() - began_s == pytest.approx(30)
        nursery.cancel_scope.cancel()
    await keeping.finish()
    assert trio.current_time() - began_s == pytest.approx(30 + keeping_module.LAST_S)
    assert hanging.stopping
    let_go.set()


async def test_a_bug_in_keeping_is_no_calls_concern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and tried again."""
    (tmp_path / "calls").mkdir()
    config = config_of(tmp_path)
    tries = []

    def broken(self: Loader) -> Swept:
        tries.append(self)
        if len(tries) < 3:
            raise KeyError("a bug")
        return Swept()

    monkeypatch.setattr(Loader, "sweep", broken)
    with capture_logs() as logs:
        async with open_keeping(config, tmp_path / "calls") as keeping:
            await until(lambda: len(tries) > 2 and not keeping.trouble)
    assert [log["event"] for log in logs][:2] == ["keeping_failed", "store_lost"]


async def test_workers_of_one_machine_take_turns(tmp_path: Path) -> None:
    """Who finds another at it comes back later; a call is loaded once."""
    config = config_of(tmp_path)
    kept(tmp_path / "calls", "CA1")
    with JournalFolder(tmp_path / "calls").alone() as alone:
        assert alone
        assert loader(config).sweep() == Swept(others=True)
    assert loader(config).sweep() == Swept(loaded=1)
    async with (
        open_keeping(config, tmp_path / "calls") as one,
        open_keeping(config, tmp_path / "calls") as other,
    ):
        kept(tmp_path / "calls", "CA2")
        for keeping in (one, other):
            keeping.watchers("CA2")[0](LINES[-1])
        await until(lambda: one.loaded + other.loaded == 1)
    assert ids(config) == ["CA1", "CA2"]


async def test_without_a_database_journals_stay_files(tmp_path: Path) -> None:
    """And are left as they are, but for their age."""
    config = config_of(tmp_path, "")
    name = kept(tmp_path / "calls", "CA1")
    before = (tmp_path / "calls" / f"{name}.jsonl").read_bytes()
    assert loader(config).sweep() == Swept()
    assert (tmp_path / "calls" / f"{name}.jsonl").read_bytes() == before
    old = replace(config, store=replace(config.store, journal_days=1))
    assert loader(old).sweep() == Swept()
    assert (tmp_path / "calls" / f"{name}.jsonl").exists()
