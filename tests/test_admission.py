"""Whether one more call may come in."""

from __future__ import annotations

import trio
import trio.testing

from engine.admission import BEAT_S, Admission, Limits


def open_door(**limits: float) -> Admission:
    admission = Admission(Limits(**limits))  # type: ignore[arg-type]
    admission.ready = True
    return admission


async def test_calls_are_taken_up_to_the_limit() -> None:
    """And again as soon as one of them is over."""
    door = open_door(calls=2)
    with door.entered("CA1"):
        assert door.why_not() is None
        with door.entered("CA2"):
            assert door.why_not() == "full"
        assert door.why_not() is None
    assert door.live == 0


async def test_a_call_on_its_way_has_its_place(autojump_clock: trio.testing.MockClock) -> None:
    """It counts from the webhook on, is not counted twice when it arrives, and not for ever if it
    never does."""
    door = open_door(calls=2, arrival_s=15)
    door.reserve("CA1")
    door.reserve("CA2")
    assert door.why_not() == "full"
    with door.entered("CA1"):
        assert (door.live, door.reserved) == (1, 1)
        assert door.why_not() == "full"
        await trio.sleep(15)
        assert (door.live, door.reserved) == (1, 0)
        assert door.why_not() is None


async def test_a_call_takes_the_place_that_was_kept_for_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Not the one of a call before it, which is still to come."""
    door = open_door(calls=2, arrival_s=15)
    door.reserve("CA1")
    await trio.sleep(10)
    door.reserve("CA2")
    with door.entered("CA2"):
        assert door.has_place("CA1")
        assert not door.has_place("CA2")
        await trio.sleep(5)
        assert (door.live, door.reserved) == (1, 0)


async def test_a_call_that_another_worker_expects_takes_the_oldest_place() -> None:
    """Where several share a port, who answers the webhook is seldom who gets the stream; each gets
    some of the others', and no more than its limit."""
    door = open_door(calls=2)
    door.reserve("CA1")
    door.reserve("CA2")
    with door.entered("of another worker's"):
        assert (door.live, door.has_place("CA1"), door.has_place("CA2")) == (1, False, True)
        assert door.why_not() == "full"


async def test_a_place_is_kept_anew_for_a_call_that_is_announced_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One place, from then on; and none for one that does not come any more."""
    door = open_door(calls=2, arrival_s=15)
    door.reserve("CA1")
    door.reserve("CA2")
    await trio.sleep(10)
    door.reserve("CA1")
    assert door.reserved == 2
    await trio.sleep(10)
    assert (door.has_place("CA1"), door.has_place("CA2")) == (True, False)
    door.give_back("CA1")
    door.give_back("CA1")
    assert door.reserved == 0


async def test_a_service_that_loads_or_drains_takes_none() -> None:
    """Draining has the last word: it never becomes ready again."""
    door = Admission(Limits())
    assert door.why_not() == "loading"
    door.ready = True
    assert door.why_not() is None
    door.draining = True
    assert door.why_not() == "draining"


async def test_a_loop_that_is_late_takes_no_more(autojump_clock: trio.testing.MockClock) -> None:
    """When one in ten beats was late; not for a single hiccup; and it recovers."""
    door = open_door(lag_ms=60)

    def held_up(clock: trio.testing.MockClock, lag_s: float) -> None:
        clock.jump(lag_s)  # what a loop that is busy with something else feels like

    async def busy(times: int) -> None:
        for _ in range(times):
            await trio.sleep(BEAT_S * 2)
            held_up(autojump_clock, 0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(door.feel)
        await trio.sleep(6)
        assert door.lag_p95_ms == 0.0
        await busy(1)
        await trio.sleep(2)
        assert door.why_not() is None
        await busy(20)
        assert door.why_not() == "lagging"
        await trio.sleep(10)
        assert door.why_not() is None
        nursery.cancel_scope.cancel()
    assert open_door(lag_ms=0).why_not() is None
