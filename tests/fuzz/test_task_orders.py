"""Priorities of tasks: an order that is data, and one that trio might have taken."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

from engine.fuzzing.replay_string import replay_string, scenario_of
from engine.simulation.scenario import Order
from engine.simulation.scenario_files import load_scenario
from engine.simulation.schedule import JumpingClock, deterministic_order
from engine.simulation.world import simulate
from tests.fuzz.planted import BARGE_IN
from tests.scenarios.test_scenarios import FILES


def steps(order: Order | None, tasks: str = "abc", rounds: int = 3) -> str:
    """The order in which tasks of these names took their steps."""
    taken: list[str] = []

    async def task(name: str) -> None:
        for _ in range(rounds):
            taken.append(name)
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in tasks:
                nursery.start_soon(task, name)

    with deterministic_order({}, order):
        trio.run(main, clock=JumpingClock())
    return "".join(taken)


def priorities(*of_tasks: int) -> list[int]:
    """Those of the tasks under test: trio's own two, and the one that starts them, come first."""
    return [0, 0, 0, *of_tasks]


def test_without_an_order_the_oldest_goes_first() -> None:
    """As ever; and an order in which all are equal is the same."""
    assert steps(None) == "abcabcabc"
    assert steps(Order()) == "abcabcabc"


@pytest.mark.parametrize(
    ("given", "expected"),
    [((1, 2, 3), "cba"), ((2, 3, 1), "bac"), ((3, 1, 2), "acb"), ((1, 1, 2), "cab")],
)
def test_the_highest_priority_goes_first(given: tuple[int, ...], expected: str) -> None:
    """In every round, for every task has its step before any has a second; of equals the older."""
    assert steps(Order(priorities=priorities(*given))) == expected * 3


def test_priorities_go_round() -> None:
    """Where there are more tasks than priorities, they are dealt from the beginning again."""
    assert steps(Order(priorities=[2, 1]), "abcd", rounds=1) in ("acbd", "bdac")


def test_a_change_lasts() -> None:
    """The task that would have gone first at that moment goes last, then and later."""
    order = Order(priorities=priorities(3, 2, 1))
    assert steps(order, rounds=4) == "abc" * 4
    changed = {steps(replace(order, changes={moment: 0}), rounds=4) for moment in range(1, 8)}
    assert changed <= {"abc" * unchanged + "bca" * (4 - unchanged) for unchanged in range(5)}
    assert len(changed) >= 4


def test_an_order_is_the_same_every_time() -> None:
    """The journal of a call is the same, byte for byte; another order may give another."""
    orders = [
        Order(priorities=[3, 1, 4, 1, 5, 9, 2, 6], changes={5: -1, 40: -2}),
        Order(priorities=[9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ]
    journals = [
        [simulate(replace(BARGE_IN, order=order)).journal for _ in range(2)] for order in orders
    ]
    assert all(first == second for first, second in journals)


def test_some_order_changes_what_happens() -> None:
    """Orders reach calls that the usual one does not: they are no decoration."""
    scenario = load_scenario(next(path for path in FILES if "draft_that_fits" in path.name))
    usual = simulate(scenario).journal
    others = [
        simulate(replace(scenario, order=Order(priorities=[*range(n), 0, 50 - n]))).journal
        for n in range(2, 12)
    ]
    assert any(other != usual for other in others)


def test_an_order_is_part_of_the_replay_string() -> None:
    """So that what an order has found can be run again."""
    scenario = replace(BARGE_IN, order=Order(priorities=[3, 1], changes={7: -1}))
    assert scenario_of(replay_string(scenario)) == scenario
    assert len(replay_string(BARGE_IN)) < len(replay_string(scenario))
