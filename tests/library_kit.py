"""The machine that tests hold ours to: every step is left to python-statemachine, whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from statemachine.orderedset import OrderedSet

from engine.chart import Chart, Transition
from engine.library import Act, Part, library_class
from engine.machine import Step
from engine.records import Start, Stop, fold
from engine.vocabulary import Action, Guard
from states.call import Call
from states.commands import Raise
from states.events import EVENTS, Event


class LibraryChart:
    """A chart as the library has it, calling these guards and actions."""

    def __init__(
        self, chart: Chart, guards: Mapping[str, Guard], actions: Mapping[str, Action]
    ) -> None:
        self.chart = chart
        self.built = library_class(chart, partial(_does, actions), partial(_asks, guards))


class LibraryMachine:
    """As :class:`engine.machine.Machine`. Guards and actions are the library's callbacks, what
    actions raise is in its queue, and its own engine does everything, every time."""

    def __init__(self, chart: LibraryChart, call: Call) -> None:
        self._model = _Model(chart.chart, call)
        self._machine = chart.built(model=self._model)

    @property
    def configuration(self) -> tuple[str, ...]:
        return tuple(state.id for state in self._machine.configuration)

    @property
    def ended(self) -> bool:
        return bool(self._machine.is_terminated)

    def dispatch(self, event: Event) -> Step:
        self._model.step, self._model.event = Step(), event
        self._machine.send(event.name)
        step = self._model.step
        step.records = fold(step.records)
        return step


class _Model:
    def __init__(self, chart: Chart, call: Call) -> None:
        self._order = {name: place for place, name in enumerate(chart.states)}
        self._state: Any = None
        self.call = call
        self.event: Event = EVENTS["answered"](at_ms=0.0)
        self.step = Step()

    @property
    def state(self) -> Any:
        return self._state

    @state.setter
    def state(self, value: Any) -> None:
        if isinstance(value, OrderedSet):  # regions are asked in document order
            value = OrderedSet(sorted(value, key=self._order.__getitem__))
        self._state = value


def _does(actions: Mapping[str, Action], part: Part) -> Callable[..., None]:
    def do(model: _Model, machine: Any) -> None:
        match part:
            case Transition():
                model.step.transitions.append((part.number, part.event))
            case Start() | Stop():
                model.step.records.append(part)
            case Act(name):
                for command in actions[name](model.call, model.event):
                    if isinstance(command, Raise):
                        machine.send(command.event, internal=True)
                    else:
                        model.step.records.append(command)

    return do


def _asks(guards: Mapping[str, Guard], transition: Transition) -> list[Callable[..., bool]]:
    def ask(name: str, wanted: bool) -> Callable[..., bool]:
        def asked(model: _Model) -> bool:
            value = guards[name](model.call, model.event)
            model.step.guards.append((name, value))
            return value == wanted

        return asked

    return [
        *(ask(name, True) for name in transition.cond),
        *(ask(name, False) for name in transition.unless),
    ]
