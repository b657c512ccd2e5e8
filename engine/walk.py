"""Walks a chart on paper: what an event does to a configuration, with every answer tried.

No guard or action runs here. A guard is a question with two answers, an action a thing that
may raise events (:mod:`engine.origins`); who answers is the oracle. The step itself follows
the SCXML algorithm, as the library that runs calls does (a test lets both take the same steps):

- For each active atomic state, in document order, the state is asked first, then the states
  around it; the first transition on the event whose guards hold is enabled.
- Of two enabled transitions that would leave a common state, the one from the inner source is
  taken; of two in different regions, the one selected first.
- A transition leaves all active states inside its domain, the innermost compound state around
  source and target (the source itself, if it is internal), and enters the target, what lies
  between it and the domain, and the initial states inside. Without a target it leaves nothing.
- What actions raise is worked off, in order, before the step is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.chart import Chart, State, Transition
from engine.origins import RAISES

Configuration = tuple[str, ...]
"""The active states, in document order."""

MICROSTEP_LIMIT = 20
"""A step of more microsteps than this is taken to raise events for ever."""


class Oracle(Protocol):
    """Answers what only a running call can know."""

    def holds(self, guard: str) -> bool:
        """Whether a guard holds. Asked at most once for each guard and microstep."""

    def raised(self, action: str) -> tuple[str, ...]:
        """What an action raises: one of its alternatives."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to: where it led, which transitions (by number) it took, which actions
    it ran, and which states it left and entered on its way."""

    configuration: Configuration
    transitions: tuple[int, ...]
    actions: tuple[str, ...]
    left: frozenset[str]
    entered: frozenset[str]


class NeverRests(Exception):
    """A step raises events for ever; ``transition`` is one that keeps it going."""

    def __init__(self, transition: Transition) -> None:
        super().__init__(transition.event)
        self.transition = transition


class Walker:
    """The steps of one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        order = {state: number for number, state in enumerate(chart.states)}
        self._order = order
        self._around = {
            state.id: (state.id, *(around.id for around in state.ancestors))
            for state in chart.states.values()
        }
        self._domains = {
            transition.number: _domain(chart, transition)
            for transition in chart.transitions
            if transition.target is not None
        }
        self._outcomes: dict[tuple[Configuration, str], tuple[Outcome, ...]] = {}

    def initial(self) -> Configuration:
        """The configuration in which a call begins."""
        (first,) = (state for state in self.chart.roots if state.initial)
        return self._sorted(_defaults(first, set()))

    def is_over(self, configuration: Configuration) -> bool:
        """Whether a top-level final state is reached: the call has ended."""
        return any(state.final and state.id in configuration for state in self.chart.roots)

    def outcomes(self, configuration: Configuration, event: str) -> tuple[Outcome, ...]:
        """All that an event can come to, whatever the guards say and the actions raise.

        Raises :class:`NeverRests` if it need not come to anything.
        """
        key = (configuration, event)
        if key not in self._outcomes:
            found: dict[Outcome, None] = {}
            script: list[int] | None = []
            while script is not None:
                oracle = _EveryAnswer(script)
                found[self.step(configuration, event, oracle)] = None
                script = oracle.next_script()
            self._outcomes[key] = tuple(found)
        return self._outcomes[key]

    def step(self, configuration: Configuration, event: str, oracle: Oracle) -> Outcome:
        """Run one event to completion. Raises :class:`NeverRests`."""
        active = set(configuration)
        taken: list[Transition] = []
        actions: list[str] = []
        left: set[str] = set()
        entered: set[str] = set()
        pending = deque([event])
        for _ in range(MICROSTEP_LIMIT):
            chosen = self._select(active, pending.popleft(), _OneAnswer(oracle))
            exits = set().union(*(self._exits(active, transition) for transition in chosen))
            entries = set().union(*(self._entries(transition) for transition in chosen))
            taken += chosen
            left |= exits
            entered |= entries
            active = active - exits | entries
            for action in self._actions(exits, chosen, entries):
                actions.append(action)
                pending.extend(oracle.raised(action))
            if not pending:
                return Outcome(
                    self._sorted(active),
                    tuple(transition.number for transition in taken),
                    tuple(actions),
                    frozenset(left),
                    frozenset(entered),
                )
        raise NeverRests(_last_that_raised(taken))

    # --- selection ---

    def _select(self, active: set[str], event: str, oracle: _OneAnswer) -> list[Transition]:
        enabled: dict[int, Transition] = {}
        for state in self._sorted(active):
            if not self.chart.states[state].children:
                transition = self._first_enabled(state, event, oracle)
                if transition is not None:
                    enabled[transition.number] = transition
        return self._without_conflicts(active, list(enabled.values()))

    def _first_enabled(self, state: str, event: str, oracle: _OneAnswer) -> Transition | None:
        for around in self._around[state]:
            for transition in self.chart.states[around].transitions:
                if transition.event == event and oracle.allows(transition):
                    return transition
        return None

    def _without_conflicts(self, active: set[str], enabled: list[Transition]) -> list[Transition]:
        kept: list[Transition] = []
        for candidate in enabled:
            exits = self._exits(active, candidate)
            rivals = [other for other in kept if exits & self._exits(active, other)]
            inner = [
                rival for rival in rivals if rival.source in self._around[candidate.source][1:]
            ]
            if len(inner) == len(rivals):
                kept = [other for other in kept if other not in rivals] + [candidate]
        return kept

    # --- exits and entries ---

    def _exits(self, active: set[str], transition: Transition) -> set[str]:
        if transition.target is None:
            return set()
        domain = self._domains[transition.number]
        if domain is None:
            return set(active)
        return {state for state in active if domain in self._around[state][1:]}

    def _actions(
        self, exits: set[str], chosen: Sequence[Transition], entries: set[str]
    ) -> list[str]:
        """The actions of a microstep in the order they run."""
        states = self.chart.states
        return [
            *(name for state in reversed(self._sorted(exits)) for name in states[state].exit),
            *(name for transition in chosen for name in transition.on),
            *(name for state in self._sorted(entries) for name in states[state].enter),
        ]

    def _entries(self, transition: Transition) -> set[str]:
        if transition.target is None:
            return set()
        target = self.chart.states[transition.target]
        entered = _defaults(target, set())
        for around in target.ancestors:
            if around.id == self._domains[transition.number]:
                break
            entered.add(around.id)
            if around.parallel:
                for region in around.children:
                    if region.id not in entered:
                        _defaults(region, entered)
        return entered

    def _sorted(self, states: set[str]) -> Configuration:
        return tuple(sorted(states, key=self._order.__getitem__))


