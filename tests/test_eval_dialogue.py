"""Dialogue files: what they may say, and one clear line for what they may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from adapters.carriers.whole_frames import FRAME_BYTES
from adapters.twilio.script import AfterAgent, IntoReply
from engine.errors import ConfigError
from engine.evaluation import sound
from engine.evaluation.dialogue import Step, load_dialogue, load_dialogues, pieces, plain
from engine.evaluation.figures import load_thresholds
from engine.evaluation.plan import Planned, plan
from engine.evaluation.speech import Sounds, needs_voice, sounds_of
from states import mulaw

PARCEL = Path(__file__).parent.parent / "bench" / "dialogues" / "parcel"
TONE = b"\x10\x90"
A_LETTER = 40 * mulaw.BYTES_PER_MS


class Tones:
    """A voice: 40 ms of tone a letter, with silence around it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> Iterator[bytes]:
        self.said.append(text)
        letters = sum(map(str.isalpha, text))
        yield sound.silence(0.1)
        yield TONE * (A_LETTER * letters // 2)
        yield sound.silence(0.2)


def written(folder: Path, text: str) -> Path:
    path = folder / "call.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_that_a_caller_can_do(tmp_path: Path) -> None:
    """Every kind of step becomes an utterance at its time, marked as what it is."""
    file = load_dialogue(
        written(
            tmp_path,
            """
about: everything
pause: 0.8
steps:
  - say: ab [pause 0.5] cd
    pause: 2
  - listen
  - interrupt: {say: "stop", after: 1.0, within: 0.9}
  - backchannel: {say: yes, after: 0.8}
  - cough: {after: 0.8, for: 0.3}
  - press: 42#
  - hang_up: {after: 0.4}
""",
        )
    )
    made = plan(file.dialogue, sounds_of(file, Tones()))
    assert made.utterances == (
        Planned(1, "turn", "ab cd"),
        Planned(2, "listen"),
        Planned(3, "interruption", "stop", 0.9),
        Planned(4, "backchannel", "yes"),
        Planned(5, "cough"),
        Planned(6, "keys"),
    )
    said = made.script.utterances
    assert [utterance.when for utterance in said] == [
        AfterAgent(gap_ms=2000),
        AfterAgent(gap_ms=800),
        IntoReply(into_reply_ms=1000),
        IntoReply(into_reply_ms=800),
        IntoReply(into_reply_ms=800),
        AfterAgent(gap_ms=800),
    ]
    lengths_s = [len(utterance.mulaw) / mulaw.SAMPLE_RATE_HZ for utterance in said]
    assert lengths_s == pytest.approx([0.08 + 0.5 + 0.08, 0.02, 0.16, 0.12, 0.3, 0.24 * 2 + 0.02])
    assert [utterance.keys for utterance in said] == ["", "", "", "", "", "42#"]
    assert made.script.hang_up == IntoReply(into_reply_ms=400)


def test_a_text_before_a_pause_is_spoken_as_unfinished(tmp_path: Path) -> None:
    """So that its melody does not say that the caller is done; the silence is exactly as long
    as it was asked for."""
    file = load_dialogue(
        written(tmp_path, "about: a\nsteps:\n  - say: four two [pause 0.6] one? [pause 1] six\n")
    )
    voice = Tones()
    audio = sounds_of(file, voice).steps[0]
    assert voice.said == ["four two,", "one?", "six"]
    assert sound.silence(0.6) in audio
    assert sound.silence(1.0) in audio
    assert len(audio) == A_LETTER * (7 + 3 + 3) + len(sound.silence(1.6))


def test_values_need_no_quotes(tmp_path: Path) -> None:
    """A yes is a word, and a number keeps its leading zero."""
    file = load_dialogue(
        written(
            tmp_path,
            "about: a\nsteps:\n  - say: yes\n  - press: 0123\n"
            "expect: {orders: {01234: {delivery_day: no}}, agent_says: [12, yes]}\n",
        )
    )
    first, second = file.dialogue.steps
    assert isinstance(first, Step)
    assert isinstance(second, Step)
    assert (first.say, second.press) == ("yes", "0123")
    assert file.dialogue.expect.orders["01234"].delivery_day == "no"
    assert file.dialogue.expect.agent_says == ["12", "yes"]


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ("[]", "steps: "),
        ("[{sya: hello}]", "step 1: Object contains unknown field `sya`"),
        ("[listen, {say: a, press: 1}]", "step 2: exactly one of say"),
        ("[{pause: 1}]", "step 1: exactly one of say"),
        ("[hum]", "step 1: Invalid enum value 'hum'"),
        ("[{interrupt: {say: stop}}]", "step 1.interrupt: Object missing required field `after`"),
        ("[{interrupt: {after: 1}}]", "step 1: interrupt: say a text, or play a wav"),
        ("[{interrupt: {after: long, say: stop}}]", "step 1.interrupt.after: "),
        ("[{cough: {after: 1, for: 0}}]", "step 1.cough.for: "),
        ("[{press: 12a}]", "step 1: press: no telephone has the key 'a'"),
        ("[{say: 'four [pause] two'}]", "step 1: say: a pause is written [pause 0.6]"),
        ("[{say: '[pause 2]'}]", "step 1: say: there are no words"),
        ("[{say: a, text: b}]", "step 1: text: "),
        ("[{cough: {after: 1}, pause: 2}]", "step 1: pause: "),
        ("[hang_up, {say: a}]", "step 1: nothing can come after hang_up"),
        ("[listen]\nexpect: {tool: []}", "expect: Object contains unknown field `tool`"),
        ("[listen]\nexpect: {tools: [{a: {}, b: {}}]}", "expect.tools: "),
        ("[listen]\nexpect: {orders: {12345: {colour: red}}}", "unknown field `colour`"),
        ("[listen]\nnoise: {kind: rain, snr: 3}", "noise.kind: "),
        ("[listen", "line 3: not YAML"),
    ],
)
def test_a_dialogue_that_is_wrong(tmp_path: Path, steps: str, named: str) -> None:
    """One line names the file, the place and what is wrong there."""
    path = written(tmp_path, f"about: a\nsteps: {steps}\n")
    with pytest.raises(ConfigError) as caught:
        load_dialogue(path)
    error = str(caught.value)
    assert error.startswith(f"{path}: ")
    assert named in error
    assert "\n" not in error


