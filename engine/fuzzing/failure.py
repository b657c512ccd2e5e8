"""A call in which a law is broken."""

from __future__ import annotations

from dataclasses import dataclass
from traceback import extract_tb

from engine.fuzzing.subject import Subject
from engine.simulation.laws import SENTENCES, Violation, check_laws
from engine.simulation.scenario import Scenario
from engine.simulation.trace import Trace
from engine.simulation.world import Watch

CRASH = "crash"
"""How the name begins of the law that is broken where a call cannot be held to its end."""


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

    @property
    def crashed(self) -> bool:
        """Whether something raised, so that the trace is empty."""
        return any(violation.law.startswith(CRASH) for violation in self.violations)


def held(scenario: Scenario, subject: Subject, watch: Watch | None = None) -> Failure:
    """Hold a call and judge it; where all laws are kept there are no violations.

    The simulation or a law that raises is a bug too, and no reason to look no further: it is a
    violation of its own, of a law named after what was raised where (also ``TooSlowError``: the
    call never ends).
    """
    try:
        trace = subject.hold(scenario, watch)
        return Failure(scenario, tuple(check_laws(trace)), trace)
    except Exception as error:
        return Failure(scenario, (_crash(error),), Trace(scenario, subject.chart))


def judge(scenario: Scenario, subject: Subject) -> Failure | None:
    """Hold a call and look whether any law was broken."""
    failure = held(scenario, subject)
    return failure if failure.violations else None


def meaning(law: str) -> str:
    """What a law means, in a sentence."""
    return SENTENCES.get(law, "The simulation, or a law, raised: the call was not judged.")


def _crash(error: Exception) -> Violation:
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    at = extract_tb(inner.__traceback__ or error.__traceback__)[-1]
    kind = type(inner).__name__
    return Violation(
        f"{CRASH}-{kind}-{at.name}", 0.0, f"{kind}: {inner} ({at.filename}:{at.lineno})"
    )
