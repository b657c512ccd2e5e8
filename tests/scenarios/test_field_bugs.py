"""What callers of other engines met: each has a scenario that shows what must happen instead."""

from __future__ import annotations

import pytest

from engine.simulation.scenario_files import load_scenario
from tests.scenarios.test_scenarios import FILES

MET = """
livekit/agents 5038, livekit/agents 5100, livekit/agents 6662, livekit/agents 4413,
livekit/agents 6858, livekit/agents-js 2059, livekit/agents 4219, livekit/agents 6667,
livekit/agents 1229, livekit/agents 6071, livekit/agents 5497, livekit/agents 6424,
pipecat 5779, pipecat 3949, pipecat 4996, pipecat 4145, pipecat 3542, pipecat 2218, pipecat 4244,
pipecat 5146, pipecat 6167, pipecat 2941, bolna 758, elizaOS 19407, timbal 112, vellum 36751
"""
"""Where each was reported."""


def places(text: str) -> list[str]:
    """The places that a list of them names."""
    return [" ".join(place.split()) for place in text.split(",") if place.strip()]


SHOWN = {place for path in FILES for place in places(load_scenario(path).met)}


@pytest.mark.parametrize("place", places(MET))
def test_what_was_met_elsewhere_has_a_scenario(place: str) -> None:
    """Some scenario says that it shows it."""
    assert place in SHOWN


def test_no_scenario_names_a_place_that_nobody_knows() -> None:
    """A misspelt place would show nothing."""
    assert set(places(MET)) >= SHOWN
