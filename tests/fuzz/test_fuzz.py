"""Generated calls, with aborts at arbitrary await points: no law of the floor may be broken.

What fails is printed as a scenario file, shrunk, with the timeline of the call: saved under
tests/scenarios/ it is a test for ever.
"""

from __future__ import annotations

import os

import pytest

from engine.fuzzing.failure import Failure
from engine.fuzzing.generate import generate
from engine.fuzzing.subject import default_subject
from engine.simulation.scenario import dump_scenario
from engine.simulation.timeline import timeline

EXAMPLES = int(os.environ.get("ANTIPHON_FUZZ_EXAMPLES", "300"))
"""How many calls are generated; the same ones each time, so that CI cannot be lucky."""


def test_no_law_is_broken() -> None:
    """Whatever the caller does, the providers fail at, and moment the call is aborted."""
    failures = generate(default_subject(), EXAMPLES).failures
    if failures:
        pytest.fail("\n\n".join(map(told, failures)), pytrace=False)


def told(failure: Failure) -> str:
    """A failure as a person reads it."""
    listed = "\n".join(f"  - {violation}" for violation in failure.violations)
    return f"broken:\n{listed}\n\n{dump_scenario(failure.scenario)}\n{timeline(failure.trace)}"
