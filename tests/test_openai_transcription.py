"""Transcription over real sockets: an utterance goes as a WAV file, words and doubts come back."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray
from openai.types.audio import Transcription, TranscriptionVerbose
from pydantic import SecretStr

from adapters.openai.settings import TranscriptionSettings
from adapters.openai.transcription import (
    OpenAiTranscriber,
    Transcribed,
    fields,
    transcribed,
    wav,
)
from effects.ports import (
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
)
from states import mulaw
from tests.openai_kit import KEY, cancelled_at
from tests.sockets_kit import until
from tests.twins.openai import OpenAiTwin
from tests.twins.openai_audio import Utterance, transcription
from tests.twins.server import Faults, open_twin

UTTERANCE = mulaw.from_pcm16(
    (8000 * np.sin(np.arange(4000) * 2 * np.pi * 300 / 8000)).astype(np.int16)
)
"""Half a second of a tone."""


class Ears:
    """Remembers what was heard."""

    def __init__(self, words: str = "Where is my parcel?") -> None:
        self.words = words
        self.heard: list[tuple[NDArray[np.int16], int]] = []

    async def __call__(self, samples: NDArray[np.int16], rate_hz: int) -> str:
        self.heard.append((samples, rate_hz))
        return self.words


@asynccontextmanager
async def desk(
    ears: Ears | None = None, **settings: object
) -> AsyncIterator[tuple[OpenAiTwin, OpenAiTranscriber]]:
    """The twin and a transcriber; afterwards no connection is left."""
    async with open_twin(OpenAiTwin(ears=ears or Ears())) as twin:
        chosen = TranscriptionSettings(base_url=twin.base_url, ready=0, **settings)  # type: ignore[arg-type]
        async with OpenAiTranscriber(SecretStr(KEY), chosen) as transcriber:
            yield twin, transcriber
        gc.collect()
        await until(lambda: twin.connections == 0)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
async def test_an_utterance_becomes_words(rate_hz: int) -> None:
    """The server hears what the caller said, at the rate that it wants."""
    ears = Ears()
    async with desk(ears, sample_rate_hz=rate_hz) as (_, transcriber):
        words = await transcriber.transcribe(UTTERANCE)
    assert words == Transcribed("Where is my parcel?", no_speech=0.02, avg_logprob=-0.25)
    samples, heard_hz = ears.heard[0]
    assert heard_hz == rate_hz
    assert len(samples) == rate_hz // 2
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * heard_hz / len(samples) == 300


async def test_a_model_that_cannot_say_how_sure_it_is() -> None:
    """The newer ones refuse the question; then nothing is known of it."""
    async with desk(model="gpt-4o-mini-transcribe", verbose=False) as (_, transcriber):
        assert await transcriber.transcribe(UTTERANCE) == Transcribed("Where is my parcel?", 0.0)
    async with desk(model="gpt-4o-mini-transcribe") as (_, transcriber):
        with pytest.raises(ProviderRefused, match="verbose_json' is not compatible"):
            await transcriber.transcribe(UTTERANCE)


async def test_silence_is_told_as_such() -> None:
    async with desk(Ears(" Thanks for watching!")) as (twin, transcriber):
        twin.no_speech = 0.94
        assert (await transcriber.transcribe(UTTERANCE)).no_speech == 0.94


def test_settings_are_sent_where_they_are_set() -> None:
    settings = TranscriptionSettings(language="en", prompt="Order 29340.")
    assert fields(settings) == {
        "model": "whisper-1",
        "response_format": "verbose_json",
        "language": "en",
        "prompt": "Order 29340.",
    }
    assert fields(TranscriptionSettings(verbose=False)) == {
        "model": "whisper-1",
        "response_format": "json",
    }


def test_an_utterance_holds_speech_if_one_of_its_segments_does() -> None:
    segments = [{"no_speech_prob": 0.9, "avg_logprob": -1.0}, {"no_speech_prob": 0.1}]
    answer = json.dumps({"text": " Yes. ", "segments": segments, "mood": "new"}).encode()
    assert transcribed(answer) == Transcribed("Yes.", no_speech=0.1, avg_logprob=-1.0)


def test_a_wav_file_is_no_longer_than_its_sound() -> None:
    assert len(wav(UTTERANCE, 8000)) == 44 + 2 * len(UTTERANCE)


def test_the_sdk_knows_what_the_twin_answers() -> None:
    utterance = Utterance(np.zeros(8000, np.int16), 8000, {"response_format": "verbose_json"})
    TranscriptionVerbose.model_validate(transcription(utterance, "Yes.", 0.1))
    plain = Utterance(np.zeros(8000, np.int16), 8000, {})
    Transcription.model_validate(transcription(plain, "Yes.", 0.1))


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, ProviderRefused), (429, ProviderBusy), (400, ProviderRefused), (503, ProviderLost)],
)
async def test_a_refusal_is_told_in_the_ports_words(
    status: int, error: type[ProviderError]
) -> None:
    async with desk() as (twin, transcriber):
        twin.faults = Faults(refuse=status)
        with pytest.raises(error) as raised:
            await transcriber.transcribe(UTTERANCE)
        assert type(raised.value) is error
        assert KEY not in repr(raised.value)


async def test_an_utterance_that_is_too_short() -> None:
    """OpenAI wants a tenth of a second."""
    async with desk() as (_, transcriber):
        with pytest.raises(ProviderRefused, match="audio_too_short"):
            await transcriber.transcribe(UTTERANCE[:400])


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with desk(answer_s=0.1) as (twin, transcriber):
        twin.faults = Faults(stall_s=0.5)
        with pytest.raises(ProviderTimeout, match="openai did not answer in time"):
            await transcriber.transcribe(UTTERANCE)


async def test_an_answer_that_breaks_off_is_lost() -> None:
    async with desk() as (twin, transcriber):
        twin.faults = Faults(lose_after=1)
        with pytest.raises(ProviderLost, match="broke off"):
            await transcriber.transcribe(UTTERANCE)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"words":"none"}'])
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        transcribed(answer)


async def test_cancelling_anywhere_leaves_nothing() -> None:
    async with desk() as (twin, transcriber):
        k, cancelled = 0, True
        while cancelled:
            k += 1
            cancelled = await cancelled_at(k, lambda: transcriber.transcribe(UTTERANCE))
        assert k > 5
        assert (await transcriber.transcribe(UTTERANCE)).text
        assert twin.connections <= 1
