"""Settings of adapters that could never work are refused where they are read."""

from __future__ import annotations

import msgspec
import pytest

from adapters.cartesia.settings import CartesiaSettings
from adapters.deepgram.settings import DeepgramSettings
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.whisper.settings import EndpointSettings, WhisperSettings


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        (CartesiaSettings, "answer_s", 0.0),
        (CartesiaSettings, "connect_s", -1.0),
        (CartesiaSettings, "idle_s", 0.0),
        (CartesiaSettings, "kept_sockets", -1),
        (CartesiaSettings, "ready_sockets", -1),
        (DeepgramSettings, "connect_s", 0.0),
        (ElevenLabsSettings, "silence_s", 0.0),
        (OpenAiSettings, "connect_s", 0.0),
        (OpenAiSettings, "max_tokens", 0),
        (OpenAiSettings, "ready", -1),
        (OpenAiSettings, "temperature", 2.1),
        (TranscriptionSettings, "answer_s", 0.0),
        (TranscriptionSettings, "connect_s", 0.0),
        (TranscriptionSettings, "ready", -1),
        (WhisperSettings, "beam_size", 0),
        (WhisperSettings, "cpu_threads", 0),
        (WhisperSettings, "no_speech_probability", 1.1),
        (WhisperSettings, "threads", 0),
        (WhisperSettings, "window_ms", 0),
        (EndpointSettings, "no_speech_probability", -0.1),
        (EndpointSettings, "partial_every_ms", -1),
    ],
)
def test_a_value_out_of_bounds_is_refused(
    kind: type[msgspec.Struct], setting: str, value: float
) -> None:
    """By its name."""
    with pytest.raises(msgspec.ValidationError, match=rf"\.{setting}`"):
        msgspec.convert({setting: value}, kind)
