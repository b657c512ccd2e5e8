"""The laws and the marks, on a chart whose states have other names than ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chart import Chart, default_chart_path, load_chart
from engine.fuzzing.sometimes import SOMETIMES, laws_exercised, marks_of
from engine.simulation.expectations import unmet
from engine.simulation.laws import LAWS, check_laws
from engine.simulation.scenario import Expect
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.vocabulary import VOCABULARY

SCENARIOS = Path(__file__).parent / "scenarios"

EVERY_CHART_HAS = {"idle", "listening", "thinking", "speaking", "interrupted"}
"""What ``antiphon check`` asks for."""

HELD = (
    "a_caller_is_put_through_after_the_announcement",
    "a_caller_who_asks_for_a_moment_is_left_alone",
    "a_draft_is_restarted_when_the_words_change",
    "a_greeting_can_be_interrupted_when_its_protection_is_over",
    "a_lookup_that_goes_on_while_the_turn_grows_is_kept",
    "a_mind_that_always_fails_ends_with_a_goodbye",
    "a_noise_that_begins_again_keeps_the_agent_silent",
    "an_answering_machine_that_never_stops_gets_its_message",
    "an_okay_while_on_hold_leaves_the_caller_alone",
    "hanging_up_while_the_agent_speaks",
    "recognition_that_is_gone_while_the_agent_speaks_ends_the_call",
    "the_agent_may_end_the_call",
)


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """Our chart, with a name of its own for each state that may have one."""
    path = default_chart_path()
    text = path.read_text(encoding="utf-8")
    for name in sorted(set(load_chart(path, VOCABULARY).states) - EVERY_CHART_HAS):
        text = re.sub(rf"(?m)^( +){name}:", rf"\1my_{name}:", text)
        text = re.sub(rf"(target: ){name}\b", rf"\1my_{name}", text)
    mine = tmp_path_factory.mktemp("chart") / "mine.yaml"
    mine.write_text(text, encoding="utf-8")
    return load_chart(mine, VOCABULARY)


@pytest.mark.parametrize("name", HELD)
def test_names_of_states_mean_nothing(name: str, renamed: Chart) -> None:
    """A call that keeps the laws on our chart keeps them on the same chart with other names, gives
    them as much to observe, and bears the same marks."""
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    ours, theirs = simulate(scenario), simulate(scenario, renamed)
    assert check_laws(theirs) == check_laws(ours) == []
    assert laws_exercised(theirs, set(LAWS)) == laws_exercised(ours, set(LAWS))
    assert marks_of(theirs, set(SOMETIMES)) == marks_of(ours, set(SOMETIMES))


def test_a_scenario_says_how_a_call_ends_on_any_chart(renamed: Chart) -> None:
    """Its end is the final state, whatever that is called."""
    scenario = load_scenario(SCENARIOS / "the_agent_may_end_the_call.yaml")
    assert scenario.expect.ends == "played_out"
    assert unmet(simulate(scenario, renamed)) == []
    otherwise = replace(scenario, expect=Expect(ends="hung_up"))
    assert unmet(simulate(otherwise, renamed)) == [
        "the call was to end by hung_up; it ended by ['played_out']"
    ]
