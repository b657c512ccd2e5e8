"""A turn's latency as a person is shown it."""

from __future__ import annotations

import io

from rich.console import Console

from engine.turns import Milestones, Takeover, TurnRecord
from engine.waterfall import feeling, print_waterfalls, waterfall


def a_turn() -> TurnRecord:
    """Answered 900 ms after the caller's last sound, which was at 2000 ms."""
    return TurnRecord(
        number=2,
        words="two nine three four zero",
        endpoint="semantic",
        committed_ms=2300,
        voice_ended_ms=2000,
        transcript_final_ms=2200,
        outcome="completed",
        reply=Milestones(
            first_token_ms=2500,
            first_clause_ms=2600,
            first_speech_ms=2890,
            first_clause_sent_ms=2900,
            tokens_in=800,
            tokens_cached=640,
            tokens_out=21,
            mind="openai",
            model="a-model",
            request_id="req_1",
            voice="elevenlabs",
        ),
        audio_started_ms=2900,
        tokens_wasted=12,
        recogniser="deepgram",
    )


def test_each_step_has_its_time_and_who_took_it() -> None:
    """One line a step, then the sum against how people feel it, then what it cost."""
    title, *steps, total, cost = waterfall(a_turn())
    assert "900 ms, slow, completed" in title
    assert [line.split("ms")[0].split() for line in steps] == [
        ["transcript", "deepgram", "200"],
        ["endpoint", "semantic", "100"],
        ["first", "token", "openai", "200"],
        ["first", "clause", "openai", "100"],
        ["voice", "elevenlabs", "290"],
        ["playout", "10"],
    ]
    assert total.split()[:3] == ["total", "900", "ms"]
    assert "500/800/1500" in total
    assert "openai a-model: 800 tokens in (640 cached), 21 out, 12 wasted" in cost
    assert "request req_1" in cost


def test_the_bars_follow_on_each_other() -> None:
    """Each begins where the one before it ends, on one scale."""
    turn = a_turn()
    bars = [line.split("[dim]")[1] for line in waterfall(turn) if "█" in line]
    ends = [bar.rindex("█") for bar in bars]
    begins = [bar.index("█") for bar in bars]
    assert len(bars) == 6
    assert all(begin == end + 1 for begin, end in zip(begins[1:], ends, strict=False))


def test_a_turn_that_was_never_answered_has_no_steps() -> None:
    """There is nothing to measure; what it cost is still told."""
    turn = a_turn()
    turn.audio_started_ms, turn.outcome = None, "retracted"
    title, cost = waterfall(turn)
    assert "retracted, no sound" in title
    assert "12 wasted" in cost


def test_an_acknowledgement_is_not_taken_for_the_answer() -> None:
    """The latency is that of the first sound; when the answer came is said beside it."""
    turn = a_turn()
    turn.audio_started_ms = 2400
    lines = list(waterfall(turn))
    assert "400 ms, natural" in lines[0]
    assert "the answer itself after 900 ms" in "".join(lines)


def test_who_took_over_is_told_with_the_reason() -> None:
    """In the turn it happened in. What a vendor says is printed as it is, brackets and all."""
    turn = a_turn()
    turn.takeovers = [Takeover(2100, "voice", "elevenlabs", "cartesia", "it broke off [reset]")]
    printed = io.StringIO()
    print_waterfalls(Console(file=printed, width=200), [turn])
    told = "cartesia took over from elevenlabs (voice): it broke off [reset]"
    assert printed.getvalue().splitlines()[-1].strip() == told


def test_what_people_feel() -> None:
    """The limits belong to the better side."""
    felt = [feeling(ms) for ms in (500, 501, 800, 801, 1500, 1501)]
    assert felt == ["natural", "acceptable", "acceptable", "slow", "slow", "broken"]
