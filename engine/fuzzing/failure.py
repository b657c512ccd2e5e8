"""A call in which a law is broken."""

from __future__ import annotations

from dataclasses import dataclass

from engine.fuzzing.subject import Subject
from engine.simulation.laws import Violation, check_laws
from engine.simulation.scenario import Scenario
from engine.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Failure:
    """A call with the laws that it broke."""

    scenario: Scenario
    violations: tuple[Violation, ...]
    trace: Trace

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws that were broken, each once, in order."""
        return tuple(dict.fromkeys(violation.law for violation in self.violations))


def judge(scenario: Scenario, subject: Subject) -> Failure | None:
    """Hold a call and look whether any law was broken."""
    trace = subject.hold(scenario)
    violations = tuple(check_laws(trace))
    return Failure(scenario, violations, trace) if violations else None
