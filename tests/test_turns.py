"""Turn records: derived from the journal alone."""

from __future__ import annotations

from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Recognition,
    Scenario,
    ScriptedTool,
    Spare,
    Voice,
)
from engine.simulation.world import simulate
from engine.turns import TurnRecord, Turns
from states.settings import Settings

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


def test_the_tokens_of_a_reply_that_was_heard_are_not_wasted() -> None:
    """Two turns without a draft that came to nothing waste nothing."""
    records = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="parcel", during=0.5), Act(at=10, say="stop", during=0.5)],
            recognition=Recognition(partials=False),
            answers=ANSWERS,
            ends_at=20,
        )
    )
    assert [turn.outcome for turn in records] == ["completed", "completed"]
    assert [turn.tokens_wasted for turn in records] == [0, 0]


def test_tokens_are_counted_as_wasted_when_the_caller_hangs_up_before_the_reply() -> None:
    """What was paid for and never heard is counted, although no other turn follows."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="parcel", during=0.5), Act(at=4, hang_up=True)],
            recognition=Recognition(partials=False),
            answers=[Answer(says="Two words.")],
            voice=Voice(first_byte=3),
        )
    )
    assert turn.outcome == "cut off"
    assert turn.tokens_wasted == 2


def test_the_rounds_of_a_reply_with_tools_are_paid_together() -> None:
    """Asking for the tool costs tokens as well as the answer."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="parcel", during=0.5)],
            recognition=Recognition(partials=False),
            answers=[Answer(says="Two words.", asks=Asks(tool="look"))],
            tools=[ScriptedTool(name="look")],
            ends_at=10,
        )
    )
    assert (turn.reply.tokens_in, turn.reply.tokens_out) == (20, 3)


def test_a_reply_that_broke_off_is_a_failed_turn() -> None:
    """What there was of it was heard to its end, but it is no answer."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is my parcel")],
            answers=[Answer(says=LONG, word_every=0.1, fault="lost", fault_after_words=12)],
            ends_at=15,
        )
    )
    assert turn.outcome == "failed"
    assert turn.heard
    assert turn.ended_ms is not None


def test_a_turn_that_is_put_through_without_a_word_is_completed() -> None:
    """The caller got what they wanted."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="sales please")],
            answers=[Answer(says="", asks=Asks(tool="connect"))],
            tools=[ScriptedTool(name="connect", changes=True, transfers_to="sales")],
        )
    )
    assert turn.outcome == "completed"


def test_a_turn_that_ends_in_noise_is_measured_from_its_words() -> None:
    """Where voice activity goes on for something else, the speech before would be too early."""
    noise = [Act(at=8.7, sound=True, during=6.0)]
    first, second = turns_of(
        Scenario(
            says="",
            caller=[Act(at=2, say="stop", during=0.5), Act(at=8, say="parcel", during=0.7), *noise],
            recognition=Recognition(endpoint_after=0.3),
            answers=ANSWERS,
            ends_at=20,
        )
    )
    assert first.voice_ended_ms < 3000
    assert second.endpoint == "stt_endpoint"
    assert second.voice_ended_ms > 8000


# --- who served it --------------------------------------------------------------------------

PARCEL = [Act(at=2, say="where is my parcel")]


def test_a_turn_says_who_served_it() -> None:
    """The recogniser, the language model and the voice, each at its steps of the waterfall, which
    add up to the latency as the stages do."""
    (turn,) = turns_of(Scenario(says="", caller=PARCEL, answers=ANSWERS, ends_at=20))
    assert (turn.recogniser, turn.reply.mind, turn.reply.voice) == ("first", "first", "first")
    by = {step.name: step.by for step in turn.waterfall}
    assert by == {
        "transcript": "first",
        "endpoint": "semantic",
        "first token": "first",
        "first clause": "first",
        "voice": "first",
        "playout": "",
    }
    assert turn.latency_ms is not None
    assert round(sum(step.took_ms for step in turn.waterfall), 1) == round(turn.latency_ms, 1)
    assert turn.waterfall[-1].done_ms == turn.latency_ms
    assert turn.takeovers == []


def test_a_mind_that_takes_over_is_in_the_record_with_the_reason() -> None:
    """The turn it happened in says who failed and why; it and those after it name the other."""
    first, second = turns_of(
        Scenario(
            says="",
            caller=[*PARCEL, Act(at=15, say="and the other one")],
            answers=[Answer(stalls=True)],
            spare=Spare(answers=[Answer(says=LONG)]),
            settings=Settings(acknowledge_ms=8000),
            ends_at=30,
        )
    )
    (takeover,) = first.takeovers
    assert (takeover.port, takeover.failed, takeover.instead) == ("mind", "first", "second")
    assert "silent" in takeover.reason
    assert (first.reply.mind, second.reply.mind) == ("second", "second")
    assert (first.outcome, second.takeovers) == ("completed", [])


def test_a_turn_whose_voice_was_replaced_is_completed() -> None:
    """It was heard to its end, in the other voice: nothing of it is missing."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=PARCEL,
            answers=ANSWERS,
            voice=Voice(fault="refused"),
            spare=Spare(voice=Voice()),
            ends_at=20,
        )
    )
    assert (turn.outcome, turn.heard) == ("completed", LONG)
    (takeover,) = turn.takeovers
    assert (takeover.port, takeover.failed, takeover.instead) == ("voice", "first", "second")
    assert turn.reply.voice == "second"


def test_a_recogniser_that_is_lost_before_the_turn_is_in_the_turn_it_heard() -> None:
    """What took over between two turns belongs to the one that follows."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=PARCEL,
            recognition=Recognition(fault="lost", fault_at=2.5),
            spare=Spare(recognition=Recognition()),
            answers=ANSWERS,
            ends_at=20,
        )
    )
    assert [one.port for one in turn.takeovers] == ["recogniser"]
    assert turn.recogniser == "second"


def test_the_mind_that_a_hedge_was_won_by_is_named() -> None:
    """Whoever begins first answers; that another was asked as well is counted, and is no draft of
    its own."""
    (turn,) = turns_of(
        Scenario(
            says="",
            caller=PARCEL,
            recognition=Recognition(partials=False),
            answers=[Answer(first_token=2, says="Too late.")],
            spare=Spare(answers=ANSWERS),
            settings=Settings(mind_hedge_ms=300),
            ends_at=20,
        )
    )
    assert (turn.reply.mind, turn.reply.hedges) == ("second", 1)
    assert (turn.drafts, turn.takeovers) == (1, [])
