"""Which calls an enumeration holds: pure functions of what was recorded, in a fixed order.

A :class:`Plan` is one scenario with something more: injections after certain steps, or another
order of its tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from engine.fuzzing.moments import Moment, Seen
from engine.simulation.injections import Cause
from engine.simulation.scenario import Expect, Injection, Scenario

ROTATED_DECISIONS = 6
"""At how many decisions of a call, one at a time, the next task is let go first."""

BESIDE_STEPS = 7
"""At how many moments of a call, one in each pair, something happens that must not change the call
beside it."""

ALWAYS_BY = (1, 2)
"""By how many places the ready tasks are rotated at every decision."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An undisturbed call: what was seen after each step, how many decisions there were about
    what to run next, and which laws it breaks."""

    seen: tuple[Seen, ...]
    decisions: int
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The ``scenario``-th scenario, disturbed. ``at`` are the moments of the injections;
    ``beside`` is a call to be held at the same time."""

    scenario: int
    injections: tuple[Injection, ...] = ()
    at: tuple[Moment, ...] = ()
    rotations: Mapping[int, int] = field(default_factory=dict)
    beside: Scenario | None = None

    def apply(self, scenario: Scenario) -> Scenario:
        """The call that is planned."""
        return msgspec.structs.replace(
            scenario,
            injections=[*scenario.injections, *self.injections],
            rotations={**scenario.rotations, **self.rotations},
            beside=self.beside,
        )


def moments_of(recordings: Sequence[Recording]) -> set[Moment]:
    """The distinct moments of some calls."""
    return {seen.moment for recording in recordings for seen in set(recording.seen)}


def singles(recordings: Sequence[Recording], each: int = 1) -> Iterator[Plan]:
    """Every distinct moment with every injection that can act there, in the ``each`` shortest of
    the calls that have both, at the first such step."""
    times: dict[tuple[Moment, Cause], int] = {}
    for number in _shortest_first(recordings):
        for (moment, cause), step in _first_steps(recordings[number].seen).items():
            done = times.get((moment, cause), 0)
            if done < each:
                times[moment, cause] = done + 1
                yield Plan(number, (_injection(step, cause),), (moment,))


def everywhere(recordings: Sequence[Recording], number: int) -> Iterator[Plan]:
    """Every step of one call with every injection that can act there."""
    if not recordings[number].broken:
        for step, seen in enumerate(recordings[number].seen, start=1):
            for cause in seen.causes:
                yield Plan(number, (_injection(step, cause),), (seen.moment,))


def firsts(recordings: Sequence[Recording], most_steps: int) -> Iterator[Plan]:
    """The first injections of pairs: every state of the chart with every injection that can act
    in it, in each call of at most so many steps."""
    for number in _shortest_first(recordings):
        seen = recordings[number].seen
        if len(seen) <= most_steps:
            yield from _in_each_state(number, seen, after=0)


def seconds(first: Plan, seen: Sequence[Seen]) -> Iterator[Plan]:
    """The second injections after a first one, on what was seen of the call it disturbed."""
    for second in _in_each_state(first.scenario, seen, after=first.injections[0].step):
        yield Plan(first.scenario, (*first.injections, *second.injections), (*first.at, *second.at))


def rotated(recordings: Sequence[Recording]) -> Iterator[Plan]:
    """Each call under other orders of its tasks: another one goes first at one decision, spread
    over the call, or at all of them."""
    for number in _shortest_first(recordings):
        decisions = recordings[number].decisions
        chosen = {1 + decisions * n // ROTATED_DECISIONS for n in range(ROTATED_DECISIONS)}
        for decision in sorted(chosen):
            yield Plan(number, rotations={decision: 1})
        for by in ALWAYS_BY:
            yield Plan(number, rotations=dict.fromkeys(range(1, 2 * decisions), by))


def beside_others(
    recordings: Sequence[Recording], scenarios: Sequence[Scenario], most: int | None
) -> Iterator[Plan]:
    """Each call beside itself and beside another one, in which something happens that can happen
    there; at most so many, the shortest first. What happens differs from pair to pair."""
    return islice(_beside_others(recordings, scenarios), most)


def _beside_others(
    recordings: Sequence[Recording], scenarios: Sequence[Scenario]
) -> Iterator[Plan]:
    numbers = _shortest_first(recordings)
    pairs = [
        (number, beside)
        for place, number in enumerate(numbers)
        for beside in (number, numbers[place - 1])
    ]
    for turn, (number, beside) in enumerate(pairs):
        seen = recordings[beside].seen
        step = 1 + len(seen) * (turn % BESIDE_STEPS) // BESIDE_STEPS
        causes = seen[step - 1].causes
        # Both calls make steps: about twice as many until this one is there.
        injection = _injection(2 * step, causes[turn % len(causes)])
        disturbed = msgspec.structs.replace(
            scenarios[beside], injections=[injection], expect=Expect()
        )
        yield Plan(number, beside=disturbed)


def _shortest_first(recordings: Sequence[Recording]) -> list[int]:
    sound = [number for number, one in enumerate(recordings) if not one.broken]
    return sorted(sound, key=lambda number: (len(recordings[number].seen), number))


def _first_steps(seen: Sequence[Seen]) -> dict[tuple[Moment, Cause], int]:
    """Of each moment and each injection that can act at it, the first step where both are."""
    steps: dict[Seen, int] = {}
    for step, one in enumerate(seen, start=1):
        steps.setdefault(one, step)
    found: dict[tuple[Moment, Cause], int] = {}
    for one, step in steps.items():
        for cause in one.causes:
            found.setdefault((one.moment, cause), step)
    return found


def _in_each_state(number: int, seen: Sequence[Seen], after: int) -> Iterator[Plan]:
    known: set[tuple[tuple[str, ...], Cause]] = set()
    for (moment, cause), step in _first_steps(seen[after:]).items():
        if (moment.configuration, cause) not in known:
            known.add((moment.configuration, cause))
            yield Plan(number, (_injection(step + after, cause),), (moment,))


def _injection(step: int, cause: Cause) -> Injection:
    return Injection(step=step, does=cause[0], what=cause[1])
