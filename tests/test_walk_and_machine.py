"""The walker and the machine that runs calls agree, whatever happens on a chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import machine, plans
from engine.chart import Chart
from engine.vocabulary import ACTIONS, GUARDS
from engine.walk import Configuration, Walker
from states import commands
from states.call import Call
from states.events import Event
from tests.chart_kit import a_call, an_event, shipped_chart
from tests.walk_kit import NESTED, PARALLEL, Answers, walker


class Rig:
    """A machine whose guards and actions are answered by an oracle, on a chart of its own."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.walker = Walker(chart)
        self.oracle = Answers()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plans, "GUARDS", {name: self._guard(name) for name in GUARDS})
            patch.setattr(plans, "ACTIONS", {name: self._action(name) for name in ACTIONS})
            self.start()  # binds the names; later machines of this chart share them

    def start(self) -> machine.Machine:
        return machine.Machine(self.chart, a_call())

    def _guard(self, name: str) -> Callable[[Call, Event], bool]:
        return lambda call, event: self.oracle.holds(name)

    def _action(self, name: str) -> Callable[[Call, Event], list[commands.Raise]]:
        return lambda call, event: [commands.Raise(raised) for raised in self.oracle.raised(name)]

    def events_of_interest(self, configuration: Configuration) -> list[str]:
        """What the active states react to, so that random events lead somewhere."""
        return [
            transition.event
            for state in configuration
            for transition in self.chart.states[state].transitions
        ]


@pytest.fixture(scope="module")
def shipped() -> Rig:
    return Rig(shipped_chart())


MOVES = st.lists(
    st.tuples(
        st.integers(0, 1000), st.frozensets(st.sampled_from(sorted(GUARDS))), st.integers(0, 2)
    ),
    max_size=40,
)


def both_take(rig: Rig, moves: Sequence[tuple[int, frozenset[str], int]]) -> None:
    """Let walker and machine take the same events, with the same answers."""
    running = rig.start()
    configuration = rig.walker.initial()
    for number, true, choice in moves:
        events = rig.events_of_interest(configuration)
        if not events or rig.walker.is_over(configuration):
            break
        event = events[number % len(events)]
        rig.oracle = Answers(true, choice)
        expected = rig.walker.step(configuration, event, Answers(true, choice))
        taken = running.dispatch(an_event(event)).transitions
        assert running.configuration == expected.configuration, event
        assert tuple(number for number, _ in taken) == expected.transitions, event
        configuration = expected.configuration
    assert running.ended == rig.walker.is_over(configuration)


@given(moves=MOVES)
@settings(max_examples=300, deadline=None)
def test_the_machine_agrees_with_the_walker(
    shipped: Rig, moves: list[tuple[int, frozenset[str], int]]
) -> None:
    """On the chart of antiphon, for any events, guards and raised events."""
    both_take(shipped, moves)


@pytest.fixture(scope="module", params=[NESTED, PARALLEL], ids=["nested", "parallel"])
def small(request: pytest.FixtureRequest) -> Rig:
    return Rig(walker(request.param.replace("enter: fresh_turn", "")).chart)


@given(moves=MOVES)
@settings(max_examples=50, deadline=None)
def test_the_machine_agrees_on_what_the_shipped_chart_does_not_do(
    small: Rig, moves: list[tuple[int, frozenset[str], int]]
) -> None:
    """Transitions out of regions, into nested states, and from a state into itself."""
    both_take(small, moves)
