"""What the caller says, as sound: recordings as they are, texts spoken by the embedded voice.

Every utterance begins and ends with speech: silence around it is cut off, so that its end on the
telephone is the end of what the caller says.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from adapters.carriers.whole_frames import FRAME_MS
from adapters.embedded.text_to_speech import JoeVoice, Model
from adapters.twilio.script import KEY_EVERY_MS
from adapters.twilio.wav import UnusableWav, read_caller_wav
from effects.spoken import spoken as in_words
from engine.errors import ConfigError
from engine.evaluation import sound
from engine.evaluation.dialogue import Dialogue, DialogueFile, Speech, Step, kind_of, pieces

BACKGROUND_S = 10.0
"""Noise on the line comes round after so long."""

CROWD = (
    "We were going to the lake on Sunday, but then it began to rain and we stayed at home.",
    "Have you seen the new shop on the corner? They sell bread and flowers and newspapers.",
    "He told me about the train that was late again, and how long they had to wait for it.",
    "My sister works there, she says that it is much better since they moved to the city.",
    "And then the dog ran across the garden with both of the shoes, and nobody could catch it.",
    "I would take the other road if I were you, there is less traffic there in the morning.",
)
"""What the people in the babble say."""
_CROWD_PITCHES = (0.85, 1.0, 1.15, 0.92, 1.08, 1.25)


@dataclass(frozen=True, slots=True)
class Sounds:
    """The sounds of one dialogue: one a step (empty for steps without sound), and what is heard
    on the line all the time."""

    steps: tuple[bytes, ...]
    background: bytes = b""


def needs_voice(dialogue: Dialogue) -> bool:
    """Whether the embedded voice has something to say in it."""
    babble = dialogue.noise is not None and dialogue.noise.kind == "babble"
    return babble or any(isinstance(step, Step) and speech_of(step).say for step in dialogue.steps)


def speech_of(step: Step) -> Speech:
    """What is said in a step, whichever kind it is of; of nothing, if nothing is."""
    return step.interrupt or step.backchannel or step


def callers_voice(name: str) -> Model:
    """The embedded voice, which says a text in another way each time. A dialogue's name decides
    the ways, so that it sounds alike in every run, whatever dialogues are beside it. Blocks for
    about 1.5 s. Raises :class:`effects.ports.ProviderRefused`."""
    onnxruntime.set_seed(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    return JoeVoice()


def sounds_of(file: DialogueFile, voice: Model | None) -> Sounds:
    """Make all sounds of a dialogue. Blocks while the voice computes, up to a second for each
    sentence. Raises :class:`ConfigError` that names the file and the step."""
    dialogue = file.dialogue
    steps = []
    for number, step in enumerate(dialogue.steps, 1):
        try:
            steps.append(_step(step, number, file.path.parent, dialogue, voice))
        except UnusableWav as error:
            raise ConfigError(f"{file.path}: step {number}: wav: {error}") from error
        except ValueError as error:
            raise ConfigError(f"{file.path}: step {number}: {error}") from error
    return Sounds(tuple(steps), _background(dialogue, steps, voice))


def _step(
    step: str | Step, number: int, folder: Path, dialogue: Dialogue, voice: Model | None
) -> bytes:
    if isinstance(step, str) or step.hang_up is not None:
        return b""
    if step.press:
        length_ms = KEY_EVERY_MS * (len(step.press) - 1) + FRAME_MS
        return sound.silence(length_ms / 1000)
    if step.cough is not None:
        return sound.cough(step.cough.length, seed=number)
    speech = speech_of(step)
    if speech.wav:
        recorded = sound.cut_to_speech(read_caller_wav(folder / speech.wav))
        if not recorded:
            raise ValueError(f"wav: {folder / speech.wav}: there is only silence in it")
        return recorded
    assert voice is not None, "dialogues with texts need a voice"
    return spoken(voice, speech.say, dialogue.pitch)


def spoken(voice: Model, text: str, pitch: float = 1.0) -> bytes:
    """A text with its pauses in the embedded voice. Before a pause it is spoken as unfinished.
    Raises ValueError for words that the voice has no sound for."""
    parts, audio = pieces(text), b""
    for number, part in enumerate(parts):
        if isinstance(part, float):
            audio += sound.silence(part)
            continue
        goes_on = number < len(parts) - 1 and part[-1].isalnum()
        said_as = in_words(f"{part}," if goes_on else part)
        said = sound.cut_to_speech(b"".join(voice.say(said_as)))
        if not said:
            raise ValueError(f"say: there is nothing to be heard of '{part}'")
        audio += sound.pitched(said, pitch)
    return audio


def _background(dialogue: Dialogue, steps: Sequence[bytes], voice: Model | None) -> bytes:
    noise = dialogue.noise
    if noise is None:
        return b""
    said = b"".join(
        audio
        for audio, step in zip(steps, dialogue.steps, strict=True)
        if isinstance(step, Step) and kind_of(step) in ("say", "wav", "interrupt", "backchannel")
    )
    rms = sound.level(said) / 10 ** (noise.snr / 20)
    if noise.kind == "white":
        return sound.white(BACKGROUND_S, rms, noise.seed)
    assert voice is not None, "babble needs a voice"
    crowd = [
        sound.pitched(b"".join(voice.say(text)), pitch)
        for text, pitch in zip(CROWD, _CROWD_PITCHES, strict=True)
    ]
    return sound.babble(crowd, BACKGROUND_S, rms, noise.seed)