def _domain(chart: Chart, transition: Transition) -> str | None:
    """The state inside which a transition leaves and enters states; None is the whole chart."""
    assert transition.target is not None
    source, target = chart.states[transition.source], chart.states[transition.target]
    around_target = list(target.ancestors)
    if transition.internal and not source.parallel and source in around_target:
        return source.id
    for around in source.ancestors:
        if not around.parallel and around in around_target:
            return around.id
    return None


def _defaults(state: State, entered: set[str]) -> set[str]:
    """Add a state and what is entered inside it by default."""
    entered.add(state.id)
    for child in state.children:
        if state.parallel or child.initial:
            _defaults(child, entered)
    return entered


def _last_that_raised(taken: Sequence[Transition]) -> Transition:
    raising = [one for one in taken if any(action in RAISES for action in one.on)]
    return raising[-1] if raising else taken[-1]


class _OneAnswer:
    """Asks each guard once in a microstep, as a guard cannot change its mind within one."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._answers: dict[str, bool] = {}

    def allows(self, transition: Transition) -> bool:
        return all(self._holds(name) for name in transition.cond) and not any(
            self._holds(name) for name in transition.unless
        )

    def _holds(self, guard: str) -> bool:
        if guard not in self._answers:
            self._answers[guard] = self._oracle.holds(guard)
        return self._answers[guard]


class _EveryAnswer:
    """Answers by a script of choices, and beyond its end by the first of each."""

    def __init__(self, script: list[int]) -> None:
        self._script = script
        self._made: list[tuple[int, int]] = []

    def holds(self, guard: str) -> bool:
        return self._choose(2) == 0

    def raised(self, action: str) -> tuple[str, ...]:
        alternatives = RAISES.get(action, ((),))
        return alternatives[self._choose(len(alternatives))]

    def _choose(self, options: int) -> int:
        position = len(self._made)
        choice = self._script[position] if position < len(self._script) else 0
        self._made.append((choice, options))
        return choice

    def next_script(self) -> list[int] | None:
        """The next answers to try, or None when all were."""
        made = self._made
        while made and made[-1][0] + 1 == made[-1][1]:
            made.pop()
        return [*(choice for choice, _ in made[:-1]), made[-1][0] + 1] if made else None
