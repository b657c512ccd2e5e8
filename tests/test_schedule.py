"""The clock of a simulation, and its alarms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest
import trio

from effects import waits
from engine.simulation.schedule import JumpingClock, deterministic_order, sleeping_by

HOUR_S = 3600.0


def run(main: Callable[[JumpingClock], Awaitable[None]]) -> None:
    """Run it in virtual time, in the known order."""
    clock = JumpingClock()
    with deterministic_order({}):
        trio.run(main, clock, clock=clock)


def test_an_alarm_rings_at_its_time() -> None:
    """An hour is over at once, and not a moment early."""

    async def main(clock: JumpingClock) -> None:
        await clock.alarm().wait_until(HOUR_S)
        assert trio.current_time() == HOUR_S

    run(main)


def test_alarms_and_deadlines_come_in_the_order_of_time() -> None:
    """Whoever waits longer is woken later, however they wait."""
    woken: list[float] = []

    async def main(clock: JumpingClock) -> None:
        async def by_alarm(at_s: float) -> None:
            await clock.alarm().wait_until(at_s)
            woken.append(trio.current_time())

        async def by_deadline(at_s: float) -> None:
            await trio.sleep_until(at_s)
            woken.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            for at_s in (4.0, 2.0):
                nursery.start_soon(by_alarm, at_s)
                nursery.start_soon(by_deadline, at_s - 1)

    run(main)
    assert woken == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("alarm_first", [True, False])
def test_who_is_woken_at_one_time_runs_in_the_order_of_the_tasks(alarm_first: bool) -> None:
    """An alarm has no advantage over a deadline: the task that was started first runs first."""
    woken: list[str] = []

    async def main(clock: JumpingClock) -> None:
        async def by_alarm() -> None:
            await clock.alarm().wait_until(1.0)
            woken.append("alarm")

        async def by_deadline() -> None:
            await trio.sleep_until(1.0)
            woken.append("deadline")

        async with trio.open_nursery() as nursery:
            for waits in (by_alarm, by_deadline) if alarm_first else (by_deadline, by_alarm):
                nursery.start_soon(waits)

    run(main)
    assert woken == (["alarm", "deadline"] if alarm_first else ["deadline", "alarm"])


@pytest.mark.parametrize(
    ("to_s", "rings_s"),
    [(5.0, 5.0), (0.5, 1.0), (2 * HOUR_S, HOUR_S)],
    ids=["sooner", "at once", "never later"],
)
def test_an_alarm_can_be_brought_forward(to_s: float, rings_s: float) -> None:
    """A time that is over already is now; a later time changes nothing."""

    async def main(clock: JumpingClock) -> None:
        alarm = clock.alarm()

        async def forward() -> None:
            await trio.sleep_until(1.0)
            alarm.bring_forward(to_s)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(forward)
            await alarm.wait_until(HOUR_S)
            assert trio.current_time() == rings_s

    run(main)


def test_an_alarm_for_which_nobody_waits_is_silent() -> None:
    """Bringing it forward wakes nobody, and one that was cancelled does not ring."""

    async def main(clock: JumpingClock) -> None:
        alarm = clock.alarm()
        alarm.bring_forward(0.0)
        with trio.move_on_after(1.0) as scope:
            await alarm.wait_until(2.0)
        assert scope.cancelled_caught
        alarm.bring_forward(1.5)
        await trio.sleep_until(3.0)
        await alarm.wait_until(4.0)
        assert trio.current_time() == 4.0

    run(main)


@pytest.mark.parametrize("by_alarm", [True, False], ids=["in a simulation", "in trio"])
@pytest.mark.parametrize(("news_s", "woken_s"), [(1.0, 1.0), (5.0, 2.0)], ids=["news", "time"])
def test_whoever_is_parked_wakes_at_news_or_in_time(
    by_alarm: bool, news_s: float, woken_s: float
) -> None:
    """Both ways to wait are the same: whatever comes first ends it, and the other wakes nobody."""
    woken: list[float] = []

    async def main(clock: JumpingClock) -> None:
        lot = trio.lowlevel.ParkingLot()

        async def news() -> None:
            await trio.sleep_until(news_s)
            lot.unpark_all()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(news)
            with sleeping_by(clock) if by_alarm else nullcontext():
                await waits.parked(lot, 2.0)
                woken.append(trio.current_time())
                await waits.parked(lot, 10.0)  # by then neither is left
                woken.append(trio.current_time())

    run(main)
    assert woken == [woken_s, news_s if woken_s < news_s else woken_s + 10.0]


def test_whoever_is_parked_can_be_cancelled() -> None:
    """The alarm of a wait that was cancelled does not ring."""

    async def main(clock: JumpingClock) -> None:
        lot = trio.lowlevel.ParkingLot()
        with sleeping_by(clock):
            with trio.move_on_after(1.0) as scope:
                await waits.parked(lot, 2.0)
            assert scope.cancelled_caught
            await waits.parked(lot, 5.0)
            assert trio.current_time() == 6.0

    run(main)
