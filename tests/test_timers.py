"""The timers of a call: each fires once, at its time, unless it was stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from engine.timers import Timers

Fired = list[tuple[int, float]]
"""Which, and when (s)."""


@asynccontextmanager
async def timing() -> AsyncIterator[tuple[Timers, Fired]]:
    """Timers, and what has fired. They are closed in the end, and leave no task."""
    fired: Fired = []
    async with trio.open_nursery() as nursery:
        timers = Timers(nursery)
        yield timers, fired
        timers.close()


def fire(fired: Fired, number: int) -> None:
    fired.append((number, trio.current_time()))


async def test_each_fires_once_at_its_time(autojump_clock: MockClock) -> None:
    """Whichever was started first."""
    async with timing() as (timers, fired):
        for number, wait_ms in ((1, 300.0), (2, 100.0), (3, 200.0)):
            timers.start(number, wait_ms, partial(fire, fired, number))
        await trio.sleep(1)
        assert fired == [(2, 0.1), (3, 0.2), (1, 0.3)]


async def test_of_those_due_together_the_first_that_was_started_fires_first(
    autojump_clock: MockClock,
) -> None:
    """They are numbered as they are started."""
    async with timing() as (timers, fired):
        for number in (1, 2, 3):
            timers.start(number, 100.0, partial(fire, fired, number))
        await trio.sleep(1)
        assert [number for number, _ in fired] == [1, 2, 3]


async def test_a_time_that_is_over_is_now(autojump_clock: MockClock) -> None:
    """It fires at once, but not before whoever starts it has gone on."""
    async with timing() as (timers, fired):
        timers.start(1, -50.0, partial(fire, fired, 1))
        assert fired == []
        await trio.sleep(1)
        assert fired == [(1, 0.0)]


async def test_one_that_is_stopped_does_not_fire(autojump_clock: MockClock) -> None:
    """The others do, at their times; it can be stopped once."""
    async with timing() as (timers, fired):
        timers.start(1, 100.0, partial(fire, fired, 1))
        timers.start(2, 200.0, partial(fire, fired, 2))
        assert timers.stop(1)
        assert not timers.stop(1)
        await trio.sleep(1)
        assert fired == [(2, 0.2)]
        assert not timers.stop(2)


async def test_one_that_fires_may_start_and_stop_others(autojump_clock: MockClock) -> None:
    """As the chart does: also one that is due at the same moment."""
    async with timing() as (timers, fired):

        def first() -> None:
            fire(fired, 1)
            timers.stop(2)
            timers.start(3, 0.0, partial(fire, fired, 3))
            timers.start(4, 50.0, partial(fire, fired, 4))

        timers.start(1, 100.0, first)
        timers.start(2, 100.0, partial(fire, fired, 2))
        await trio.sleep(1)
        assert [number for number, _ in fired] == [1, 3, 4]
        assert [at_s for _, at_s in fired] == pytest.approx([0.1, 0.1, 0.15])


async def test_one_that_is_hastened_fires_now_and_not_again(autojump_clock: MockClock) -> None:
    """Only if it has not fired yet."""
    async with timing() as (timers, fired):
        timers.start(1, 500.0, partial(fire, fired, 1))
        await trio.sleep(0.2)
        assert timers.hasten(1)
        await trio.sleep(1)
        assert fired == [(1, 0.2)]
        assert not timers.hasten(1)


async def test_nothing_fires_when_they_are_closed(autojump_clock: MockClock) -> None:
    """And nothing waits any longer: the nursery is left at once."""
    fired: Fired = []
    async with trio.open_nursery() as nursery:
        timers = Timers(nursery)
        timers.start(1, 500.0, partial(fire, fired, 1))
        await trio.sleep(0.1)
        timers.close()
    assert trio.current_time() == pytest.approx(0.1)
    assert fired == []
