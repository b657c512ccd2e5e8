"""Generated calls, with aborts at arbitrary await points: no law of the floor may be broken.

What fails is made small and told, with the command that keeps it as a scenario: under
tests/scenarios/ it is a test for ever.
"""

from __future__ import annotations

import os

import pytest

from engine.fuzzing.generate import generate
from engine.fuzzing.story import story
from engine.fuzzing.subject import default_subject

EXAMPLES = int(os.environ.get("ANTIPHON_FUZZ_EXAMPLES", "300"))
"""How many calls are generated; the same ones each time, so that CI cannot be lucky."""

SEED = 1
"""`antiphon fuzz` holds those of another seed."""

JOBS = len(os.sched_getaffinity(0))
"""How many processes hold them: what comes of it is the same."""


def test_no_law_is_broken() -> None:
    """Whatever the caller does, the providers fail at, and moment the call is aborted."""
    failures = generate(default_subject(), EXAMPLES, SEED, JOBS).failures
    if failures:
        pytest.fail("\n\n".join(map(story, failures)), pytrace=False)
