"""The words of one utterance, by OpenAI's transcription or a compatible server's.

It is no port by itself: a recogniser asks it again and again while the caller speaks. A few
hundred milliseconds of audio are a few kilobytes, so an utterance is sent whole each time.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import SecretStr

from adapters.openai.client import Client
from adapters.openai.failures import Exchange
from adapters.openai.settings import TranscriptionSettings
from states import mulaw

PATH = "/audio/transcriptions"

_WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What was said. ``no_speech`` is the probability (0..1) that nothing was; ``avg_logprob`` the
    mean log probability of the words, at most 0. Both are 0 where the server does not tell."""

    text: str
    no_speech: float
    avg_logprob: float = 0.0


class OpenAiTranscriber:
    """Transcribes utterances. Entered once per process; the calls share its connections."""

    name = "openai"

    def __init__(self, key: SecretStr, settings: TranscriptionSettings | None = None) -> None:
        self._settings = settings or TranscriptionSettings()
        self._client = Client(key, self._settings, answer_s=self._settings.answer_s)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__()

    async def transcribe(self, mulaw: bytes) -> Transcribed:
        """The words in this µ-law audio at 8 kHz, one utterance of a tenth of a second or more.

        Raises ProviderError. Cancelling closes the connection.
        """
        speech = ("speech.wav", wav(mulaw, self._settings.sample_rate_hz), "audio/wav")
        exchange = Exchange()
        body = fields(self._settings)
        async with self._client.streamed(PATH, body, exchange, speech=speech) as response:
            answer = await response.aread()
            try:
                return transcribed(answer)
            except ValueError as error:
                raise exchange.lost(f"sent what cannot be read: {error}") from None


def fields(settings: TranscriptionSettings) -> dict[str, str]:
    """What is asked for, beside the file."""
    asked = {
        "model": settings.model,
        "response_format": "verbose_json" if settings.verbose else "json",
        "language": settings.language,
        "prompt": settings.prompt,
    }
    return {name: value for name, value in asked.items() if value}


def wav(audio: bytes, sample_rate_hz: int) -> bytes:
    """µ-law audio at 8 kHz as a WAV file of 16-bit PCM."""
    samples: NDArray[np.int16] = mulaw.to_pcm16(audio)
    if sample_rate_hz != mulaw.SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, mulaw.SAMPLE_RATE_HZ, sample_rate_hz)
    sound = samples.astype("<i2", copy=False).tobytes()
    head = _WAV.pack(
        *(b"RIFF", _WAV.size - 8 + len(sound), b"WAVE"),
        *(b"fmt ", 16, _PCM, 1, sample_rate_hz, sample_rate_hz * _SAMPLE_BYTES),
        *(_SAMPLE_BYTES, 8 * _SAMPLE_BYTES, b"data", len(sound)),
    )
    return head + sound


class _Segment(msgspec.Struct):
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class _Answer(msgspec.Struct):
    text: str
    segments: list[_Segment] | None = None


def transcribed(answer: bytes) -> Transcribed:
    """What a server's answer says, in ``json`` or ``verbose_json``. Raises ValueError.

    An utterance holds speech if one of its segments does.
    """
    read = msgspec.json.decode(answer, type=_Answer)
    segments = read.segments or []
    silences = [one.no_speech_prob for one in segments if one.no_speech_prob is not None]
    logprobs = [one.avg_logprob for one in segments if one.avg_logprob is not None]
    return Transcribed(
        read.text.strip(),
        no_speech=min(silences, default=0.0),
        avg_logprob=sum(logprobs) / len(logprobs) if logprobs else 0.0,
    )
