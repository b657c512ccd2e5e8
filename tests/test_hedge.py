"""Hedged requests: who is asked when, who wins, and that nothing of the others is left."""

from __future__ import annotations

import math
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from effects.hedge import Hedge
from effects.ports import ProviderError, ProviderLost, ProviderTimeout


class Race:
    """Runners that begin and end at given times (seconds), and what was seen of them."""

    def __init__(self, after_s: float = 1.0, **runners: tuple[float, float]) -> None:
        self.seen: list[str] = []
        self.began_at = trio.current_time()
        self.hedge = Hedge(
            {name: partial(self._run, name, *times) for name, times in runners.items()}, after_s
        )

    async def _run(self, name: str, begins_s: float, ends_s: float) -> str:
        """Begins to deliver, and ends; one that never begins fails."""
        self._see(f"{name} asked")
        try:
            if math.isinf(begins_s):
                await trio.sleep(ends_s)
                raise ProviderLost(f"{name} failed")
            await trio.sleep(begins_s)
            if self.hedge.takes(name):
                self._see(f"{name} begins")
            await trio.sleep(ends_s - begins_s)
        except trio.Cancelled:
            self._see(f"{name} stopped")
            raise
        return name

    def _see(self, what: str) -> None:
        self.seen.append(f"{trio.current_time() - self.began_at:g} {what}")


NEVER = math.inf


async def test_a_first_that_is_in_time_stays_alone(autojump_clock: MockClock) -> None:
    race = Race(a=(0.5, 3), b=(0.1, 1))
    assert await race.hedge.run() == "a"
    assert race.seen == ["0 a asked", "0.5 a begins"]


async def test_a_late_one_gets_company_and_the_quicker_wins(autojump_clock: MockClock) -> None:
    race = Race(a=(5, 6), b=(0.5, 2))
    assert await race.hedge.run() == "b"
    assert race.seen == ["0 a asked", "1 b asked", "1.5 b begins", "1.5 a stopped"]


async def test_the_first_may_win_after_all(autojump_clock: MockClock) -> None:
    race = Race(a=(1.2, 2), b=(0.5, 2))
    assert await race.hedge.run() == "a"
    assert race.seen[-1] == "1.2 b stopped"


async def test_one_that_fails_is_replaced_at_once(autojump_clock: MockClock) -> None:
    race = Race(a=(NEVER, 0.2), b=(0.5, 2))
    assert await race.hedge.run() == "b"
    assert race.seen == ["0 a asked", "0.2 b asked", "0.7 b begins"]


async def test_where_all_fail_it_is_the_last_that_says_why(autojump_clock: MockClock) -> None:
    with pytest.raises(ProviderLost, match="b failed"):
        await Race(a=(NEVER, 0.2), b=(NEVER, 0.3)).hedge.run()


async def test_a_winner_that_breaks_off_has_failed(autojump_clock: MockClock) -> None:
    """Nobody takes over in mid-answer: what was begun was begun."""

    async def breaks() -> None:
        hedge.takes("a")
        await trio.sleep(1)
        raise ProviderTimeout("a broke off")

    async def waits() -> None:
        raise AssertionError("nobody else is asked")

    hedge: Hedge[None] = Hedge({"a": breaks, "b": waits}, 0.5)
    with pytest.raises(ProviderError, match="a broke off"):
        await hedge.run()


async def test_one_that_had_nothing_to_deliver_is_done(autojump_clock: MockClock) -> None:
    race = Race(a=(0, 0))
    assert await race.hedge.run() == "a"


async def test_cancelling_stops_all(autojump_clock: MockClock) -> None:
    race = Race(a=(9, 9), b=(9, 9))
    with trio.move_on_after(2):
        await race.hedge.run()
    assert sorted(race.seen[-2:]) == ["2 a stopped", "2 b stopped"]
