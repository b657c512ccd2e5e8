"""Each injection is the cause of an event: what follows is the engine's own doing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest

from engine.errors import ConfigError
from engine.fuzzing.moments import Moments, Seen
from engine.simulation.injections import ANY_TOOL, CAUSES, UNCAUSED, Cause
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Act, Injection, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.trace import Trace
from engine.simulation.world import simulate
from states import events
from states.events import EVENTS, RAISED
from tests.laws_kit import PLAIN

SCENARIOS = Path(__file__).parent / "scenarios"
STORIES = (
    "hanging_up_while_being_put_through",
    "a_caller_is_put_through_after_the_announcement",
    "a_side_effect_that_ends_after_the_caller_went_on_does_not_end_the_call",
    "a_request_to_wait_has_no_side_effects",
    "a_short_protected_greeting_is_answered_after_its_end",
    "a_number_is_dialled_and_ended_with_hash",
    "a_word_that_is_understood_late_is_answered",
    "a_turn_detector_that_is_slow_costs_only_time",
    "a_noise_over_the_goodbye_does_not_keep_the_call_open",
    "a_machine_that_goes_on_does_not_stop_the_message",
    "a_cough_while_the_agent_thinks_loses_nothing",
    "a_draft_that_fails_costs_nothing",
    "recognition_that_is_back_too_late_asks_again",
)
"""Calls in which every timer runs and everybody serves."""

SOON_MS = 2500.0


@cache
def recorded(story: str) -> tuple[Scenario, Trace, list[Seen]]:
    """An undisturbed call."""
    scenario, moments = load_scenario(SCENARIOS / f"{story}.yaml"), Moments()
    trace = simulate(scenario, watch=moments)
    return scenario, trace, moments.seen


def inject(scenario: Scenario, step: int, cause: Cause) -> Trace:
    """The call with one injection."""
    injection = Injection(step=step, does=cause[0], what=cause[1])
    return simulate(msgspec.structs.replace(scenario, injections=[injection]))


def times(trace: Trace, event: str) -> set[float]:
    """When an event happened (ms)."""
    return {line.event.at_ms for line in trace.events() if line.event.name == event}


def fits(cause: Cause, wanted: Cause) -> bool:
    return cause == wanted or (wanted[1] == ANY_TOOL and cause[1].startswith(ANY_TOOL))


def brings_about(story: str, event: str, wanted: Cause) -> bool:
    """Whether an injection makes an event happen, soon after it, when else it would not."""
    scenario, usual, seen = recorded(story)
    places: dict[tuple[str, ...], list[tuple[int, Cause]]] = {}
    for step, one in enumerate(seen, start=1):
        for cause in one.causes:
            if fits(cause, wanted) and one.moment.configuration:
                places.setdefault(one.moment.configuration, []).append((step, cause))
    for steps in places.values():
        for step, cause in {steps[0], steps[len(steps) // 2], steps[-1]}:
            trace = inject(scenario, step, cause)
            news = times(trace, event) - times(usual, event)
            at_ms = trace.injected[0][0] if trace.injected else float("inf")
            if any(at_ms <= time_ms <= at_ms + SOON_MS for time_ms in news):
                return True
    return False


@pytest.mark.parametrize(("event", "cause"), CAUSES.items(), ids=CAUSES)
def test_an_injection_causes_each_event_that_comes_from_outside(event: str, cause: Cause) -> None:
    """In some call, the event follows the injection, at a time at which it would not else."""
    assert any(brings_about(story, event, cause) for story in STORIES)


def test_every_event_has_a_cause_or_a_reason_why_not() -> None:
    """Raised by the chart, caused by an injection, or listed with a reason; never twice."""
    kinds = [*RAISED, *CAUSES, *UNCAUSED]
    assert sorted(kinds) == sorted(EVENTS)


@pytest.mark.parametrize("does", ["fire", "lost", "stall", "finish"])
def test_what_finds_nothing_to_act_upon_does_nothing(does: str) -> None:
    """No such timer runs, nobody serves so: the call is as if nothing had been injected."""
    usual = simulate(PLAIN)
    for what in ("hold_timer", "tool:look", "barge_in_timer"):
        trace = inject(PLAIN, 40, (does, what))  # type: ignore[arg-type]
        assert trace.injected == []
        assert trace.journal == usual.journal


def test_what_is_said_out_of_script_is_heard_understood_and_answered() -> None:
    """The laws know of the voice, and the recogniser of the words."""
    silent = msgspec.structs.replace(PLAIN, caller=[])
    trace = inject(silent, 30, ("say", "where is my parcel"))
    ((at_ms, _),) = trace.injected
    (voiced,) = trace.voiced
    assert voiced.words == "where is my parcel"
    assert voiced.from_ms == pytest.approx(at_ms, abs=0.1)
    assert voiced.to_ms == pytest.approx(at_ms + 1200, abs=0.1)
    assert trace.end is not None
    assert "where is my parcel" in [line.text for line in trace.end.history]
    assert check_laws(trace) == []


def test_what_is_said_out_of_script_is_understood_when_it_is_said() -> None:
    """Before what the script says later, although both are one stretch of speech."""
    scripted = msgspec.structs.replace(PLAIN, caller=[Act(at=0.42, say="where is my parcel")])
    trace = inject(scripted, 3, ("say", "yeah"))
    heard = [line.event for line in trace.events() if isinstance(line.event, events.Transcript)]
    assert "yeah where is my parcel" in [transcript.text for transcript in heard]
    assert check_laws(trace) == []


def test_a_sound_begins_within_a_frame_of_its_injection() -> None:
    """In silence the carrier's frames are long; the one that is being filled is cut short."""
    silent = msgspec.structs.replace(PLAIN, caller=[])
    for step in range(10, 60, 5):
        trace = inject(silent, step, ("sound", "0.5"))
        ((at_ms, _),) = trace.injected
        (first, *_) = times(trace, "speech_started")
        assert at_ms < first <= at_ms + 20 + trace_onset_ms(trace)


