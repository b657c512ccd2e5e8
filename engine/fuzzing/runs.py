"""The three ways to fuzz, as the command line uses them: each gives back what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.coverage import Coverage
from engine.fuzzing.corpus import signature
from engine.fuzzing.failure import Failure, held
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario

Progress = Callable[[str], None]
"""Told now and then how far it is."""


@dataclass(slots=True)
class Run:
    """What came of fuzzing: how many calls, what they covered, and what failed, once for each
    signature."""

    coverage: Coverage
    calls: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)
    alike: int = 0
    """Failures beside these that look the same."""

    def see(self, scenario: Scenario, subject: Subject) -> None:
        """Hold one call and judge it."""
        self.calls += 1
        call = held(scenario, subject)
        self.coverage.feed(call.trace.lines)
        if call.violations:
            self.add([call])

    def add(self, failures: Iterable[Failure]) -> None:
        """Take in failures that were found elsewhere."""
        for failure in failures:
            name = signature(failure)
            self.alike += name in self.failures
            self.failures.setdefault(name, failure)


def enumerated(
    run: Run, subject: Subject, scenarios: Sequence[tuple[str, Scenario]], progress: Progress
) -> None:
    """Hold every scenario."""
    for number, (name, scenario) in enumerate(scenarios, start=1):
        progress(f"{number} of {len(scenarios)} scenarios: {name}")
        run.see(scenario, subject)


def generated(run: Run, subject: Subject, calls: int, seed: int, progress: Progress) -> None:
    """Hold so many generated calls. Needs hypothesis."""
    from engine.fuzzing.fresh import each_fresh_call  # an extra

    begun = run.calls

    def see(scenario: Scenario) -> None:
        progress(f"{run.calls - begun + 1} of {calls} generated calls")
        run.see(scenario, subject)

    each_fresh_call(subject, seed, calls, see)


def smallest(run: Run, subject: Subject, progress: Progress) -> list[Failure]:
    """The failures of a run, each made small; those that are then one are one."""
    small: dict[str, Failure] = {}
    for number, failure in enumerate(run.failures.values(), start=1):
        progress(f"making failure {number} of {len(run.failures)} smaller")
        one = shrunk(failure, subject)
        small.setdefault(signature(one), one)
    return list(small.values())
