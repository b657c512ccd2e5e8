"""Which provider serves a call, and which takes over: order, health, breakers. Virtual time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from effects.breaker import Breaker
from effects.choice import Choice
from effects.ports import ProviderDeclined, ProviderLost


@dataclass(frozen=True)
class Anyone:
    name: str


def three(failures: int = 2, open_s: float = 30.0) -> Choice[Anyone]:
    return Choice(Anyone("a"), Anyone("b"), Anyone("c"), failures=failures, open_s=open_s)


def fail(choice: Choice[Anyone], name: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ProviderLost), choice.watched(name):
            raise ProviderLost("gone")


async def test_the_order_decides() -> None:
    """The first serves; who takes over is the next in the order, and nobody after the last."""
    choice = three()
    assert choice.pick("").name == "a"
    assert choice.pick("c").name == "c"
    assert [choice.instead_of(name, took_over=True) for name in "abc"] == ["b", "c", ""]


async def test_one_that_fails_again_and_again_is_passed_over(autojump_clock: MockClock) -> None:
    """Neither begun with nor taken for another, until it has had its rest."""
    choice = three()
    fail(choice, "a", 1)
    assert choice.pick("").name == "a"
    fail(choice, "a", 1)
    fail(choice, "b", 2)
    assert choice.pick("").name == "c"
    assert choice.instead_of("a", took_over=False) == "c"
    await trio.sleep(31)
    assert choice.pick("").name == "a"


async def test_a_call_that_began_with_a_later_one_may_go_back(autojump_clock: MockClock) -> None:
    """The first rested then, and has not failed in this call."""
    choice = three(failures=1)
    fail(choice, "a", 1)
    assert choice.pick("").name == "b"
    await trio.sleep(31)
    assert choice.instead_of("c", took_over=False) == "a"
    assert choice.instead_of("c", took_over=True) == ""


async def test_one_that_always_breaks_off_is_left_alone(autojump_clock: MockClock) -> None:
    """To begin is no success: what counts is work that is done."""
    choice = three(failures=2)
    with choice.watched("a"):
        pass
    fail(choice, "a", 2)
    assert choice.health[0].state == "open"


async def test_a_request_that_is_declined_is_no_failure() -> None:
    """Else one caller's words could take the provider away from all others."""
    choice = three(failures=1)
    with pytest.raises(ProviderDeclined), choice.watched("a"):
        raise ProviderDeclined("content filter")
    assert choice.health[0].failed == 0
    assert choice.pick("").name == "a"


async def test_somebody_is_always_asked() -> None:
    """Where all have failed it is the first: it may be back, and silence is certain to be worse."""
    choice = three(failures=1)
    for name in "abc":
        fail(choice, name, 1)
    assert choice.pick("").name == "a"
    assert choice.instead_of("a", took_over=False) == ""


async def test_success_makes_good(autojump_clock: MockClock) -> None:
    """Failures count in a row."""
    choice = three()
    fail(choice, "a", 1)
    choice.succeeded("a")
    fail(choice, "a", 1)
    assert choice.pick("").name == "a"
    health = choice.health[0]
    assert (health.name, health.state, health.failures_in_a_row) == ("a", "closed", 1)
    assert (health.succeeded, health.failed) == (1, 2)


async def test_one_tries_whether_it_is_back(autojump_clock: MockClock) -> None:
    """While one call tries, the others go on with somebody else; if it fails it rests again."""
    choice = three(failures=1)
    fail(choice, "a", 1)
    await trio.sleep(31)
    with choice.watched("a"):
        assert choice.pick("").name == "b"
        choice.succeeded("a")
    assert choice.pick("").name == "a"
    fail(choice, "a", 1)
    assert choice.pick("").name == "b"


async def test_who_was_served_all_along_does_not_end_the_try(autojump_clock: MockClock) -> None:
    """A call that was begun before the provider failed for others ends while one tries."""
    choice = three(failures=1)
    with trio.CancelScope() as call, choice.watched("a"):
        fail(choice, "a", 1)
        await trio.sleep(31)
        trying = choice.watched("a")
        trying.__enter__()
        call.cancel()
        await trio.lowlevel.checkpoint()
    assert choice.pick("").name == "b"
    trying.__exit__(None, None, None)
    assert choice.pick("").name == "a"


async def test_a_try_that_was_given_up_proves_nothing(autojump_clock: MockClock) -> None:
    """A draft that is cancelled says nothing of the provider: another may try."""
    breaker = Breaker(failures=1, open_s=1.0)
    breaker.failed()
    assert breaker.state == "open"
    await trio.sleep(2)
    breaker.asked()
    assert not breaker.lets_through
    breaker.left()
    assert breaker.lets_through


def test_names_differ() -> None:
    """Two of one name could not be told apart in a journal."""
    with pytest.raises(ValueError, match="different names"):
        Choice(Anyone("a"), Anyone("a"))
    with pytest.raises(ValueError, match="different names"):
        Choice[Anyone]()
