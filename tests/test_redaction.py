"""Long numbers in what is kept: found however they were said, and the journal still replays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.chart import default_chart_path, load_chart
from engine.journal import AnyLine
from engine.redaction import Redactor, redacted, redacted_journal
from engine.replay import replay
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.vocabulary import VOCABULARY


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("call +1 (555) 123-4567 now", "call +0 (000) 000-0000 now"),
        ("it is 555.123.4567.", "it is 000.000.0000."),
        ("my card is 4111 1111 1111 1111, thanks", "my card is 0000 0000 0000 0000, thanks"),
        (
            "five five five, one two three four five six seven",
            "zero zero zero, zero zero zero zero zero zero zero",
        ),
        ("Five double two oh nineteen twenty one", "zero double zero zero ten twenty one"),
        ("it's 555 twelve 34", "it's 000 ten 00"),
    ],
)
def test_long_numbers_are_made_unreadable(said: str, kept: str) -> None:
    """Written, spoken or half and half; what stands between stays, and twice changes nothing."""
    assert redacted(said) == kept
    assert redacted(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        "order 29340 for 2:30 pm",
        "two nine three four zero",
        "on 2026-11-21 at ten",
        "4111 1111 1111 1112 2",  # 17 digits that do not check: no card, and too long to dial
        "I had one or two, no one else",
        "a1234567b",
        "",
    ],
)
def test_other_numbers_stay(said: str) -> None:
    """Orders, times, dates, prices: what a call is about."""
    assert redacted(said) == said


def test_a_part_of_a_number_is_hidden_too() -> None:
    """A transcript has the number's beginning before it has all of it."""
    redactor = Redactor(["my number is 555 123 4567"])
    assert redactor.text("my number is 555 1") == "my number is 000 0"
    assert redactor.text("my number is 55") == "my number is 55"
    assert redactor.text("room 908") == "room 908"


def test_what_was_keyed_is_hidden_wherever_it_is_said() -> None:
    """Also where it is short: a PIN."""
    redactor = Redactor([], ["2934"])
    assert redactor.text("you keyed two nine three four") == "you keyed zero zero zero zero"
    assert redactor.json('{"pin":2934,"room":12}') == '{"pin":"0000","room":12}'
    assert redactor.json('{"room": 12}') == '{"room": 12}'


NUMBER = "my number is five five five one two three four five six seven"
SCENARIO = Scenario(
    says="",
    caller=[
        Act(at=2.0, say=NUMBER),
        *(Act(at=14.0 + at * 0.3, press=key) for at, key in enumerate("29340#")),
    ],
    answers=[
        Answer(says="I have 555 123 4567, is that right?"),
        Answer(says="Parcel 29340 is on its way."),
    ],
    ends_at=24.0,
)


def test_a_journal_keeps_no_number_and_replays_as_before() -> None:
    """Transcripts as they grew, clauses, what was heard, keys, the history: nothing of it is left,
    and the chart takes the same transitions."""
    journal = simulate(SCENARIO).journal
    before = b"\n".join(journal)
    assert all(text in before for text in (b"29340", b"five five five one", b"555 123 4567"))
    hidden = redacted_journal(journal)
    after = b"\n".join(hidden[1:])
    for text in (b"29340", b"five five", b"four five six", b"555", b"123 4567"):
        assert text not in after, text
    keys = [line for line in hidden if b'"dtmf"' in line]
    assert len(keys) == 6
    assert not any(b'"digit":"%d"' % digit in line for line in keys for digit in range(1, 10))

    lines: list[AnyLine] = [msgspec.json.decode(line, type=AnyLine) for line in hidden]
    outcome = replay(lines, load_chart(default_chart_path(), VOCABULARY))
    assert outcome.difference is None
    assert outcome.events > 20
    assert redacted_journal(hidden) == hidden


def test_a_line_that_cannot_be_read_is_left_out() -> None:
    """It may say anything."""
    journal = simulate(SCENARIO).journal
    assert redacted_journal([*journal, b'{"line":"no']) == redacted_journal(journal)


NUMBERED = [
    "a_barge_in_stops_the_agent",
    "a_caller_is_heard_through_the_echo_of_the_agent",
    "a_caller_who_was_cut_off_gets_more_patience",
    "a_final_transcript_that_says_more_reopens_the_turn",
    "a_number_is_dialled_and_ended_with_hash",
    "what_was_heard_is_kept_as_it_was_written",
]


@pytest.mark.parametrize("name", NUMBERED)
def test_whatever_is_hidden_the_call_takes_the_same_way(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros in as many words: also if every number of a call were to go."""
    monkeypatch.setattr("engine.redaction.TELEPHONE_DIGITS", range(1, 100))
    path = Path(__file__).parent / "scenarios" / f"{name}.yaml"
    journal = simulate(load_scenario(path)).journal
    hidden = redacted_journal(journal)
    assert b"\n".join(hidden[1:]) != b"\n".join(journal[1:])
    lines: list[AnyLine] = [msgspec.json.decode(line, type=AnyLine) for line in hidden]
    assert replay(lines, load_chart(default_chart_path(), VOCABULARY)).difference is None
