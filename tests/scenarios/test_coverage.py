"""The scenarios together: nothing of the chart is left untold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.coverage import Coverage
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import default_chart, simulate

FILES = sorted(Path(__file__).parent.glob("*.yaml"))


@cache
def covered() -> Coverage:
    """What all scenarios cover."""
    coverage = Coverage(default_chart())
    for path in FILES:
        coverage.feed(simulate(load_scenario(path)).lines)
    return coverage


def test_every_transition_is_taken_by_some_scenario() -> None:
    """What no scenario shows, nobody has looked at."""
    assert not covered().untaken, f"\n{covered()}"


def test_every_guard_says_yes_and_no_in_some_scenario() -> None:
    """A guard that always says the same might as well not be there."""
    assert not covered().unanswered, f"\n{covered()}"
