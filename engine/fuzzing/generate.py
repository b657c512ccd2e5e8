"""Generated calls: many are held, each is judged, and one in which a law is broken is shrunk to
the smallest that breaks the same laws.

The same calls are generated each time, unless another seed is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import hypothesis
from hypothesis import HealthCheck, Phase

from engine.fuzzing.calls import calls
from engine.fuzzing.failure import Failure
from engine.fuzzing.simplify import simplify
from engine.fuzzing.subject import Subject
from engine.journal import Effect, Event
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Scenario
from engine.simulation.trace import Trace

ROUND = 1000
"""Calls that are generated from one seed: what they had in common is forgotten then."""

Laws = tuple[str, ...]


class Novelty(Protocol):
    """How much a call showed that no call before it did. It remembers."""

    def __call__(self, trace: Trace) -> int: ...


@dataclass(slots=True)
class NewSteps:
    """A :class:`Novelty`: the steps of the chart, each with the states that it led to and the
    effects that ran."""

    seen: set[tuple[object, ...]] = field(default_factory=set)

    def __call__(self, trace: Trace) -> int:
        before = len(self.seen)
        running: dict[int, str] = {}
        for line in trace.lines:
            if isinstance(line, Event):
                steps = tuple(number for number, _ in line.took)
                self.seen.add((steps, tuple(line.states), frozenset(running.values())))
            elif isinstance(line, Effect):
                if line.phase == "started":
                    running[line.number] = line.effect
                else:
                    running.pop(line.number, None)
        return len(self.seen) - before


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of it: how many calls were held (those for shrinking too), the seconds of call
    time, and the failures: one for each set of laws that a call broke, shrunk."""

    calls: int
    simulated_s: float
    failures: tuple[Failure, ...]


def generate(
    subject: Subject,
    examples: int,
    seed: int = 0,
    seconds: float | None = None,
    novelty: Novelty | None = None,
    most_failures: int = 5,
) -> Generated:
    """Generate so many calls, or for so many seconds of real time if that is less, and look for
    laws that they break.

    With a ``novelty`` half of the calls are variants of those that showed the most. After
    ``most_failures`` it is enough. A failure that is being shrunk is not cut short: that may take
    some seconds more.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    search = _Search(subject, novelty, deadline)
    rounds = 0
    while examples > 0 and len(search.failures) < most_failures and not search.is_over():
        rounds += 1
        examples -= search.round(min(examples, ROUND), seed=f"{seed}/{rounds}")
    failures = list(search.failures.values())[:most_failures]
    simple = tuple(search.simplified(failure) for failure in failures)
    return Generated(search.calls, search.simulated_s, simple)


class _Broken(Exception):
    """A law is broken. Each set of laws has an exception of its own, by which Hypothesis tells
    failures apart, so that none turns into another as it shrinks."""


class _Over(BaseException):
    """The time is up."""


class _Search:
    """``failures`` holds, by the laws that are broken, the smallest call so far."""

    def __init__(self, subject: Subject, novelty: Novelty | None, deadline: float | None) -> None:
        self.subject, self.novelty, self.deadline = subject, novelty, deadline
        self.calls = 0
        self.simulated_s = 0.0
        self.failures: dict[Laws, Failure] = {}
        self._shrinking: dict[Laws, type[_Broken]] = {}

    def is_over(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def round(self, examples: int, seed: str) -> int:
        """Generate calls and shrink what fails, but for what failed in rounds before. Returns how
        many were generated until the last new failure, or all."""
        before, self._shrinking = self.calls, {}
        self._found_at = before
        test: Callable[[], None] = hypothesis.seed(seed)(
            hypothesis.settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.target, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            )(hypothesis.given(calls(self.subject))(self._try))
        )
        generated = examples
        try:
            test()
        except* _Broken:
            generated = self._found_at - before
        except* _Over:
            pass
        return generated

    def _try(self, scenario: Scenario) -> None:
        if self.is_over() and not self._shrinking:
            raise _Over
        trace = self._hold(scenario)
        violations = tuple(check_laws(trace))
        if violations:
            self._fail(Failure(scenario, violations, trace))
        if self.novelty is not None and not self._shrinking:
            hypothesis.target(float(self.novelty(trace)))

    def simplified(self, failure: Failure) -> Failure:
        """The simplest call that breaks the same laws."""
        simplest = failure

        def fails(scenario: Scenario) -> bool:
            nonlocal simplest
            trace = self._hold(scenario)
            other = Failure(scenario, tuple(check_laws(trace)), trace)
            if other.laws != failure.laws:
                return False
            simplest = other
            return True

        simplify(failure.scenario, fails)
        return simplest

    def _hold(self, scenario: Scenario) -> Trace:
        trace = self.subject.hold(scenario)
        self.calls += 1
        self.simulated_s += trace.closed_ms / 1000
        return trace

    def _fail(self, failure: Failure) -> None:
        laws = failure.laws
        if laws not in self.failures:
            self._found_at = self.calls
            self._shrinking[laws] = type("Broken" + "".join(laws), (_Broken,), {})
        if laws in self._shrinking:
            # Hypothesis holds the smallest call that fails once more in the end.
            self.failures[laws] = failure
            raise self._shrinking[laws](", ".join(laws))
