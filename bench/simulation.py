"""How much faster than real time a call is simulated.

    python -m bench.simulation

All scenarios of tests/scenarios are held a few times over, on one core, with the real chart,
interpreter, effects and playout; generated calls are those of the fuzz, with the laws checked.
Of each call the quickest time counts: on a shared machine others only ever add to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf

import structlog

from bench.report import Figure, at_least, finish, this_machine
from engine.fuzzing.fresh import each_fresh_call
from engine.fuzzing.garbage import seldom_collected
from engine.fuzzing.subject import default_subject
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from tests.scenarios.test_scenarios import FILES

ROUNDS = 5
GENERATED = 100


def measure() -> list[Figure]:
    """Simulate, and compare the clocks."""
    scenarios = [load_scenario(path) for path in FILES]
    simulate(scenarios[0])  # builds the chart's class
    with seldom_collected():  # as in the fuzz
        return [*_scenarios(scenarios), *_generated()]


def _scenarios(scenarios: Sequence[Scenario]) -> list[Figure]:
    simulated_s = sum(_lasted_s(scenario) for scenario in scenarios)
    spent_s = _quickest_s(scenarios, simulate)
    how = f"{len(scenarios)} scenarios, the quickest of {ROUNDS}, without checking the laws"
    return [at_least("simulated time over CPU time", simulated_s / spent_s, "times", 1000.0, how)]


def _lasted_s(scenario: Scenario) -> float:
    outcome = simulate(scenario).outcome
    return outcome.duration_ms / 1000 if outcome else 0.0


def _generated() -> list[Figure]:
    generated: list[Scenario] = []
    each_fresh_call(default_subject(), 0, GENERATED, generated.append)
    spent_s = _quickest_s(generated, lambda scenario: check_laws(simulate(scenario)))
    how = (
        f"{GENERATED} generated calls, the quickest of {ROUNDS}, with all laws checked; "
        "generating them not counted"
    )
    return [at_least("generated calls", GENERATED / spent_s, "calls/s", 150.0, how)]


def _quickest_s(scenarios: Sequence[Scenario], hold: Callable[[Scenario], object]) -> float:
    """CPU time for all of them, of each the least of some rounds."""
    least_s = [inf] * len(scenarios)
    for _ in range(ROUNDS):
        for number, scenario in enumerate(scenarios):
            began = time.process_time()
            hold(scenario)
            least_s[number] = min(least_s[number], time.process_time() - began)
    return sum(least_s)


def main() -> None:
    """Measure, save and show."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    machine = this_machine()
    finish("simulation", machine, measure())


if __name__ == "__main__":
    main()