def test_a_folder_without_dialogues(tmp_path: Path) -> None:
    """Nothing to measure is no success."""
    with pytest.raises(ConfigError, match="no dialogues here"):
        load_dialogues(tmp_path)
    with pytest.raises(ConfigError, match="not a folder"):
        load_dialogues(tmp_path / "none")


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    """It is looked for beside the dialogue; the line names dialogue, step and recording."""
    file = load_dialogue(written(tmp_path, "about: a\nsteps: [listen, {wav: hello.wav}]\n"))
    with pytest.raises(ConfigError) as caught:
        sounds_of(file, None)
    error = str(caught.value)
    assert error.startswith(f"{tmp_path / 'call.yaml'}: step 2: wav: {tmp_path / 'hello.wav'}: ")


def test_a_text_that_makes_no_sound(tmp_path: Path) -> None:
    """The voice may have nothing to say for a text; that is the dialogue's fault."""
    file = load_dialogue(written(tmp_path, "about: a\nsteps: [{say: '--'}]\n"))
    with pytest.raises(ConfigError, match="step 1: say: there is nothing to be heard of '--'"):
        sounds_of(file, Tones())


def test_noise_has_the_asked_distance_from_the_voice(tmp_path: Path) -> None:
    """15 dB below the speech, whatever the pauses in it, and the same for the same seed."""
    text = "about: a\nnoise: {kind: KIND, snr: 15, seed: 3}\nsteps: [{say: 'ab [pause 3] cd'}]\n"
    for kind in ("white", "babble"):
        file = load_dialogue(written(tmp_path, text.replace("KIND", kind)))
        sounds = sounds_of(file, Tones())
        voice, noise = sound.level(sounds.steps[0]), sound.level(sounds.background)
        assert voice / noise == pytest.approx(10 ** (15 / 20), rel=0.05), kind
        assert sounds_of(file, Tones()).background == sounds.background
        assert len(sounds.background) % FRAME_BYTES == 0


def test_a_pitch_makes_it_shorter(tmp_path: Path) -> None:
    """A fifth higher is a sixth shorter."""
    assert len(sound.pitched(TONE * 6000, 1.2)) == pytest.approx(10_000, abs=2)


def test_a_step_without_sound_is_no_empty_utterance(tmp_path: Path) -> None:
    """Listening takes a frame of silence, so that the telephone counts a reply as heard."""
    file = load_dialogue(written(tmp_path, "about: a\nsteps: [listen]\n"))
    assert not needs_voice(file.dialogue)
    (utterance,) = plan(file.dialogue, Sounds((b"",))).script.utterances
    assert utterance.mulaw == mulaw.SILENCE * FRAME_BYTES


def test_pieces_of_a_text() -> None:
    """Words and pauses in their order; the words alone for comparing."""
    assert pieces("[pause 1]four two [pause 0.6] one ") == [1.0, "four two", 0.6, "one"]
    assert plain("[pause 1]four two [pause 0.6] one ") == "four two one"


def test_the_dialogues_of_the_parcel_desk_can_be_read() -> None:
    """They come with the repository, each says what it tries, and there are thresholds for them."""
    dialogues = load_dialogues(PARCEL)
    assert len(dialogues) >= 10
    assert all(file.dialogue.about for file in dialogues)
    assert load_thresholds(PARCEL / "thresholds.toml").task_done_percent is not None


def test_the_manual_s_example_is_a_dialogue(tmp_path: Path) -> None:
    """What docs/evaluation.md shows can be copied, and so can its thresholds."""
    manual = (Path(__file__).parent.parent / "docs" / "evaluation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", manual, flags=re.MULTILINE)
    (example,) = [dedent(block) for block in blocks if "    about: " in block]
    assert len(load_dialogue(written(tmp_path, example)).dialogue.steps) == 5
    (limits,) = [dedent(block) for block in blocks if "latency_p50_ms = " in block]
    (tmp_path / "limits.toml").write_text(limits, encoding="utf-8")
    assert load_thresholds(tmp_path / "limits.toml").task_done_percent == 100
