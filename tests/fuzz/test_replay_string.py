"""A call as one word, and back."""

from __future__ import annotations

import base64
import re
import zlib

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from engine.errors import ConfigError
from engine.fuzzing.calls import calls
from engine.fuzzing.replay_string import PREFIX, replay_string, scenario_of
from engine.fuzzing.subject import default_subject
from engine.simulation.scenario import Act, Expect, Scenario
from engine.simulation.scenario_files import dump_scenario

CALL = Scenario(says="A call.", caller=[Act(at=1.0, say="where is my parcel")])


def word(plain: object) -> str:
    """Anything, packed as a replay string is."""
    packed = zlib.compress(msgspec.msgpack.encode(plain))
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(scenario=calls(default_subject()))
def test_every_call_comes_back_as_it_was(scenario: Scenario) -> None:
    """Nothing is lost or rounded, and no letter needs quotes in a shell."""
    text = replay_string(scenario)
    assert re.fullmatch(r"f1-[A-Za-z0-9_-]+", text)
    assert scenario_of(text) == scenario


def test_a_call_beside_comes_back_as_well() -> None:
    """It is data of the call, as a file has it."""
    both = msgspec.structs.replace(CALL, beside=msgspec.structs.replace(CALL, ends_at=3.0))
    assert scenario_of(replay_string(both)) == both
    assert yaml.safe_load(dump_scenario(both))["beside"] == {
        **yaml.safe_load(dump_scenario(CALL)),
        "ends_at": 3.0,
    }


def test_what_was_expected_is_left_out() -> None:
    """A replay is judged by the laws; what a scenario file expects beside them stays in it."""
    expecting = msgspec.structs.replace(CALL, expect=Expect(drafts=3))
    assert scenario_of(replay_string(expecting)) == CALL


def test_a_string_that_a_terminal_has_broken_is_read() -> None:
    """White space in it, and around it, means nothing."""
    text = replay_string(CALL)
    assert scenario_of(f" {text[:20]}\n  {text[20:]}\n") == CALL


def test_every_string_that_is_cut_off_is_refused() -> None:
    """Wherever it was cut, the error says that it is."""
    text = replay_string(CALL)
    for length in range(len(PREFIX), len(text)):
        with pytest.raises(ConfigError, match="cut off, or was changed"):
            scenario_of(text[:length])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not begin with 'f1-'"),
        ("where is my parcel", "does not begin with 'f1-'"),
        ("f2-abcd", "of another version: it begins with 'f2-'"),
        ("f1-", "cut off, or was changed"),
        ("f1-abc$", "cut off, or was changed"),
        (replay_string(CALL) + "AAAA", "cut off, or was changed"),
        (word([1, 2]), "holds no scenario: Expected `object`"),
        (word({"says": "x", "callers": []}), "holds no scenario: .*`callers`"),
        (word({"says": "x", "caller": [{"at": "now"}]}), "holds no scenario: .*caller"),
        (word({"says": "x" * 2_000_000}), "cut off, or was changed"),
    ],
)
def test_what_is_no_replay_string_is_refused(text: str, says: str) -> None:
    """One line says what is wrong with it."""
    with pytest.raises(ConfigError, match=says):
        scenario_of(text)
