"""The simulation is deterministic: the same scenario gives the same journal, to the byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from engine.simulation.loop import Arrange
from engine.simulation.scenario import Injection, Order, Scenario
from engine.simulation.scenario_files import dump_scenario, load_scenario
from engine.simulation.world import simulate
from tests.scenarios.test_scenarios import FILES

CHOSEN = FILES[::6]
CODE = """
import hashlib, logging, structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
from tests.test_simulation import CHOSEN, digest
print(digest(CHOSEN))
"""


def digest(paths: list[Path]) -> str:
    """What these scenarios come to, as they are and disturbed."""
    whole = hashlib.sha256()
    for path in paths:
        scenario = load_scenario(path)
        for one in (scenario, disturbed(scenario)):
            whole.update(b"\n".join(simulate(one).journal))
    return whole.hexdigest()


def disturbed(scenario: Scenario) -> Scenario:
    """The call with things that happen at certain steps, and its tasks in an order of its own."""
    return replace(
        scenario,
        injections=[
            Injection(step=60, does="sound", what="0.5"),
            Injection(step=150, does="lost", what="mind"),
            Injection(step=240, does="press", what="5"),
            Injection(step=400, does="hang_up"),
        ],
        order=Order(priorities=[3, 1, 2], changes={20: 0, 50: 4}),
    )


def test_a_scenario_held_twice_gives_the_same_journal() -> None:
    """Nothing is left over from one run to the next."""
    assert digest(list(CHOSEN)) == digest(list(CHOSEN))


def test_other_processes_with_other_hash_seeds_agree() -> None:
    """No set or dict order, and no address, decides anything."""
    digests = set()
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        result = subprocess.run(
            [sys.executable, "-c", CODE],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(result.stdout.strip())
    assert digests == {digest(list(CHOSEN))}


def test_a_scenario_can_be_written_and_read_again(tmp_path: Path) -> None:
    """What the fuzz prints is a scenario file."""
    for path in CHOSEN:
        scenario = load_scenario(path)
        copy = tmp_path / path.name
        copy.write_text(dump_scenario(scenario), encoding="utf-8")
        assert load_scenario(copy) == scenario


def test_ears_that_compare_everything_anew_hear_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compared before would come to the same again, with and without an echo."""
    loud = [*CHOSEN[::4], *(path for path in FILES if "echo" in path.stem)]
    remembered = digest(loud)
    monkeypatch.setattr("engine.simulation.world.comparing_once", nullcontext)
    assert digest(loud) == remembered


def test_trio_s_own_loop_gives_the_same_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of the simulation leaves out only what no task can notice."""

    @contextmanager
    def looping(arrange: Arrange) -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", True)
            patched.setattr("trio._core._run._r", SimpleNamespace(shuffle=arrange))
            yield

    by_ours = digest(CHOSEN)
    monkeypatch.setattr("engine.simulation.schedule.looping", looping)
    assert digest(CHOSEN) == by_ours
