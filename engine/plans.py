"""What the machines of a chart share: how it steps, asked of python-statemachine only once.

In a configuration an event asks guards; the transitions whose guards hold are enabled. All the
rest is the library's to say: which of them are taken, which states are left and entered, and
in which order everything on the way is done. That depends on nothing but the chart, the
configuration and the enabled transitions, so what the library said is kept as a :class:`Plan`
and followed from then on.

The library never sees our guards, actions, calls or errors: where an action would run, it notes
that it would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from statemachine import StateChart
from statemachine.engines.sync import SyncEngine
from statemachine.orderedset import OrderedSet

from engine.chart import Chart, State, Transition
from engine.library import Act, Part, library_class
from engine.records import Start, Stop
from engine.vocabulary import ACTIONS, GUARDS, Action, Guard


@dataclass(frozen=True, slots=True)
class Question:
    """A guard, and the answer that a transition needs."""

    name: str
    guard: Guard
    wanted: bool


Choice = tuple[int, tuple[Question, ...]]
"""A transition, by its number, and what it asks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One microstep: the transitions taken, each with its event; what is done, in order; and
    where it leads."""

    transitions: tuple[tuple[int, str], ...]
    work: tuple[Action | Start | Stop, ...]
    after: Configuration


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """A set of active states, in document order, and what is known of it.

    ``over`` says whether the chart has come to its end. ``choices`` has, for each event, one
    entry for each active atomic state that the event matters to: the transitions of the state
    and of those around it, in the order in which they are asked; the first that holds is
    enabled. ``plans`` are those known so far, by what is enabled (a transition around several of
    the states as often as they chose it).
    """

    states: tuple[str, ...]
    over: bool
    choices: Mapping[str, tuple[tuple[Choice, ...], ...]]
    plans: dict[tuple[int, ...], Plan] = field(default_factory=dict)


class _Notes:
    """The library's model: the configuration, which transitions are enabled, and what the
    library did about it."""

    def __init__(self) -> None:
        self.state: Any = None
        self.enabled: tuple[int, ...] = ()
        self.parts: list[Part] = []


class Plans:
    """The plans of one chart. ``begin`` is the one that a call begins with."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._order = {name: place for place, name in enumerate(chart.states)}
        self._choices = {
            state.id: _choices(state) for state in chart.states.values() if not state.children
        }
        self._actions = {
            name: ACTIONS[name]
            for state in chart.states.values()
            for name in (*state.enter, *state.exit, *(n for t in state.transitions for n in t.on))
        }
        self._configurations: dict[tuple[str, ...], Configuration] = {}
        built = library_class(chart, _note, lambda transition: [_is_enabled(transition)])
        self._machine: StateChart[_Notes] = built(model=_Notes())
        self.begin = self._noted()

    def plan(self, at: Configuration, enabled: tuple[int, ...]) -> Plan:
        """What comes of it when these transitions are enabled: one or more, all of one event."""
        known = at.plans.get(enabled)
        if known is None:
            known = at.plans[enabled] = self._ask_library(at, enabled)
        return known

    def _ask_library(self, at: Configuration, enabled: tuple[int, ...]) -> Plan:
        machine = self._machine
        if machine.is_terminated:
            # As the library does for a machine that it restores. A new one takes it 4 ms.
            machine._engine = SyncEngine(machine)
        # In document order: of two regions that want to leave the same states the library lets
        # the first one win, and that has to be the document's first. A goodbye that has been
        # played ends the call, whatever else reacts to it.
        machine.current_state_value = OrderedSet(at.states)
        machine.model.enabled = enabled
        machine.model.parts = []
        machine.send(self._chart.transitions[enabled[0]].event)
        return self._noted()

    def _noted(self) -> Plan:
        parts = self._machine.model.parts
        return Plan(
            tuple((one.number, one.event) for one in parts if isinstance(one, Transition)),
            tuple(
                self._actions[one.name] if isinstance(one, Act) else one
                for one in parts
                if not isinstance(one, Transition)
            ),
            self._configuration(self._machine.configuration_values),
        )

    def _configuration(self, active: OrderedSet[str]) -> Configuration:
        states = tuple(sorted(active, key=self._order.__getitem__))
        if states not in self._configurations:
            choices: dict[str, list[tuple[Choice, ...]]] = defaultdict(list)
            for state in states:
                for event, ones in self._choices.get(state, {}).items():
                    choices[event].append(ones)
            self._configurations[states] = Configuration(
                states,
                any(root.id in active and _is_over(root, active) for root in self._chart.roots),
                {event: tuple(ones) for event, ones in choices.items()},
            )
        return self._configurations[states]


@cache
def plans_of(chart: Chart) -> Plans:
    """The plans of a chart, which all its machines share."""
    return Plans(chart)


def _choices(state: State) -> dict[str, tuple[Choice, ...]]:
    """What an atomic state can do, by event."""
    found: dict[str, list[Choice]] = defaultdict(list)
    for around in (state, *state.ancestors):
        for one in around.transitions:
            questions = (
                *(Question(name, GUARDS[name], True) for name in one.cond),
                *(Question(name, GUARDS[name], False) for name in one.unless),
            )
            found[one.event].append((one.number, questions))
    return {event: tuple(choices) for event, choices in found.items()}


def _is_over(root: State, active: OrderedSet[str]) -> bool:
    """Whether a state at the top is final, or one whose regions have all come to their ends."""
    return root.final or (root.parallel and _is_done(root, active))


def _is_done(state: State, active: OrderedSet[str]) -> bool:
    if state.parallel:
        return all(_is_done(region, active) for region in state.children)
    return any(child.final and child.id in active for child in state.children)


def _note(part: Part) -> Callable[..., None]:
    def note(model: _Notes) -> None:
        model.parts.append(part)

    return note


def _is_enabled(transition: Transition) -> Callable[..., bool]:
    def is_enabled(model: _Notes) -> bool:
        return transition.number in model.enabled

    return is_enabled
