"""How a chart steps: the library's engine, which asks only what can matter.

The library tries every transition of a state and of all the states around it at each event, and
collects the arguments that a guard might want each time. Our charts have no transitions without
an event, and their guards want nothing but the call. So which transitions an event can take in a
state is looked up, and a guard is a plain call. The steps themselves (which states are left and
entered, in which order, what is done on the way) are the library's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from statemachine import StateChart
from statemachine.engines.sync import SyncEngine
from statemachine.event_data import TriggerData
from statemachine.orderedset import OrderedSet
from statemachine.state import State
from statemachine.transition import Transition

Asks = Callable[[Any], bool]
Choices = Mapping[str, Sequence[tuple[Transition, Sequence[Asks]]]]
"""By event: the transitions of a state and of those around it, in the order in which they are
asked, each with its guards."""


def choices_of(
    states: Sequence[State], guards: Callable[[Transition], Sequence[Asks]]
) -> dict[str, Choices]:
    """The choices of every atomic state, by its name."""
    found: dict[str, Choices] = {}
    for state in states:
        if not state.is_atomic:
            continue
        choices: dict[str, list[tuple[Transition, Sequence[Asks]]]] = defaultdict(list)
        for around in (state, *state.ancestors()):
            for transition in around.transitions:
                if not transition.initial:
                    choices[str(transition.event)].append((transition, guards(transition)))
        found[state.id] = dict(choices)
    return found


def engine_with(choices: Mapping[str, Choices]) -> type[SyncEngine]:
    """An engine for the charts that these choices are of."""

    class Engine(SyncEngine):
        def select_eventless_transitions(self, trigger_data: TriggerData) -> OrderedSet[Transition]:
            return OrderedSet()

        def select_transitions(self, trigger_data: TriggerData) -> OrderedSet[Transition]:
            chart: StateChart[Any] = self.sm
            event, enabled = str(trigger_data.event), OrderedSet[Transition]()
            for state in chart.configuration:
                for transition, guards in choices.get(state.id, {}).get(event, ()):
                    if all(ask(chart.model) for ask in guards):
                        enabled.add(transition)
                        break
            return self._filter_conflicting_transitions(enabled) if len(enabled) > 1 else enabled

    return Engine
