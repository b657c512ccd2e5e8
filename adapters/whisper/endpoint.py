"""An endpoint that transcribes recordings, made to stream like a model on this machine.

The endpoint gets each utterance as a whole when the caller has stopped, never silence; while they
speak only where that is paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import trio

from adapters.recognition.transcription import Transcription
from adapters.whisper.settings import EndpointSettings
from effects.ports import Heard, Provider, Sound
from states.mulaw import BYTES_PER_MS, SILENCE

DEFAULTS = EndpointSettings()

_SHORTEST_MS = 200
"""Shorter recordings are lengthened by silence: OpenAI's endpoint refuses less than 100 ms
(platform.openai.com/docs/guides/speech-to-text)."""


class Transcribed(Protocol):
    """What an endpoint makes of a recording. ``no_speech`` is the probability (0..1) that nobody
    spoke, 0 where it is not told."""

    @property
    def text(self) -> str: ...

    @property
    def no_speech(self) -> float: ...


class Transcriber(Provider, Protocol):
    """An endpoint for whole recordings."""

    async def transcribe(self, mulaw: bytes) -> Transcribed:
        """The words in µ-law audio at 8 kHz. Raises :class:`~effects.ports.ProviderError`.
        Cancelling gives up the request."""
        ...


class WhisperEndpoint:
    """A :class:`Transcriber` as a :class:`~effects.ports.SpeechToText`: enter it once, then
    transcribe any calls."""

    name = "whisper-endpoint"
    gated = True

    def __init__(self, transcriber: Transcriber, settings: EndpointSettings = DEFAULTS) -> None:
        self._transcriber = transcriber
        self._settings = settings

    async def __aenter__(self) -> Self:
        """Open the transcriber, with whatever it raises."""
        await self._transcriber.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the transcriber."""
        await self._transcriber.__aexit__(*exc)

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Transcribe one call until ``sound`` ends and its last words are reported.

        Raises the :class:`~effects.ports.ProviderError` of a request. Cancelling gives up the
        requests under way.
        """
        decoder = _Requests(self._transcriber, self._settings)
        every_ms = self._settings.partial_every_ms
        await Transcription(decoder, heard, partial_every_ms=every_ms).run(sound)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An endpoint's answer: there is no half of one."""

    text: str
    complete: bool = True

    def words(self, speech_ms: float) -> str:
        return self.text


class _Requests:
    """A :class:`~adapters.recognition.transcription.Decoder` by requests."""

    def __init__(self, transcriber: Transcriber, settings: EndpointSettings) -> None:
        self._transcriber = transcriber
        self._settings = settings

    def idle(self) -> bool:
        return self._settings.partial_every_ms > 0

    async def decode(self, mulaw: bytes, before: _Answer | None) -> _Answer:
        recording = mulaw.ljust(_SHORTEST_MS * BYTES_PER_MS, SILENCE)
        answer = await self._transcriber.transcribe(recording)
        noise = answer.no_speech > self._settings.no_speech_probability
        return _Answer("" if noise or not any(map(str.isalnum, answer.text)) else answer.text)