def trace_onset_ms(trace: Trace) -> float:
    """How long the ears need to be sure."""
    windows = -(-trace.scenario.settings.onset_ms // 32)
    return (windows + 1) * 32 + trace.scenario.wire.frame_ms


def test_two_injections_at_one_step_both_happen() -> None:
    """In the order in which the scenario has them."""
    both = [Injection(step=60, does="press", what="4"), Injection(step=60, does="press", what="2")]
    trace = simulate(msgspec.structs.replace(PLAIN, injections=both))
    assert [injection.what for _, injection in trace.injected] == ["4", "2"]


@pytest.mark.parametrize("fault", ["timeout", "refused", "lost"])
def test_a_provider_that_serves_fails_wherever_it_is(fault: str) -> None:
    """The language model's fault is the engine's to put up with: nobody breaks a law."""
    scenario = msgspec.structs.replace(PLAIN, caller=[Act(at=1.0, say="hello", during=0.5)])
    moments = Moments()
    simulate(scenario, watch=moments)
    steps = [step for step, one in enumerate(moments.seen, 1) if (fault, "mind") in one.causes]
    assert steps
    for step in steps[:: max(1, len(steps) // 6)]:
        trace = inject(scenario, step, (fault, "mind"))  # type: ignore[arg-type]
        assert trace.injected
        assert check_laws(trace) == []


def test_a_bug_in_a_provider_ends_the_call_and_breaks_no_law() -> None:
    """It ends loudly, and in order."""
    moments = Moments()
    simulate(PLAIN, watch=moments)
    step = next(step for step, one in enumerate(moments.seen, 1) if ("bug", "mind") in one.causes)
    trace = inject(PLAIN, step, ("bug", "mind"))
    assert trace.outcome is not None
    assert not trace.outcome.completed
    assert check_laws(trace) == []


def test_a_voice_that_ends_before_it_has_said_everything_has_failed() -> None:
    """The caller is told, instead of hearing half a sentence as if it were whole."""
    moments = Moments()
    simulate(PLAIN, watch=moments)
    steps = [
        step
        for step, one in enumerate(moments.seen, 1)
        if one.moment.point.startswith("effects/stage.py")
    ]
    broken = 0
    for step in steps:
        trace = inject(PLAIN, step, ("finish", "voice"))
        failed = [
            line.event for line in trace.events() if isinstance(line.event, events.VoiceFailed)
        ]
        broken += bool(failed)
        assert check_laws(trace) == []
    assert broken


def test_a_line_that_is_replaced_as_it_begins_is_not_taken_for_the_next() -> None:
    """The reply fails, and is late in the next moment: one apology takes the other's place. The
    first does not begin to sound any more, and the second is what is remembered."""
    scenario = load_scenario(
        SCENARIOS / "a_tool_that_is_asked_for_wrongly_again_is_an_apology.yaml"
    )
    moments = Moments()
    simulate(scenario, watch=moments)
    steps = [
        step
        for step, one in enumerate(moments.seen, 1)
        if ("fire", "reply_timer") in one.causes and "reciting" in one.moment.configuration
    ]
    replaced = 0
    for step in steps:
        trace = inject(scenario, step, ("fire", "reply_timer"))
        replaced += bool(times(trace, "reply_late"))
        assert check_laws(trace) == []
        assert trace.end is not None
        assert trace.end.history[-1].text == "Sorry, say that again?"
    assert replaced


@pytest.mark.parametrize(
    "wrong",
    ["{step: 3, does: press}", "{step: 3, does: sound, what: loud}", "{step: 3, does: fly}"],
)
def test_an_injection_that_says_too_little_is_an_error_in_the_file(
    wrong: str, tmp_path: Path
) -> None:
    """It is found when the scenario is read, not in the middle of the call."""
    path = tmp_path / "wrong.yaml"
    path.write_text(f"says: x\ninjections: [{wrong}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"wrong\.yaml: not a scenario: .*injections"):
        load_scenario(path)
