"""Every scenario file is a call: it is held in virtual time, and nobody may be disappointed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.simulation.expectations import unmet
from engine.simulation.laws import check_laws
from engine.simulation.scenario_files import load_scenario
from engine.simulation.timeline import timeline
from engine.simulation.world import simulate

FILES = sorted(Path(__file__).parent.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    """The call goes as its file says, and no law of the floor is broken."""
    scenario = load_scenario(path)
    trace = simulate(scenario)
    wrong = [*unmet(trace), *map(str, check_laws(trace))]
    if wrong:
        listed = "\n".join(f"  - {sentence}" for sentence in wrong)
        pytest.fail(f"{scenario.says}\n{listed}\n\n{timeline(trace)}", pytrace=False)
