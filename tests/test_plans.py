"""Following remembered plans comes to the same as leaving every step to the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import plans
from engine.chart import Chart
from engine.journal import Event as EventLine
from engine.journal import Head
from engine.machine import Machine
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.vocabulary import ACTIONS, GUARDS
from states.call import Call
from states.commands import Command, HoldOutput, Raise
from states.events import Event
from tests.chart_kit import a_call, an_event, shipped_chart, small_chart
from tests.library_kit import LibraryChart, LibraryMachine
from tests.scenarios.test_scenarios import FILES
from tests.test_machine import FOLDED, GUARDED, ORDER
from tests.walk_kit import NESTED, PARALLEL, Answers

TOGETHER = """\
    states:
      idle: {initial: true, transitions: [{event: answered, target: live}]}
      live:
        parallel: true
        enter: fresh_turn
        transitions:
          - {event: committed, cond: farewell, target: idle}
          - {event: hung_up, on: hold_output}
        states:
          one:
            states:
              a: {initial: true, transitions: [{event: dtmf, target: b, on: commit_turn}]}
              b: {final: true}
          two:
            states:
              c:
                initial: true
                transitions:
                  - {event: dtmf, target: d, cond: has_words}
                  - {event: say, target: d, on: [commit_turn, commit_turn]}
              d: {final: true}
    """
"""A chart that ends when all its regions have, unless what that raises leads out of it."""

BEGINS_BUSY = """\
    states:
      live:
        initial: true
        enter: [say_goodbye, commit_turn]
        invoke: [hear]
        transitions: [{event: say, cond: farewell, target: ended}]
        states:
          a: {initial: true, transitions: [{event: committed, unless: farewell, target: b}]}
          b: {invoke: [play], transitions: [{event: dtmf, target: live}]}
      ended: {final: true}
    """
"""A chart that raises events as it begins, and may be over at once."""

CHARTS = {
    "order": ORDER,
    "folded": FOLDED,
    "guarded": GUARDED,
    "nested": NESTED,
    "parallel": PARALLEL,
    "together": TOGETHER,
    "begins busy": BEGINS_BUSY,
}


def agree(ours: Machine, theirs: LibraryMachine) -> None:
    assert ours.configuration == theirs.configuration
    assert ours.ended == theirs.ended


@cache
def library_chart(chart: Chart) -> LibraryChart:
    return LibraryChart(chart, GUARDS, ACTIONS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls_go_as_the_library_has_it(path: Path) -> None:
    """The calls of the scenarios take the same transitions, ask the same guards, and want the
    same carried out, event by event."""
    trace = simulate(load_scenario(path))
    head = trace.lines[0]
    assert isinstance(head, Head)
    ours = Machine(trace.chart, Call(head.settings, head.agent))
    theirs = LibraryMachine(library_chart(trace.chart), Call(head.settings, head.agent))
    agree(ours, theirs)
    for line in trace.lines:
        if isinstance(line, EventLine) and line.states:
            assert ours.dispatch(line.event) == theirs.dispatch(line.event), line.seq
            agree(ours, theirs)


class Both:
    """Machines of one chart, ours and the library's; what guards and actions say is given."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.answers = Answers()
        guards = {name: self._guard(name) for name in GUARDS}
        actions = {name: self._action(name) for name in ACTIONS}
        self.library = LibraryChart(chart, guards, actions)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plans, "GUARDS", guards)
            patch.setattr(plans, "ACTIONS", actions)
            plans.plans_of(chart)  # binds the names, for all machines of this chart

    def _guard(self, name: str) -> Callable[[Call, Event], bool]:
        return lambda call, event: self.answers.holds(name)

    def _action(self, name: str) -> Callable[[Call, Event], list[Command]]:
        def act(call: Call, event: Event) -> list[Command]:
            self.answers.asked.append(name)
            return [HoldOutput(), *map(Raise, self.answers.raised(name))]

        return act

    def take(self, moves: Sequence[tuple[int, frozenset[str], int]]) -> None:
        """Let both begin, and take the same events."""
        _, true, choice = moves[0]
        self.answers = Answers(true, choice)
        ours = Machine(self.chart, a_call())
        theirs = LibraryMachine(self.library, a_call())
        agree(ours, theirs)
        for number, true, choice in moves:
            states = (self.chart.states[name] for name in ours.configuration)
            events = [one.event for state in states for one in state.transitions]
            event = an_event(events[number % len(events)] if events else "hung_up")
            asked = Answers(true, choice), Answers(true, choice)
            self.answers = asked[0]
            done = ours.dispatch(event)
            self.answers = asked[1]
            assert done == theirs.dispatch(event), event
            assert asked[0].asked == asked[1].asked
            agree(ours, theirs)


MOVES = st.lists(
    st.tuples(
        st.integers(0, 1000), st.frozensets(st.sampled_from(sorted(GUARDS))), st.integers(0, 2)
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def shipped() -> Both:
    return Both(shipped_chart())


@given(moves=MOVES)
@settings(max_examples=100, deadline=None)
def test_anything_goes_as_the_library_has_it(
    shipped: Both, moves: list[tuple[int, frozenset[str], int]]
) -> None:
    """On the chart of antiphon, for any events, guards and raised events."""
    shipped.take(moves)


@pytest.fixture(scope="module", params=list(CHARTS.values()), ids=list(CHARTS))
def small(request: pytest.FixtureRequest) -> Both:
    return Both(small_chart(request.param))


@given(moves=MOVES)
@settings(max_examples=50, deadline=None)
def test_other_charts_go_as_the_library_has_them(
    small: Both, moves: list[tuple[int, frozenset[str], int]]
) -> None:
    """Also what the chart of antiphon does not do: regions that end, a beginning that raises."""
    small.take(moves)


def test_a_plan_is_asked_for_once() -> None:
    """Another machine in the same situation follows the same plan."""
    chart = small_chart(ORDER)
    machines = [Machine(chart, a_call()) for _ in range(2)]
    for machine in machines:
        machine.dispatch(an_event("answered"))
    known = plans.plans_of(chart).begin.after.plans
    assert list(known) == [(0,)]
    assert known[0,].after.states == machines[0].configuration == machines[1].configuration
