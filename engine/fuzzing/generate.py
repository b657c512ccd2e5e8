"""Generated calls: many are held, each is judged, and what fails is made small.

They come in chunks, each generated from a seed of its own: the same calls each time, unless
another seed is asked for, and however many processes share them. In a chunk half of the calls
are variants of those that reached the most places of the chart and of the code anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.fuzzing.corpus import signature
from engine.fuzzing.coverage import Explored
from engine.fuzzing.failure import Failure, held
from engine.fuzzing.fresh import Enough, each_fresh_call
from engine.fuzzing.moments import Moments
from engine.fuzzing.processes import Progress, never, spread
from engine.fuzzing.runs import unlike
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.silence import silenced
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario

CHUNK = 250
"""Calls that are generated from one seed: what they had in common is forgotten then."""

Pair = tuple[tuple[str, ...], str]
"""A configuration of the chart, and a point where a task waits in it."""


@dataclass(slots=True)
class Generated:
    """What came of it: how many calls were held, not counting those that made a failure small;
    the seconds of call time; what they reached; and the failures, small, each unlike the
    others."""

    calls: int = 0
    simulated_s: float = 0.0
    reached: set[Pair] = field(default_factory=set)
    explored: Explored = field(default_factory=Explored)
    failures: list[Failure] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """How many pairs of a configuration and a point where a task waits were reached."""
        return len(self.reached)

    def merge(self, other: Generated) -> None:
        """Take in what came of other calls."""
        self.calls += other.calls
        self.simulated_s += other.simulated_s
        self.reached |= other.reached
        self.explored.merge(other.explored)
        self.failures = unlike([*self.failures, *other.failures])

    def __str__(self) -> str:
        aborted, points = self.explored.aborted, self.explored.points
        return (
            f"{self.calls} generated calls, {self.simulated_s / 60:.0f} minutes of talk\n"
            f"{self.pairs} pairs of a configuration and an await point were reached; "
            f"{len(aborted & points)} of {len(points)} await points were hit by a cancellation\n"
            f"{len(self.failures)} different failures"
        )


def generate(
    subject: Subject,
    examples: int,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = lambda what, done, of: None,
    most_failures: int = 5,
    over: Callable[[], bool] = never,
) -> Generated:
    """Generate so many calls, or until so many different ones fail or it is ``over``, and make
    those small. What comes of it does not depend on how many processes share the work."""
    chunks = _chunks(examples)
    result = Generated()
    broken: list[Failure] = []

    def generated(number: int) -> tuple[Generated, list[Scenario]]:
        chunk = _Chunk(subject, most_failures, over)
        chunk.hold(chunks[number], f"{seed}/{number}")
        return chunk.result, [failure.scenario for failure in chunk.broken.values()]

    def small(number: int) -> Scenario:
        return shrunk(chosen[number], subject, over=over).scenario

    with silenced():
        parts = spread(generated, len(chunks), jobs, over)
        for done, (part, scenarios) in enumerate(parts, start=1):
            result.merge(part)
            broken = unlike([*broken, *_judged(scenarios, subject)])
            progress("generated", done, len(chunks))
            if len(broken) >= most_failures:
                break
        chosen = _varied(broken, most_failures)
        done = 0
        for done, scenario in enumerate(spread(small, len(chosen), jobs, over), start=1):
            result.failures += _judged([scenario], subject)
            progress("made small", done, len(chosen))
        result.failures = unlike([*result.failures, *chosen[done:]])
    return result


def _varied(failures: Sequence[Failure], most: int) -> list[Failure]:
    """So many of them: of each law one, before there is another of any."""
    times: Counter[str] = Counter()
    ranked: list[tuple[int, Failure]] = []
    for failure in failures:
        ranked.append((times[failure.laws[0]], failure))
        times[failure.laws[0]] += 1
    return [failure for _, failure in sorted(ranked, key=lambda one: one[0])[:most]]


def _judged(scenarios: Iterable[Scenario], subject: Subject) -> list[Failure]:
    """What another process found, held again: a trace is too large to be sent."""
    return [failure for one in scenarios if (failure := held(one, subject)).violations]


def _chunks(examples: int) -> list[int]:
    """How many calls there are in each chunk."""
    return [min(CHUNK, examples - first) for first in range(0, examples, CHUNK)]


class _Chunk:
    """Calls that are generated from one seed. ``broken`` are the first failures of each
    signature, by it, as they were found."""

    def __init__(self, subject: Subject, most_failures: int, over: Callable[[], bool]) -> None:
        self._subject = subject
        self._most_failures = most_failures
        self._over = over
        self.result = Generated()
        self.broken: dict[str, Failure] = {}

    def hold(self, examples: int, seed: str) -> None:
        """Hold so many calls, or until enough have failed."""

        def see(scenario: Scenario) -> float:
            if len(self.broken) >= self._most_failures or self._over():
                raise Enough
            return float(self._see(scenario))

        each_fresh_call(self._subject, seed, examples, see)

    def _see(self, scenario: Scenario) -> int:
        """Hold one call; returns how many pairs it was the first to reach."""
        result, moments = self.result, Moments()
        call = held(scenario, self._subject, moments)
        if call.violations:
            self.broken.setdefault(signature(call), call)
        result.calls += 1
        if call.crashed:
            return 0
        result.simulated_s += call.trace.closed_ms / 1000
        result.explored.learn(call, moments)
        before = result.pairs
        result.reached.update(
            (seen.moment.configuration, seen.moment.point) for seen in moments.distinct()
        )
        return result.pairs - before
