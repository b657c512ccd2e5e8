"""A worker among others: who is there, and how much is asked of a vendor at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import pytest
import trio
import trio.testing

from adapters.shared_state.alone import Alone
from effects.choice import Choice
from effects.ports import NoneFree, Prompt, SharedLost, TextDelta, ToolCall, Usage
from engine.fleet import BEAT_S, TTL_S, Fleet
from engine.limited import LimitedMind

NOBODY = Prompt("", ())


class Memory(Alone):
    """What workers share, on the test's clock; it can be cut off."""

    cut = False

    async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
        self._check()
        return await super().hold(name, holder, limit=limit, ttl_s=ttl_s)

    async def release(self, name: str, holder: str) -> None:
        self._check()
        await super().release(name, holder)

    async def holders(self, name: str) -> list[str]:
        self._check()
        return await super().holders(name)

    async def once(self, key: str, ttl_s: float) -> bool:
        self._check()
        return await super().once(key, ttl_s)

    def _check(self) -> None:
        if self.cut:
            raise SharedLost("cut off")


@asynccontextmanager
async def workers(memory: Memory, count: int, places: int) -> AsyncIterator[list[Fleet]]:
    """Workers that know of each other."""
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        fleets = [
            await stack.enter_async_context(Fleet(memory, {"vendor": places})) for _ in range(count)
        ]
        for fleet in fleets:
            nursery.start_soon(fleet.beat)
        yield fleets
        nursery.cancel_scope.cancel()


async def test_a_vendor_is_never_asked_for_more_than_it_allows() -> None:
    """By all workers together; who finds no place is told at once, and a place that is given back
    is taken by the next."""
    async with workers(Memory(), 2, places=2) as (here, there):
        async with here.asking("vendor"), there.asking("another"), there.asking("vendor"):
            with pytest.raises(NoneFree, match="all 2 places"):
                async with here.asking("vendor"):
                    raise AssertionError("there was none")
        async with there.asking("vendor"), there.asking("vendor"):
            pass


async def test_a_cancelled_question_gives_its_place_back() -> None:
    """Wherever it is cancelled."""
    async with workers(Memory(), 1, places=1) as (fleet,):
        for steps in range(8):
            with trio.CancelScope() as scope:

                async def ask(scope: trio.CancelScope = scope, steps: int = steps) -> None:
                    async with fleet.asking("vendor"):
                        for _ in range(steps):
                            await trio.lowlevel.checkpoint()
                        scope.cancel()
                        await trio.sleep_forever()

                await ask()
            async with fleet.asking("vendor"):
                pass


async def test_places_are_held_as_long_as_they_are_needed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The heartbeat puts them off; a call that is over is forgotten."""
    async with workers(Memory(), 2, places=1) as (here, there):
        with here.holding_call("CA1"):
            async with here.asking("vendor"):
                await trio.sleep(TTL_S * 4)
                with pytest.raises(NoneFree):
                    async with there.asking("vendor"):
                        pass
            assert await there.calls() == ["CA1"]
            assert here.workers == there.workers == 2
        await trio.sleep(TTL_S + BEAT_S)
        assert await there.calls() == []


async def test_a_dead_workers_places_are_free_after_their_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It cannot say goodbye."""
    memory = Memory()
    await memory.hold("vendor:vendor", "a dead worker's", limit=1, ttl_s=TTL_S)
    async with workers(memory, 1, places=1) as (fleet,):
        with pytest.raises(NoneFree):
            async with fleet.asking("vendor"):
                pass
        await trio.sleep(TTL_S)
        async with fleet.asking("vendor"):
            pass


async def test_without_the_others_each_keeps_to_its_share(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """As many places as there are for each of the workers it last knew of, at least one; no call
    waits, and all is well again when the others are back."""
    memory = Memory()
    async with workers(memory, 3, places=4) as (fleet, *_):
        await trio.sleep(BEAT_S * 2)
        assert fleet.workers == 3
        memory.cut = True
        async with fleet.asking("vendor"):
            with pytest.raises(NoneFree):
                async with fleet.asking("vendor"):
                    pass
            assert not fleet.reachable
        memory.cut = False
        await trio.sleep(BEAT_S * 2)
        assert fleet.reachable


async def test_our_own_restraint_is_not_the_vendors_failure() -> None:
    """It leads to the next provider, and opens no breaker."""

    class Mind:
        name = "vendor"

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *exc: object) -> None:
            pass

        async def reply(self, prompt: Prompt, emit: object) -> Usage:
            return Usage(tokens_out=1)

    def ignored(_: TextDelta | ToolCall) -> None:
        pass

    async with workers(Memory(), 1, places=1) as (fleet,):
        mind = LimitedMind(Mind(), fleet)
        choice = Choice(mind, failures=1)
        async with fleet.asking("vendor"):
            for _ in range(3):
                with pytest.raises(NoneFree), choice.watched("vendor"):
                    await mind.reply(NOBODY, ignored)
        assert choice.health[0].state == "closed"
        with choice.watched("vendor"):
            assert (await mind.reply(NOBODY, ignored)).tokens_out == 1


async def test_a_call_is_ended_wherever_it_is_held(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Here at once, by another worker with its next beat."""
    async with workers(Memory(), 2, places=1) as (here, there):
        ended: list[tuple[str, str]] = []
        here.end_call = lambda call_id: ended.append(("here", call_id))
        there.end_call = lambda call_id: ended.append(("there", call_id))
        await here.hang_up("CA1")
        assert ended == [("here", "CA1")]
        await trio.sleep(BEAT_S * 1.5)
        assert ("there", "CA1") in ended
        await trio.sleep(TTL_S)
        ended.clear()
        await trio.sleep(BEAT_S * 2)
        assert ended == []


async def test_a_place_that_is_given_back_during_a_beat_stays_free(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The beat does not take it again for somebody who has left."""

    class Slow(Memory):
        async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
            await trio.sleep(0.05)
            return await super().hold(name, holder, limit=limit, ttl_s=ttl_s)

    async with workers(Slow(), 1, places=1) as (fleet,):
        async with fleet.asking("vendor"):
            await trio.sleep_until(BEAT_S + 0.05 * 1.5)  # it puts off the worker's own place now
        await trio.sleep(1)
        async with fleet.asking("vendor"):
            pass
