"""Recorded calls under another policy, compared with themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from engine.chart import default_chart_path, parse_chart
from engine.cli import application
from engine.errors import ConfigError
from engine.journal import Reading
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.vocabulary import VOCABULARY
from engine.what_if import Policy, WhatIf, paired, parsed, percentile, what_if
from states.settings import Settings

PLAIN = Scenario(
    says="A question and its answer.",
    caller=[Act(at=2.0, say="where is my parcel", during=1.2)],
    answers=[
        Answer(to="parcel", says="It left Memphis this morning. It should be with you on Thursday.")
    ],
    ends_at=12.0,
)
COUGH = replace(PLAIN, caller=[*PLAIN.caller, Act(at=5.0, sound=True, during=0.45)])
CUT_OFF = replace(
    PLAIN, caller=[*PLAIN.caller, Act(at=3.9, say="the one for friday please", during=1.4)]
)
BARGE_IN = replace(
    PLAIN, caller=[*PLAIN.caller, Act(at=5.5, say="and the one for friday then", during=2.0)]
)


def compared(scenario: Scenario, policy: Policy) -> WhatIf:
    return what_if(Reading(simulate(scenario).lines, []), policy)


def test_the_same_policy_changes_nothing() -> None:
    """Both simulations are the same to the millisecond."""
    for scenario in (PLAIN, COUGH, CUT_OFF, BARGE_IN):
        result = compared(scenario, Policy())
        assert result.before == result.after
        assert result.changed == 0
        assert result.laws == []


def test_more_patience_costs_latency_and_saves_cut_offs() -> None:
    """A turn that was taken up in the caller's pause is not; every answer is later."""
    result = compared(CUT_OFF, Policy({"complete_silence_ms": 900}))
    assert (result.recorded.cut_offs, result.before.cut_offs, result.after.cut_offs) == (1, 1, 0)
    assert [turn.words for turn in result.after.turns] == [
        "where is my parcel the one for friday please"
    ]
    assert result.after.latencies_ms[0] > result.before.latencies_ms[0] + 200


def test_a_shorter_barge_in_stops_sooner_and_for_nothing() -> None:
    """A cough that was too short to stop the agent does, and is a false alarm."""
    shorter = Policy({"barge_in_ms": 250})
    cough = compared(COUGH, shorter)
    assert (cough.before.false_alarms, cough.after.false_alarms) == (0, 1)
    real = compared(BARGE_IN, shorter)
    assert real.before.interruptions == real.after.interruptions == 1
    assert real.after.stops_ms[0] < real.before.stops_ms[0] - 100


def test_another_chart_is_a_policy() -> None:
    """One that never lets go of the floor is not interrupted."""
    text = default_chart_path().read_text(encoding="utf-8")
    stubborn = text.replace("event: overlap_held, target: interrupted", "event: overlap_held")
    chart = parse_chart(stubborn, "stubborn.yaml", VOCABULARY)
    result = compared(BARGE_IN, Policy(chart=chart))
    assert result.before.stops_ms
    assert result.changed > 0


def test_a_turn_nobody_answered_is_counted() -> None:
    """An agent that gives its reply up before it can be heard leaves a turn without an answer."""
    result = compared(PLAIN, Policy({"reply_ms": 100, "apology_limit": 0}))
    assert (result.before.unanswered, result.after.unanswered) == (0, 1)


def test_turns_are_paired_by_their_words() -> None:
    """Where one has two turns for one of the other, it is the last that was answered there."""
    turns = compared(CUT_OFF, Policy({"complete_silence_ms": 900}))
    pairs = list(paired(turns.before.turns, turns.after.turns))
    assert [(one is None, other is None) for one, other in pairs] == [(False, True), (False, False)]


def test_percentiles() -> None:
    """Of nothing there is none; of few the highest is the 95th."""
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0


def test_settings_are_taken_as_the_types_they_are() -> None:
    """Whole milliseconds, and shares."""
    assert parsed(["barge_in_ms=300", "echo_words=0.5"]) == {"barge_in_ms": 300, "echo_words": 0.5}


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("barge_in=300", "barge_in_ms"),
        ("xyzzy=1", "states/settings.py"),
        ("barge_in_ms", "NAME=VALUE"),
        ("barge_in_ms=0", ">= 1"),
        ("barge_in_ms=soon", "int"),
        ("echo_words=1.5", "<= 1"),
    ],
)
def test_a_setting_that_cannot_be_says_what_may(assignment: str, named: str) -> None:
    """The nearest names, the form, or what the value may be."""
    with pytest.raises(ConfigError) as error:
        parsed([assignment])
    assert named in str(error.value)
    assert assignment in str(error.value)


