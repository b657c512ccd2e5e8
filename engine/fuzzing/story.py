"""What a person needs of a call in which a law was broken: which law, how to run the call again,
how to keep it, and what happened in it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from engine.fuzzing.failure import Failure, meaning
from engine.fuzzing.path import chart_path
from engine.fuzzing.replay_string import replay_string
from engine.fuzzing.sequence import sequence
from engine.simulation.laws import Violation
from engine.simulation.scenario import Expect, Scenario
from engine.simulation.scenario_files import dump_scenario
from engine.simulation.timeline import Happening, happenings, short_timeline
from engine.simulation.trace import Trace

MOMENT_MS = 20.0
"""All is told that happens so long before and after a violation: a frame of sound."""

AFTER_MS = 2000.0
"""How much of a call is told after the last violation."""


def story(failure: Failure, options: Sequence[str] = ()) -> str:
    """All of it, as text. ``options`` are those of the command that found the failure, which a
    replay needs as well (``--chart``, ``--agent``)."""
    until_ms = max(violation.at_ms for violation in failure.violations) + AFTER_MS
    return "\n".join(
        [
            *broken_lines(failure.violations),
            "",
            "Run it again, and keep it as a scenario:",
            f"  {replay_command(failure.scenario, options)}",
            f"  {replay_command(failure.scenario, [*options, '--save', 'NAME'])}",
            "",
            *happened(failure.trace, failure.violations, until_ms),
        ]
    )


def replay_command(scenario: Scenario, options: Sequence[str] = ()) -> str:
    """What to type to hold this very call again."""
    given = [shlex.quote(option) for option in options]
    return " ".join(["antiphon", "fuzz", *given, "--replay", f"'{replay_string(scenario)}'"])


def broken_lines(violations: Sequence[Violation]) -> Iterator[str]:
    """Each law that was broken with its meaning, and under it each time that it was."""
    for law in dict.fromkeys(violation.law for violation in violations):
        yield f"{law} broken. {meaning(law)}"
        for violation in violations:
            if violation.law == law:
                yield f"  at {violation.at_ms / 1000:.3f} s: {violation.says}"


def happened(
    trace: Trace, violations: Sequence[Violation] = (), until_ms: float = float("inf")
) -> Iterator[str]:
    """What happened in a call, in words, on the chart, and as a picture."""
    yield "The call:"
    # The laws judge it: what a scenario file expects beside them says nothing here.
    yield _indented(dump_scenario(replace(trace.scenario, expect=Expect())))
    if not trace.lines:
        return  # it could not be held
    times_ms = [violation.at_ms for violation in violations]
    everything = [_that_matters(one, times_ms) for one in happenings(trace)]
    told = [one for one in everything if one.at_ms <= until_ms or one.who in _ENDING]
    marks = [Happening(one.at_ms, 2_000_000, "!!", f"{one.law}: {one.says}") for one in violations]
    if left_out := sum(one.matters for one in everything) - sum(one.matters for one in told):
        marks.append(Happening(until_ms, 3_000_000, "...", f"({left_out} more lines)"))
    yield "What happened (s):"
    yield short_timeline(sorted([*told, *marks], key=lambda one: (one.at_ms, one.order)))
    yield ""
    yield "The way through the chart:"
    yield chart_path(trace, until_ms)
    yield ""
    yield "As a picture (Mermaid):"
    yield "```mermaid"
    yield sequence(told, [(one.at_ms, f"{one.law}: {one.says}") for one in violations]) + "```"


_ENDING = ("end", "history")


def _that_matters(one: Happening, times_ms: Sequence[float]) -> Happening:
    """What happens at the moment of a violation matters, also if it changed nothing."""
    near = any(abs(one.at_ms - at_ms) <= MOMENT_MS for at_ms in times_ms)
    if near and one.who in ("chart", "note"):
        return dataclasses.replace(one, matters=True)
    return one


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
