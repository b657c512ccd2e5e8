"""A recorded call as a scenario: a stand-in, until the real one."""

from __future__ import annotations

from engine.journal import Head, Reading
from engine.simulation.scenario import Scenario


def scenario_of(reading: Reading) -> Scenario:
    """The caller and the providers of a call, to be played again."""
    head = reading.lines[0]
    assert isinstance(head, Head)
    return Scenario(says=f"recorded call {head.call_id}", settings=head.settings)