def test_settings_that_contradict_those_of_the_call() -> None:
    """Said of the two settings, before anything is simulated."""
    with pytest.raises(ConfigError, match=r"silence_least_ms .* silence_most_ms"):
        compared(PLAIN, Policy({"silence_most_ms": Settings().silence_least_ms - 1}))


# --- the command ----------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        application("replay"), ["replay", *map(str, arguments)], env={"COLUMNS": "200"}
    )


def write(path: Path, scenario: Scenario) -> Path:
    path.write_bytes(b"\n".join(simulate(scenario).journal) + b"\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three calls, one journal that is no journal, and one with a spoilt line."""
    calls = tmp_path_factory.mktemp("calls")
    for name, scenario in (("plain", PLAIN), ("cough", COUGH), ("barge-in", BARGE_IN)):
        write(calls / f"{name}.jsonl", scenario)
    (calls / "none.jsonl").write_text("hello\n")
    lines = write(calls / "spoilt.jsonl", PLAIN).read_bytes().split(b"\n")
    lines[20] = b"{"
    (calls / "spoilt.jsonl").write_bytes(b"\n".join(lines))
    return calls


def rows(output: str, name: str) -> Sequence[str]:
    (row,) = (line for line in output.splitlines() if line.strip().startswith(name))
    return row.split()[len(name.split()) :]


def test_a_folder_is_a_table_with_what_changed_most_first(folder: Path, tmp_path: Path) -> None:
    """Totals before and after; the calls with the command to look at each; what cannot be read is
    named and passed over; not a word of anybody is printed."""
    report = tmp_path / "report.json"
    result = run(folder, "--set", "barge_in_ms=250", "--json", report)
    assert result.exit_code == 0, result.output
    assert rows(result.output, "false alarms") == ["0", "0", "1", "+1"]
    assert "none.jsonl:1" in result.output
    assert "spoilt.jsonl:21" in result.output
    commands = [line.strip() for line in result.output.splitlines() if "antiphon replay" in line]
    assert commands[0] == f"antiphon replay {folder / 'cough.jsonl'} --set barge_in_ms=250"
    assert len(commands) == 2
    assert "parcel" not in result.output
    written = json.loads(report.read_text())
    assert written["after"]["false_alarms"] == 1
    assert [call["file"] for call in written["calls"]] == [
        "barge-in.jsonl",
        "cough.jsonl",
        "plain.jsonl",
    ]
    assert len(written["passed_over"]) == 2


def test_a_change_that_changes_nothing_is_said_to(folder: Path) -> None:
    """No call is listed then."""
    result = run(folder, "--set", "hold_ms=50000")
    assert "no call changed" in result.output
    assert "antiphon replay" not in result.output


def test_one_call_is_compared_turn_by_turn(folder: Path) -> None:
    """Recorded, under its own policy, under the changed one; and what was heard, where it is not
    the same."""
    result = run(folder / "barge-in.jsonl", "--set", "barge_in_ms=250")
    assert result.exit_code == 0, result.output
    assert rows(result.output, "where is my parcel")[-1] == "interrupted"
    assert "what was heard of the answer" in result.output
    assert rows(result.output, "interruptions") == ["1", "1", "1", "="]


def test_a_chart_with_a_fault_of_its_own_is_compared_as_well(folder: Path, tmp_path: Path) -> None:
    """Where the events of the call go another way on it is shown besides, with exit code 1."""
    chart = tmp_path / "other.yaml"
    text = default_chart_path().read_text()
    chart.write_text(text.replace("overlap_held, target: interrupted", "overlap_held"))
    result = run(folder / "barge-in.jsonl", "--chart", chart)
    assert result.exit_code == 1, result.output
    assert "differs" in result.output
    assert rows(result.output, "latency p50, ms")


def test_a_call_is_copied_as_a_scenario(folder: Path, tmp_path: Path) -> None:
    """To a file that the simulation can hold."""
    saved = tmp_path / "copied.yaml"
    result = run(folder / "plain.jsonl", "--save", saved)
    assert result.exit_code == 0, result.output
    assert load_scenario(saved).recorded
    assert str(saved) in result.output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["{folder}"], "--set or --chart"),
        (["{folder}", "--set", "barge_in=1"], "barge_in_ms"),
        (["{folder}", "--set", "barge_in_ms=250", "--save", "x"], "not a folder"),
        (["{folder}/plain.jsonl", "--json", "x"], "--set or --chart"),
        (["{folder}/plain.jsonl", "--save", "{folder}/no/x.yaml"], "cannot write"),
        (["{folder}/none.jsonl", "--set", "barge_in_ms=250"], "none.jsonl:1"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder: Path, arguments: list[str], named: str) -> None:
    """And exit code 2."""
    result = run(*(argument.format(folder=folder) for argument in arguments))
    assert result.exit_code == 2, result.output
    assert named in result.output
    assert len([line for line in result.output.splitlines() if "antiphon:" in line]) == 1
