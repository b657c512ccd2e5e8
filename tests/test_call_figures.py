"""What is counted of a call, line by line of its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from engine.call_figures import NAMES_MOST, OTHER, CallCounter, CallFigures, Names
from engine.journal import AnyLine, Event, Note
from engine.simulation.scenario import Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.turns import Turns
from states import events, notes
from states.settings import Settings
from tests.laws_kit import BARGE_IN, NOISE, PLAIN

SCENARIOS = Path(__file__).parent / "scenarios"
Counted = Mapping[str, float]


def counted(*calls: Sequence[AnyLine]) -> Counted:
    """The samples that come of these calls, by name and labels; zeros are left out."""
    registry = CollectorRegistry()
    figures = CallFigures(registry)
    for lines in calls:
        counter = CallCounter(figures)
        for line in lines:
            counter.feed(line)
    return {
        " ".join([sample.name.removeprefix("antiphon_"), *sample.labels.values()]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


def of(scenario: Scenario) -> Counted:
    return counted(simulate(scenario).lines)


def named(name: str) -> Scenario:
    return load_scenario(SCENARIOS / f"{name}.yaml")


def test_a_turn_is_counted_with_its_latency_and_stages() -> None:
    """As its record has them, each stage by whom it was taken, which add up to the latency."""
    lines = simulate(PLAIN).lines
    (turn,) = Turns.of(lines).records
    told = counted(lines)
    assert turn.latency_ms is not None
    assert told[f"turns_total completed {turn.endpoint}"] == 1
    assert told["turn_latency_seconds_count"] == 1
    assert told["turn_latency_seconds_sum"] == pytest.approx(turn.latency_ms / 1000)
    stages = {name: value for name, value in told.items() if name.startswith("stage_seconds_sum")}
    assert sum(stages.values()) == pytest.approx(turn.latency_ms / 1000)
    assert f"stage_seconds_sum voice {turn.reply.voice}" in stages
    assert told[f"provider_first_seconds_count mind {turn.reply.mind}"] == 1
    assert told[f"provider_first_seconds_count voice {turn.reply.voice}"] == 1
    assert "false_alarms_total" not in told


def test_a_barge_in_is_timed_from_the_callers_onset() -> None:
    """To our clear: the barge-in time at most, or less if there are words before that."""
    told = of(BARGE_IN)
    assert told["turns_total interrupted semantic"] == 1
    assert told["barge_in_stop_seconds_count"] == 1
    assert 0.1 < told["barge_in_stop_seconds_sum"] <= Settings().barge_in_ms / 1000 + 0.04
    assert "false_alarms_total" not in told


def test_a_false_alarm_is_one() -> None:
    """The agent fell silent for a noise, and went on."""
    told = of(NOISE)
    assert told["false_alarms_total"] == 1
    assert "turns_total interrupted semantic" not in told


def test_a_retracted_turn_is_one() -> None:
    """It grew before it was answered."""
    told = of(named("a_caller_who_goes_on_is_not_answered_in_between"))
    assert sum(value for name, value in told.items() if "turns_total retracted" in name) == 1


def test_a_provider_that_takes_over_is_counted_with_what_went_wrong() -> None:
    lines = simulate(named("another_voice_says_what_the_first_could_not")).lines
    told = counted(lines)
    assert told["takeovers_total voice second"] == 1
    assert told["troubles_total voice_failed"] == 1


def test_tools_and_tokens_are_counted() -> None:
    """A tool by its name, if it is one: a model can ask for what there is not. The tokens
    of all replies that were composed."""
    lines = simulate(PLAIN).lines
    composed = [
        line.note
        for line in lines
        if isinstance(line, Note) and isinstance(line.note, notes.ReplyComposed)
    ]
    settled = events.ToolSettled(
        at_ms=1.0,
        reply=1,
        call_id="1",
        tool="look_up",
        arguments="{}",
        result="{}",
        outcome="failed",
        changes=False,
    )
    made_up = msgspec.structs.replace(settled, tool="what the caller said")
    told = counted(
        [
            *lines[:-1],
            Note(note=notes.ToolStarted(at_ms=1.0, reply=1, tool="look_up")),
            Event(seq=1, by="", event=settled),
            Event(seq=2, by="", event=made_up),
            lines[-1],
        ]
    )
    assert told["tools_total look_up failed"] == 1
    assert told[f"tools_total {OTHER} failed"] == 1
    out = [value for name, value in told.items() if name.startswith("tokens_total")]
    assert sum(out) == sum(note.tokens_in + note.tokens_out for note in composed) > 0


def test_what_was_dropped_is_counted() -> None:
    """Sound that was not transcribed, and what effects said that were over."""
    frames = notes.FramesDropped(at_ms=1.0, count=7)
    late = notes.EventDropped(at_ms=1.0, event="transcript", effect="transcribe")
    lines = simulate(PLAIN).lines
    told = counted([*lines[:-1], Note(note=frames), Note(note=late), lines[-1]])
    before = counted(lines)
    assert told["frames_dropped_total"] == 7
    assert told["events_dropped_total"] == before.get("events_dropped_total", 0) + 1


def test_labels_that_others_make_up_are_limited() -> None:
    """Those that come first keep their names."""
    names = Names()
    shown = {names.add(f"model {number}") for number in range(10 * NAMES_MOST)}
    assert len(shown) == NAMES_MOST + 1
    assert OTHER in shown
    assert names.known("model 0") == "model 0"
