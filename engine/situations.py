"""All the situations a call can be in, found by walking its chart.

A situation is more than a configuration. It also knows which effects have said their last
word since their state was entered (a timer fires once), whether the output is held, and whether
the reply in the air has become audible. What can happen in it is what its effects can emit
then, and what comes from no effect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.chart import Chart, State, Transition
from engine.errors import ChartError
from engine.origins import (
    DISCARDS,
    EMITS,
    ENDS_IN_TIME,
    ENGINE_EMITS,
    GOES_ON,
    HOLDS,
    LAST_WORDS,
    NOT_THE_LAST,
    VOICES,
)
from engine.walk import Configuration, NeverRests, Outcome, Walker

SITUATION_LIMIT = 50_000
"""A chart with more situations than this is refused; the one of antiphon has a few hundred."""


@dataclass(frozen=True, slots=True)
class Running:
    """An effect that runs because a state is active."""

    effect: str
    state: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a call can be: the active states; the effects of them that are over; whether the
    output is held; whether the caller has heard something of the reply that is in the air."""

    configuration: Configuration
    over: frozenset[Running] = frozenset()
    held: bool = False
    audible: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that can happen in a situation: an event, and the effect it ends, if any."""

    event: str
    ends: Running | None = None


@dataclass(slots=True)
class Situations:
    """What the walk found.

    ``reached`` tells of each situation from which other it was first reached, and by which
    event (None for the first one). ``taken`` are the numbers of the transitions that can be
    taken, ``restless`` those at which a step need not come to rest. ``floor`` is the region
    of the five floor states.
    """

    walker: Walker
    floor: State | None
    reached: dict[Situation, tuple[Situation, str] | None] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    restless: dict[int, Transition] = field(default_factory=dict)

    @property
    def chart(self) -> Chart:
        """The chart that was walked."""
        return self.walker.chart

    def happenings(self, situation: Situation) -> Iterator[Happening]:
        """All that can happen in a situation, sooner or later, with or without the caller.

        A call is first of all answered: the session sees to that before anything can hang up.
        """
        if self.reached[situation] is None:
            yield Happening("answered")
            return
        for event in sorted(ENGINE_EMITS - {"answered"}):
            yield Happening(event)
        for running in self.running(situation):
            for event in EMITS[running.effect]:
                if running.effect != "play" or event == _next_played(situation):
                    yield Happening(event, self._ends(running, event))

    def follow(
        self, situation: Situation, happening: Happening
    ) -> Iterator[tuple[Outcome, Situation]]:
        """What a happening can come to."""
        try:
            outcomes = self.walker.outcomes(situation.configuration, happening.event)
        except NeverRests as error:
            self.restless[error.transition.number] = error.transition
            return
        for outcome in outcomes:
            over = set(situation.over)
            if happening.ends and NOT_THE_LAST.isdisjoint(outcome.actions):
                over.add(happening.ends)
            held, audible = situation.held, situation.audible
            if happening.event in EMITS["play"]:
                audible = happening.event == "audio_started"
            for action in outcome.actions:
                held = HOLDS.get(action, held)
                audible = audible and action not in DISCARDS
            yield (
                outcome,
                Situation(
                    outcome.configuration,
                    frozenset(one for one in over if one.state not in outcome.left),
                    held,
                    # A voice that begins has another reply in hand, of which nothing was heard,
                    # unless it goes on with what another voice began.
                    audible
                    and (
                        not GOES_ON.isdisjoint(outcome.actions)
                        or not any(self._voices(state) for state in outcome.entered)
                    ),
                ),
            )

    def running(self, situation: Situation) -> Iterator[Running]:
        """The effects of the active states that are not over, in document order."""
        for state in situation.configuration:
            for effect in self.chart.states[state].invoke:
                running = Running(effect, state)
                if running not in situation.over:
                    yield running

    def in_floor(self, state: str) -> bool:
        """Whether a state is the floor region or lies inside it."""
        return self.floor is not None and (
            state == self.floor.id or self.floor in self.chart.states[state].ancestors
        )

    def path_to(self, situation: Situation) -> list[str]:
        """The events that lead to a situation in the fewest steps."""
        events: list[str] = []
        before = self.reached[situation]
        while before is not None:
            situation, event = before
            events.append(event)
            before = self.reached[situation]
        return events[::-1]

    def _ends(self, running: Running, event: str) -> Running | None:
        """The effect itself if the event is its last and it matters that no more will come:
        promises rest only on what the floor and the reply run."""
        matters = self.in_floor(running.state) or running.effect in (*VOICES, "compose")
        lasts = ENDS_IN_TIME.get(running.effect, (LAST_WORDS.get(running.effect),))
        return running if matters and event in lasts else None

    def _voices(self, state: str) -> bool:
        return any(effect in VOICES for effect in self.chart.states[state].invoke)


def explore(chart: Chart) -> Situations:
    """Walk a chart through all its situations, nearest first.

    Raises :class:`ChartError` if there are too many.
    """
    listening = chart.states.get("listening")
    situations = Situations(Walker(chart), listening.parent if listening else None)
    first = Situation(situations.walker.initial())
    situations.reached[first] = None
    fresh = deque([first])
    while fresh:
        situation = fresh.popleft()
        for happening in situations.happenings(situation):
            for outcome, after in situations.follow(situation, happening):
                situations.taken.update(outcome.transitions)
                if after not in situations.reached:
                    situations.reached[after] = (situation, happening.event)
                    fresh.append(after)
        if len(situations.reached) > SITUATION_LIMIT:
            raise ChartError(
                f"{chart.path}:1: the chart has more than {SITUATION_LIMIT} situations, too many "
                f"to check; use fewer parallel regions"
            )
    return situations


def _next_played(situation: Situation) -> str | None:
    """What `play` will report next: a reply is played out only after it was heard to begin."""
    if situation.held:
        return None
    return "played_out" if situation.audible else "audio_started"
