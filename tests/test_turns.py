"""Turn records: derived from the journal alone."""

from __future__ import annotations

from engine.simulation.scenario import Act, Answer, Scenario, Voice
from engine.simulation.world import simulate
from engine.turns import TurnRecord, Turns

LONG = "It left Memphis this morning. It should be with you on Thursday, before noon."
ANSWERS = [Answer(to="parcel", says=LONG), Answer(to="stop", says="Of course.")]


def turns_of(scenario: Scenario) -> list[TurnRecord]:
    return Turns.of(simulate(scenario).lines).records


def test_a_plain_turn_adds_up() -> None:
    """The stages along the critical path add up to the latency."""
    (turn,) = turns_of(
        Scenario(says="", caller=[Act(at=2, say="where is my parcel")], answers=ANSWERS, ends_at=20)
    )
    assert turn.outcome == "completed"
    assert turn.words == "where is my parcel"
    assert turn.heard == LONG
    assert turn.latency_ms is not None
    assert round(sum(turn.stages.values()), 1) == round(turn.latency_ms, 1)
    assert turn.reply.chars_composed == len(LONG) - 1
    assert turn.endpoint == "semantic"


def test_an_interrupted_turn_says_when_and_what_was_heard() -> None:
    """The record holds the heard words and the moment of silence; the next turn follows."""
    first, second = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is my parcel"), Act(at=6, say="wait stop")],
            answers=ANSWERS,
            ends_at=20,
        )
    )
    assert first.outcome == "interrupted"
    assert LONG.startswith(first.heard)
    assert first.interrupted_ms is not None
    assert 6400 <= first.interrupted_ms <= 6900
    assert second.words == "wait stop"
    assert second.outcome == "completed"


def test_a_turn_that_grows_is_retracted_and_counted_with_its_waste() -> None:
    """Going on before the reply is audible retracts the turn; its draft's tokens are waste."""
    first, second = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is my parcel"), Act(at=3.65, say="the red one")],
            answers=[Answer(to="red", says="The red one is here."), Answer(says=LONG)],
            voice=Voice(first_byte=0.8),
            ends_at=20,
        )
    )
    assert first.outcome == "retracted"
    assert first.latency_ms is None
    assert second.words == "where is my parcel the red one"
    assert second.tokens_wasted > 0


def test_a_failed_reply_is_a_failed_turn() -> None:
    """An apology is not an answer."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is my parcel")],
            answers=[Answer(fault="lost")],
            ends_at=12,
        )
    )
    assert turn.outcome == "failed"


def test_a_call_that_ends_in_a_reply_cuts_the_turn_off() -> None:
    """What was heard up to the hang-up is in the record."""
    (turn,) = turns_of(
        Scenario(says="", caller=[Act(at=2, say="where is my parcel")], answers=ANSWERS, ends_at=5)
    )
    assert turn.outcome == "cut off"
    assert turn.heard
    assert LONG.startswith(turn.heard)


def test_a_dialled_turn_is_measured_from_its_last_key() -> None:
    """Latency is what the caller waits, and a caller who dials waits from the last key."""
    presses = [Act(at=2.0, press="4"), Act(at=2.5, press="2"), Act(at=3.0, press="#")]
    (turn,) = turns_of(Scenario(says="", caller=presses, ends_at=8))
    assert turn.words == "42"
    assert turn.latency_ms is not None
    assert turn.latency_ms < 500
