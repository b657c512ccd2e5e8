"""What workers share, in memory, over a file and over a real Redis: the same behaviour."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
import trio
from pydantic import SecretStr

from adapters.shared_state.alone import Alone
from adapters.shared_state.local import WAIT_S, LocalState
from adapters.shared_state.redis import RedisState
from effects.ports import Shared, SharedLost
from tests.servers_kit import a_redis

LONG_S = 60.0


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with a_redis() as url:
        yield url


class Workers:
    """Opens shared state for one worker after another."""

    def __init__(self, kind: str, folder: Path, request: pytest.FixtureRequest) -> None:
        self._kind, self._folder, self._request = kind, folder, request
        self._alone = Alone()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Shared]:
        if self._kind == "alone":
            yield self._alone
        elif self._kind == "local":
            async with LocalState(self._folder / "run" / "shared.db") as state:
                yield state
        else:
            async with RedisState(SecretStr(self._request.getfixturevalue("redis_url"))) as state:
                yield state

    def named(self, name: str) -> str:
        """A name that no other test uses: Redis is the same for all."""
        return f"{self._folder.name}-{name}"


@pytest.fixture(params=["alone", "local", "redis"])
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Workers:
    return Workers(request.param, tmp_path, request)


async def test_no_more_hold_a_place_than_there_are(workers: Workers) -> None:
    """Whichever worker they are in; and a place that is given back is free at once."""
    name = workers.named("voice")
    async with workers.one() as here, workers.one() as there:
        assert await here.hold(name, "a", limit=2, ttl_s=LONG_S)
        assert await there.hold(name, "b", limit=2, ttl_s=LONG_S)
        assert not await here.hold(name, "c", limit=2, ttl_s=LONG_S)
        assert not await there.hold(name, "c", limit=2, ttl_s=LONG_S)
        assert await here.holders(name) == ["a", "b"]
        await there.release(name, "a")
        await there.release(name, "nobody")
        assert await here.hold(name, "c", limit=2, ttl_s=LONG_S)
        assert await there.holders(name) == ["b", "c"]


async def test_who_holds_a_place_can_hold_on_to_it(workers: Workers) -> None:
    """Also when all places are taken: it is the same one."""
    name = workers.named("voice")
    async with workers.one() as here:
        assert await here.hold(name, "a", limit=1, ttl_s=LONG_S)
        assert await here.hold(name, "a", limit=1, ttl_s=LONG_S)
        assert await here.holders(name) == ["a"]


async def test_without_a_limit_everybody_has_a_place(workers: Workers) -> None:
    """The live calls, for example; other names are other places."""
    name = workers.named("calls")
    async with workers.one() as here:
        for call in range(20):
            assert await here.hold(name, f"call-{call:02}", limit=None, ttl_s=LONG_S)
        assert len(await here.holders(name)) == 20
        assert await here.holders(workers.named("others")) == []


async def test_a_place_lapses_with_its_holder(workers: Workers) -> None:
    """Who dies holds on to nothing: after its time the place is free, and nobody is told of it."""
    name = workers.named("voice")
    async with workers.one() as here:
        assert await here.hold(name, "dead", limit=1, ttl_s=0.05)
        with trio.fail_after(10):
            while not await here.hold(name, "alive", limit=1, ttl_s=LONG_S):  # noqa: ASYNC110
                await trio.sleep(0.01)
        assert await here.holders(name) == ["alive"]


async def test_only_the_first_does_it(workers: Workers) -> None:
    """Of many who ask at once, in any worker; and again when the time is over."""
    key, firsts = workers.named("token"), []
    async with workers.one() as here, workers.one() as there:

        async def ask(state: Shared) -> None:
            firsts.append(await state.once(key, LONG_S))

        async with trio.open_nursery() as nursery:
            for state in (here, there) * 5:
                nursery.start_soon(ask, state)
        assert firsts.count(True) == 1
        assert await here.once(workers.named("short"), 0.05)
        with trio.fail_after(10):
            while not await there.once(workers.named("short"), LONG_S):  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "run").write_text("no folder")
    with pytest.raises(SharedLost, match=r"shared\.db"):
        async with LocalState(tmp_path / "run" / "shared.db"):
            pass


async def test_a_file_that_somebody_locks_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Not even who asks after many others: each is told in its time, and none of them waits for
    the others' turns. Then it goes on as before."""
    path = tmp_path / "shared.db"
    waited_s: list[float] = []
    async with LocalState(path) as state:

        async def ask() -> None:
            begun_s = trio.current_time()
            with pytest.raises(SharedLost):
                await state.hold("calls", "CA1", limit=None, ttl_s=LONG_S)
            waited_s.append(trio.current_time() - begun_s)

        locker = sqlite3.connect(path, isolation_level=None)
        with closing(locker):
            locker.execute("BEGIN IMMEDIATE")
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(ask)
        assert max(waited_s) < 20 * WAIT_S / 2
        assert await state.hold("calls", "CA1", limit=None, ttl_s=LONG_S)


async def test_a_redis_that_is_not_there_is_said_without_its_password() -> None:
    """In an error of the ports, within its time."""
    url = SecretStr("redis://:the-password@127.0.0.1:1/0")
    with trio.fail_after(10), pytest.raises(SharedLost, match="Redis") as error:
        async with RedisState(url):
            pass
    assert "the-password" not in str(error.value)


async def test_a_redis_that_goes_away_is_said() -> None:
    """Each question then raises, and the state can still be left."""
    with trio.fail_after(20), ExitStack() as servers:
        url = servers.enter_context(a_redis())
        async with RedisState(SecretStr(url)) as state:
            assert await state.once("x" * 20, LONG_S)
            servers.close()
            for _ in range(3):
                with pytest.raises(SharedLost):
                    await state.once("y" * 20, LONG_S)
