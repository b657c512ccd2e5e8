"""What a page gets of a call, and which laws a journal alone can tell of."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.inspector.laws import JUDGED, laws_of
from engine.inspector.peaks import STEP_MS, peaks_of, recording_beside
from engine.inspector.view import WORDS, CallView, view_of, without_words
from engine.journal import AnyLine, Effect, End, Event, Head, Note, Reading
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import default_chart, simulate
from states import events, notes
from states.agent import Agent

SCENARIOS = Path(__file__).parent / "scenarios"
ANSWERED = "a_question_is_answered"
ACTED = "a_side_effect_happens_once_although_the_turn_grows"


def lines_of(scenario: str) -> list[AnyLine]:
    return list(simulate(load_scenario(SCENARIOS / f"{scenario}.yaml")).lines)


def view(lines: Sequence[AnyLine], troubles: Sequence[str] = (), **given: Any) -> CallView:
    return view_of(Reading(list(lines), list(troubles)), default_chart(), **given)


def broken(lines: Sequence[AnyLine]) -> list[str]:
    """The laws that these lines show to be broken, but for that of the replay."""
    return [violation.law for violation in laws_of(lines, None)]


# --- the view -------------------------------------------------------------------------------


def test_a_view_is_json_with_the_lines_as_they_are_in_the_journal() -> None:
    """A page reads it as one value: call, lines, turns with their latencies, chart, laws."""
    lines = lines_of(ANSWERED)
    told = msgspec.json.decode(msgspec.json.encode(view(lines, journal=Path("calls/call.jsonl"))))
    assert told["lines"] == [msgspec.json.decode(msgspec.json.encode(line)) for line in lines]
    assert told["call"]["file"] == "call.jsonl"
    assert told["matches_chart"]
    (turn,) = told["turns"]
    assert turn["words"] == "where is my parcel"
    assert sum(step["took_ms"] for step in turn["waterfall"]) == pytest.approx(turn["latency_ms"])
    assert turn["feeling"] in ("natural", "acceptable", "slow", "broken")
    states = {state["id"]: state for state in told["chart"]["states"]}
    assert states["floor"]["parent"] == "live"
    assert states["live"]["parallel"]
    assert told["chart"]["transitions"]["0"]["event"] == "answered"


def test_another_version_of_the_chart_is_told() -> None:
    """Its transitions have other numbers, so nothing is replayed."""
    head, *rest = lines_of(ANSWERED)
    assert isinstance(head, Head)
    other = view([msgspec.structs.replace(head, chart_digest="another"), *rest])
    assert not other.matches_chart
    assert "L10" not in other.judged


def test_a_live_call_is_not_judged() -> None:
    """It may still keep its word; and it was not cut off."""
    now = view(lines_of(ANSWERED)[:30], live=True)
    assert (now.call.outcome, now.judged, now.laws, now.troubles) == ("live", [], [], [])


def test_what_is_missing_of_a_journal_is_said() -> None:
    """Its troubles, and that it was cut off; with lines missing a replay would prove nothing."""
    spoilt = view(lines_of(ANSWERED)[:30], ["call.jsonl:4: not a journal line"])
    assert spoilt.troubles[0] == "call.jsonl:4: not a journal line"
    assert "cut off" in spoilt.troubles[1]
    assert "L10" not in spoilt.judged


# --- without words --------------------------------------------------------------------------


def test_nothing_that_was_said_is_left_without_words() -> None:
    """Neither callers' words nor the agent's, in no line and no turn; how many there were is."""
    lines = lines_of("a_tool_has_words_of_its_own_for_the_wait")
    assert any(isinstance(line, Event) and line.words for line in lines)
    told = msgspec.json.encode(without_words(view(lines))).decode()
    for line in lines:
        if isinstance(line, End):
            assert all(said.text not in told for said in line.history if len(said.text) > 3)
    assert '"words":"[' in told
    assert '"text":"[' in told


def test_each_text_of_an_event_or_a_note_is_either_words_or_is_none() -> None:
    """A new field that holds what somebody said must be named among the words."""
    plain = {"reason", "instead", "call_id", "tool", "outcome", "weight", "contour", "model"}
    plain |= {"provider", "request_id", "event", "effect"}
    told = {
        field.name
        for kind in [*events.Event.__subclasses__(), *notes.Note.__subclasses__()]
        for field in msgspec.structs.fields(kind)
        if field.type is str or "Literal" in str(field.type)
    }
    assert told - plain == told & WORDS


def test_no_line_of_the_agent_is_left_without_words() -> None:
    """But its name, and those of its models."""
    texts = set(Agent.__dataclass_fields__) - {"name", "models"}
    assert texts <= WORDS


# --- sound ----------------------------------------------------------------------------------


def write_wav(path: Path, samples: np.ndarray[Any, Any]) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(samples.shape[1])
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(samples.astype("<i2").tobytes())


def test_the_peaks_are_the_lowest_and_the_highest_of_each_step(tmp_path: Path) -> None:
    """The caller's from the left side, the agent's from the right."""
    step = 8 * STEP_MS
    samples = np.zeros((3 * step, 2))
    samples[step + 5] = [0x4000, 0]
    samples[step + 9] = [-0x2000, 0]
    samples[2 * step + 1] = [0, 0x1000]
    write_wav(tmp_path / "call.wav", samples)
    sound = peaks_of(tmp_path / "call.wav")
    assert sound is not None
    assert np.frombuffer(sound.caller, np.int8).tolist() == [0, 0, -0x20, 0x40, 0, 0]
    assert np.frombuffer(sound.agent, np.int8).tolist() == [0, 0, 0, 0, 0, 0x10]


def test_a_recording_is_found_by_its_name_or_by_the_call(tmp_path: Path) -> None:
    """Beside the journal, as the demo and the evaluation name them; one of another call is not."""
    journal = tmp_path / "20260101T000000-CA1.jsonl"
    assert recording_beside(journal, "CA1") is None
    (tmp_path / "eval-other-CA2.wav").touch()
    assert recording_beside(journal, "CA1") is None
    named = tmp_path / "eval-cough-CA1.wav"
    named.touch()
    assert recording_beside(journal, "CA1") == named
    journal.with_suffix(".wav").touch()
    assert recording_beside(journal, "CA1") == journal.with_suffix(".wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all"])
def test_what_is_no_recording_is_not_drawn(tmp_path: Path, content: bytes) -> None:
    """A call is shown all the same."""
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    assert peaks_of(path) is None
    write_wav(path, np.zeros((800, 1)))
    assert peaks_of(path) is None


# --- the laws of a journal ------------------------------------------------------------------

KEEPING = [
    ANSWERED,
    ACTED,
    "an_interrupted_reply_leaves_no_tail",
    "a_noise_over_the_agent_is_a_false_alarm",
    "a_tool_has_words_of_its_own_for_the_wait",
    "a_voice_that_fails_is_an_apology",
]


@pytest.mark.parametrize("scenario", KEEPING)
def test_a_call_that_keeps_the_laws_breaks_none(scenario: str) -> None:
    """Interruptions, false alarms, tools and failures are no violations."""
    shown = view(lines_of(scenario))
    assert shown.laws == []
    assert shown.judged == list(JUDGED)


def changed(lines: Sequence[AnyLine], change: Callable[[AnyLine], AnyLine | None]) -> list[AnyLine]:
    """Each line as ``change`` has it; without those it makes None of."""
    return [line for one in lines if (line := change(one)) is not None]


def test_a_clause_of_an_earlier_reply_breaks_the_law_of_one_voice() -> None:
    """L1: it goes out when a later one has begun, or when its own was given up."""
    lines = lines_of("an_interrupted_reply_leaves_no_tail")
    late = Note(note=notes.ClauseSent(at_ms=7900, reply=1, clause=3))
    assert broken([*lines[:-1], late, lines[-1]]) == ["L1"]


def test_an_agent_that_talks_on_breaks_the_law_of_yielding() -> None:
    """L2: the caller speaks over it for seconds, and nothing stops it."""
    lines = lines_of("a_noise_over_the_agent_is_a_false_alarm")
    stubborn = changed(
        lines,
        lambda line: (
            None
            if isinstance(line, Event)
            and isinstance(line.event, events.OutputHeld | events.SpeechEnded)
            and line.event.at_ms > 3500
            else line
        ),
    )
    assert "L2" in broken(stubborn)


def test_a_turn_of_which_nothing_becomes_breaks_the_law_of_an_answer() -> None:
    """L5: it is taken up, nothing is heard, and the next is taken up."""
    lines = lines_of(ANSWERED)
    committed = next(
        line
        for line in lines
        if isinstance(line, Event) and any(name == "committed" for _, name in line.took)
    )
    at = lines.index(committed)
    assert "L5" in broken([*lines[:at], committed, *lines[at:]])


def test_a_long_silence_breaks_the_law_of_no_dead_air() -> None:
    """L6: neither side is heard for longer than settings explain."""
    lines = lines_of(ANSWERED)
    end = lines[-1]
    assert isinstance(end, End)
    later = changed(
        lines[:-1],
        lambda line: (
            None if isinstance(line, Event) and isinstance(line.event, events.HungUp) else line
        ),
    )
    assert broken([*later, msgspec.structs.replace(end, at_ms=90_000)]) == ["L6"]


def test_a_reply_given_up_for_a_noise_breaks_the_law_of_false_alarms() -> None:
    """L7: only words, a key or speech that lasts may cost the rest of a reply."""
    lines = lines_of("a_noise_over_the_agent_is_a_false_alarm")
    costly = changed(
        lines,
        lambda line: (
            msgspec.structs.replace(line, took=[*line.took, (0, "abandoned")])
            if isinstance(line, Event)
            and isinstance(line.event, events.SpeechEnded)
            and line.event.at_ms > 5000
            else line
        ),
    )
    assert "L7" in broken(costly)


def test_an_effect_without_an_end_breaks_the_law_of_clean_exits() -> None:
    """L8: the journal must say of each how it ended; and a bug that ended the call is told."""
    lines = lines_of(ANSWERED)
    ends = [line for line in lines if isinstance(line, Effect) and line.phase != "started"]
    assert broken([line for line in lines if line is not ends[-1]]) == ["L8"]
    bug = lines_of("a_bug_in_a_provider_ends_one_call_loudly")
    assert broken(bug) == ["L8"]


def test_a_side_effect_done_twice_breaks_the_law_of_once() -> None:
    """L9: twice in one turn, or not in the history."""
    lines = lines_of(ACTED)
    at, settled = next(
        (index, line)
        for index, line in enumerate(lines)
        if isinstance(line, Event) and isinstance(line.event, events.ToolSettled)
    )
    assert "L9" in broken([*lines[: at + 1], settled, *lines[at + 1 :]])
    end = lines[-1]
    assert isinstance(end, End)
    forgotten = msgspec.structs.replace(end, history=[])
    assert "L9" in broken([*lines[:-1], forgotten])


def test_a_replay_that_differs_breaks_the_law_of_the_chart() -> None:
    """L10: on the chart that the call was held on another way is taken."""
    lines = changed(
        lines_of(ANSWERED),
        lambda line: (
            msgspec.structs.replace(line, guards=[(name, not held) for name, held in line.guards])
            if isinstance(line, Event) and line.seq == 8
            else line
        ),
    )
    (violation,) = view(lines).laws
    assert violation.law == "L10"
    assert "event 8" in violation.text
