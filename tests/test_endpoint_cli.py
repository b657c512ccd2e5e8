"""`antiphon endpoint`: the pauses of a recording, and what was decided at each."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.endpointing import Tally, Turn, with_pauses
from effects.prosody import Ending
from engine.cli import application
from engine.endpoint_cli import settings_with
from engine.endpointing import Stretch, decide
from engine.errors import ConfigError
from states import mulaw
from states.endpointing import Contour, Habits
from states.settings import Settings

DIGITS = "engine/demo_call/2-two-nine-three-four-zero.wav"
SETTINGS = Settings()


def stretch(
    begin_ms: float, end_ms: float, text: str, contour: Contour = "unknown", known_ms: float = 200
) -> Stretch:
    """Speech that the ears know of 64 ms after its begin, and its end 200 ms after it."""
    return Stretch(begin_ms, begin_ms + 64, end_ms, end_ms + known_ms, text, Ending(contour))


# --- deciding -------------------------------------------------------------------------------


def test_a_complete_turn_is_over() -> None:
    """As soon as its pause has lasted: the next speech is another turn."""
    first, second = decide([stretch(0, 1000, "Book a room."), stretch(4000, 5000, "Today.")])
    assert (first.outcome, first.reason) == ("over", "semantic")
    assert first.delay_ms == SETTINGS.complete_silence_ms
    assert first.pause_ms == 3000
    assert second.words == "Today."
    assert second.pause_ms is None


def test_a_fragment_waits_for_its_rest() -> None:
    """The caller goes on in time, the words become one turn, and the pause is remembered."""
    habits = Habits()
    said = [stretch(0, 1000, "My number is"), stretch(1900, 3000, "in the book.")]
    first, second = decide(said, habits=habits)
    assert (first.outcome, first.delay_ms, first.reason) == ("went_on", None, None)
    assert second.words == "My number is in the book."
    assert second.outcome == "over"
    assert habits.pauses_ms == [900]


def test_a_caller_who_goes_on_at_once_was_cut_off() -> None:
    """Before a reply could be heard, the turn is theirs again, and they are given longer."""
    habits = Habits()
    said = [stretch(0, 1000, "Book a room."), stretch(1400, 2000, "For two people.")]
    first, second = decide(said, habits=habits)
    assert first.outcome == "cut_off"
    assert second.words == "Book a room. For two people."
    assert second.delay_ms == SETTINGS.complete_silence_ms + SETTINGS.cut_off_ms
    assert habits.cut_off == 0.5  # and then they were heard out


def test_a_pause_is_not_over_before_it_is_known() -> None:
    """The ears take their time to say that speech has ended."""
    (pause,) = decide([stretch(0, 1000, "Yes.", known_ms=320)])
    assert pause.wait_ms == SETTINGS.complete_silence_ms
    assert pause.delay_ms == 320


def test_speech_without_words_ends_no_turn() -> None:
    """A cough is followed by more of the same turn."""
    first, second = decide([stretch(0, 300, ""), stretch(5000, 6000, "Hello.")])
    assert first.outcome == "no_words"
    assert second.words == "Hello."


def test_the_voice_changes_the_pause() -> None:
    """The same words: level waits for longer than falling."""
    waits = {
        contour: decide([stretch(0, 1000, "Book a room.", contour)])[0].wait_ms
        for contour in ("falling", "level")
    }
    assert waits["level"] > waits["falling"]


def test_another_policy_can_be_tried() -> None:
    """A fixed silence, for comparison."""
    (pause,) = decide([stretch(0, 1000, "Yes.")], wait=lambda judgement, habits: 500)
    assert pause.delay_ms == 500


def test_nobody_speaks() -> None:
    """Then there is no pause."""
    assert decide([]) == []


# --- settings -------------------------------------------------------------------------------


def test_settings_are_overridden() -> None:
    """The named ones, and only those."""
    settings = settings_with(["silence_ms=900", "complete_threshold=0.8"])
    assert settings == Settings(silence_ms=900, complete_threshold=0.8)
    assert settings_with([]) == Settings()


@pytest.mark.parametrize(
    "assignment", ["silence=900", "silence_ms=0", "silence_ms=soon", "silence_ms", "silence_ms=''"]
)
def test_a_wrong_setting_is_named(assignment: str) -> None:
    """Neither an unknown one nor a wrong value is taken for anything else."""
    with pytest.raises(ConfigError) as raised:
        settings_with([assignment])
    assert assignment in str(raised.value)


# --- the command ----------------------------------------------------------------------------


def test_the_pauses_of_a_recording_as_json() -> None:
    """What was asked counts: five digits are an answer to a question for five."""
    asked = "What is your five digit order number?"
    result = CliRunner().invoke(
        application("endpoint"), ["endpoint", DIGITS, "--asked", asked, "--json"]
    )
    assert result.exit_code == 0, result.output
    (recording,) = json.loads(result.stdout)
    assert recording["file"] == DIGITS
    (pause,) = recording["pauses"]
    assert pause["outcome"] == "over"
    assert pause["reason"] == "semantic"
    assert pause["completeness"] > 0.9
    assert pause["ending"]["contour"] == "falling"
    assert "zero" in pause["words"].lower()


def test_the_pauses_of_a_recording_as_a_table() -> None:
    """Each layer has its column, and a setting on the command line decides with them."""
    result = CliRunner().invoke(
        application("endpoint"),
        ["endpoint", "engine/demo_call/1-customer-support.wav", "--set", "silence_ms=777"],
    )
    assert result.exit_code == 0, result.output
    for shown in ("words", "voice", "habits", "wait", "decided", "↘", "777", "over"):
        assert shown in result.stdout


def test_a_silent_recording(tmp_path: Path) -> None:
    """It is said that nobody speaks."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(bytes(16000))
    result = CliRunner().invoke(application("endpoint"), ["endpoint", str(path)])
    assert result.exit_code == 0, result.output
    assert "nobody speaks" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["endpoint", "none.wav"], ["endpoint", DIGITS, "--set", "silence=1"]]
)
def test_wrong_usage_is_one_line(arguments: list[str]) -> None:
    """With exit code 2, before anything is loaded."""
    result = CliRunner().invoke(application("endpoint"), arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert arguments[-1] in result.stderr


# --- the benchmark --------------------------------------------------------------------------


def test_a_cut_off_is_told_from_the_end() -> None:
    """What is declared before the voice ends is a cut-off; the delay is that of the last."""
    turn = Turn(begin_ms=0, voice_ends_ms=2950, end_ms=6000, asked="")
    total = Tally()
    said = [stretch(0, 1000, "Book a room."), stretch(2000, 3000, "With a view.")]
    total.add(turn, decide(said))
    assert (total.pauses, total.cut_offs, total.turns_cut) == (1, 1, 1)
    assert total.delays_ms == [3000 + SETTINGS.complete_silence_ms - 2950]
    total.add(turn, decide([stretch(0, 1000, "My number is"), stretch(1900, 3000, "in the book.")]))
    assert (total.turns, total.pauses, total.cut_offs, total.turns_cut) == (2, 2, 1, 1)


def test_pauses_are_put_between_the_words() -> None:
    """The sound stays whole; each gap becomes as much longer as was asked for."""
    sound = bytes(range(100)) * 80
    longer = with_pauses(sound, [250.0, 600.0], 300)
    assert mulaw.duration_ms(longer) == mulaw.duration_ms(sound) + 600
    assert longer[:2000] == sound[:2000]
    assert longer[2000:4400] == mulaw.SILENCE * 2400
    assert longer[-3200:] == sound[-3200:]
