"""A chart as a class of python-statemachine, with callbacks of the caller's choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from statemachine import StateChart
from statemachine.graph import iterate_states
from statemachine.io import create_machine_class_from_definition

from engine.chart import Chart, State, Transition
from engine.records import Start, Stop


@dataclass(frozen=True, slots=True)
class Act:
    """An action runs; ``name`` is its name on the chart."""

    name: str


Part = Transition | Act | Start | Stop
"""What there is to do in a step: note that a transition is taken, run an action, start or stop
effects."""

Does = Callable[[Part], Callable[..., None]]
"""The callback for a part of a step."""

Asks = Callable[[Transition], Sequence[Callable[..., bool]]]
"""The callbacks that all have to be true for a transition to be taken."""


def library_class(chart: Chart, does: Does, asks: Asks) -> type[StateChart[Any]]:
    """The class. The library hands a callback what its parameters ask for by name: ``model``
    is the object that a machine was made with."""
    built = create_machine_class_from_definition(
        chart.name.title() or "Chart",
        {state.id: _state(state, does, asks) for state in chart.roots},
        validate_disconnected_states=False,
        validate_trap_states=False,
        validate_final_reachability=False,
    )
    # True would turn an exception in a callback into False, silently.
    built.catch_errors_as_events = False
    # The library numbers nested states wrongly; exits and entries follow document order.
    for order, state in enumerate(iterate_states(built.states), start=1):
        state.document_order = order
    return built


def _state(state: State, does: Does, asks: Asks) -> Any:
    body: dict[str, Any] = {
        "initial": state.initial,
        "final": state.final,
        "parallel": state.parallel,
        "enter": [does(Act(name)) for name in state.enter],
        "exit": [does(Act(name)) for name in state.exit],
    }
    if state.invoke:
        body["enter"] += [does(Start(effect, state.id)) for effect in state.invoke]
        body["exit"].append(does(Stop(state.id)))
    if state.transitions:
        body["transitions"] = [
            {
                "event": transition.event,
                "target": transition.target,
                "internal": transition.internal,
                "cond": asks(transition),
                "on": [does(transition), *(does(Act(name)) for name in transition.on)],
            }
            for transition in state.transitions
        ]
    if state.children:
        body["states"] = {child.id: _state(child, does, asks) for child in state.children}
    return body
