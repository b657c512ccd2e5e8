"""Planted bugs: each must be seen by a law, in calls of which the engine as it is breaks none.

A fuzz that finds nothing may have nothing to find, or be blind. Here it is known what there is to
find: bugs that a competent engineer could have written, each planted in the real code or the real
chart, and hunted with the scenarios, disturbed scenarios and generated calls. A mutant that escapes
is a hole in the laws, or in the scenarios.
"""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

from effects.playout import Playout
from engine.simulation.laws import LAWS
from engine.simulation.world import default_chart
from tests.fuzz.mutants.mutant import Code, OnChart, mutant
from tests.fuzz.mutants.run import MUTANTS, Hunt, broken_unplanted, hunt_all, in_lines


@pytest.fixture(scope="module")
def hunts(request: pytest.FixtureRequest) -> dict[str, Hunt]:
    """What came of every mutant; the table is printed."""
    found = {hunt.mutant: hunt for hunt in hunt_all(MUTANTS)}
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, TerminalReporter):
        reporter.write_line("")
        for line in in_lines(found.values()):
            reporter.write_line(line)
    return found


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_seen(hunts: dict[str, Hunt], name: str) -> None:
    """A law is broken within the budget, in a call that breaks none once the bug is gone."""
    hunt = hunts[name]
    assert hunt.law in LAWS, f"it escaped in {hunt.runs} calls: {MUTANTS[name].says}"
    assert hunt.sane, f"{hunt.call} breaks a law without the bug, too"


def test_the_engine_as_it_is_breaks_no_law_in_the_same_calls(hunts: dict[str, Hunt]) -> None:
    """Whoever always cries wolf sees every bug."""
    assert broken_unplanted(max(hunt.runs for hunt in hunts.values())) == []


def test_there_are_bugs_of_every_kind() -> None:
    """At least three dozen."""
    assert len(MUTANTS) >= 36


def test_a_planted_bug_is_gone_afterwards() -> None:
    """The code is what it was, and so is the chart."""
    before = Playout.hold.__code__
    planted = mutant("x", "x", Code("effects.playout:Playout.hold", "True", "False"))
    with planted.planted() as subject:
        assert Playout.hold.__code__ is not before
        assert subject.chart is default_chart()
    assert Playout.hold.__code__ is before


@pytest.mark.parametrize(
    "change", [Code("effects.playout:Playout.hold", "no such text", ""), OnChart("say", "")]
)
def test_a_bug_that_fits_nowhere_is_an_error(change: Code | OnChart) -> None:
    """A mutant of code that has changed since must not be taken for one that was planted."""
    with pytest.raises(LookupError), mutant("x", "x", change).planted():
        pass
