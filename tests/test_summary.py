"""A call in a line, and as much of a journal as can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engine.errors import JournalError
from engine.inspector.summary import CallSummary, Summary
from engine.journal import AnyLine, End, read_journal, read_what_there_is
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate

SCENARIOS = Path(__file__).parent / "scenarios"


def lines_of(scenario: str) -> list[AnyLine]:
    return list(simulate(load_scenario(SCENARIOS / f"{scenario}.yaml")).lines)


def told(lines: Sequence[AnyLine], *, live: bool = False) -> CallSummary:
    summary = Summary.of(lines).told(live=live)
    assert summary is not None
    return summary


def a_journal(path: Path, lines: Sequence[AnyLine]) -> list[bytes]:
    texts = [msgspec.json.encode(line) for line in lines]
    path.write_bytes(b"\n".join(texts) + b"\n")
    return texts


def test_a_call_that_went_well_has_no_flags() -> None:
    """It is over, nothing was interrupted, and its turn was answered in time."""
    call = told(lines_of("a_question_is_answered"))
    assert (call.outcome, call.state, call.flags) == ("completed", "", [])
    assert call.turns == len(call.latencies_ms) >= 1


def test_an_interruption_and_a_false_alarm_are_told_apart() -> None:
    """A reply that was given up counts as interrupted; one that went on, as a false alarm."""
    assert told(lines_of("an_interrupted_reply_leaves_no_tail")).flags == ["interrupted"]
    alarm = told(lines_of("a_noise_over_the_agent_is_a_false_alarm"))
    assert (alarm.flags, alarm.false_alarms, alarm.interruptions) == (["false_alarm"], 1, 0)


def test_a_turn_that_failed_is_flagged() -> None:
    """The caller heard an apology instead of an answer."""
    assert "failed" in told(lines_of("a_voice_that_fails_is_an_apology")).flags


def test_a_call_without_an_end_is_live_or_cut_off() -> None:
    """Which of the two the journal does not say; the state is that of a live call only."""
    lines = [line for line in lines_of("a_question_is_answered") if not isinstance(line, End)]
    some = lines[: len(lines) // 2]
    assert told(some, live=True).outcome == "live"
    assert told(some, live=True).state in ("listening", "thinking", "speaking")
    assert (told(some).outcome, told(some).state) == ("cut off", "")


def test_nothing_is_told_before_the_head() -> None:
    """There is no call yet."""
    assert Summary().told(live=True) is None


def test_what_can_be_read_of_a_spoilt_journal_is_read(tmp_path: Path) -> None:
    """Each line that cannot is named by its number; all others are there."""
    path, lines = tmp_path / "call.jsonl", lines_of("a_question_is_answered")
    texts = a_journal(path, lines)
    path.write_bytes(b"\n".join([*texts[:3], b"{spoilt", *texts[3:], b""]))
    reading = read_what_there_is(path)
    assert reading.lines == lines
    (trouble,) = reading.troubles
    assert trouble.startswith(f"{path}:4: not a journal line")
    assert not reading.cut_off
    with pytest.raises(JournalError, match=":4: not a journal line"):
        list(read_journal(path))


def test_a_journal_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """A last line that was not finished is left out, and the end is missing."""
    path, lines = tmp_path / "call.jsonl", lines_of("a_question_is_answered")
    texts = a_journal(path, lines)
    path.write_bytes(b"\n".join(texts[:-1]) + b"\n" + texts[-1][:20])
    reading = read_what_there_is(path)
    assert (reading.lines, reading.troubles, reading.cut_off) == (lines[:-1], [], True)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """There is nothing to show."""
    path = tmp_path / "notes.txt"
    path.write_text("what to buy\n")
    with pytest.raises(JournalError, match=r"notes\.txt:1: not a journal line"):
        read_what_there_is(path)
    with pytest.raises(JournalError, match="cannot read the journal"):
        read_what_there_is(tmp_path / "missing.jsonl")
