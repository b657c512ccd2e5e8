"""Generated calls, with aborts at arbitrary await points: no law of the floor may be broken.

What fails is printed as a scenario file, shrunk, with the timeline of the call: saved under
tests/scenarios/ it is a test for ever.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from engine.fuzzing.calls import calls
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Scenario, dump_scenario
from engine.simulation.timeline import timeline
from engine.simulation.world import simulate

EXAMPLES = int(os.environ.get("ANTIPHON_FUZZ_EXAMPLES", "300"))
"""How many calls are generated; the same ones each time, so that CI cannot be lucky."""


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(scenario=calls())
def test_no_law_is_broken(scenario: Scenario) -> None:
    """Whatever the caller does, the providers fail at, and moment the call is aborted."""
    trace = simulate(scenario)
    broken = check_laws(trace)
    if broken:
        listed = "\n".join(f"  - {violation}" for violation in broken)
        pytest.fail(
            f"broken:\n{listed}\n\n{dump_scenario(scenario)}\n{timeline(trace)}", pytrace=False
        )
