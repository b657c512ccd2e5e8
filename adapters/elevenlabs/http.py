"""A clause over HTTP: ``/v1/text-to-speech/{voice_id}/stream/with-timestamps``, by the SDK.

The SDK is imported when this is entered, because that takes a while, and of it only what is needed:
its usual client takes four times as long. Of its own it would wait for four minutes, and sleep on
asyncio, which is not there, before it tries again.
"""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Self

import trio
from pydantic import SecretStr

from adapters.elevenlabs.errors import KEY_VARIABLE, VENDOR, http_error
from adapters.elevenlabs.saying import Saying
from adapters.elevenlabs.settings import OUTPUT_FORMAT, ElevenLabsSettings
from adapters.elevenlabs.timings import Aligned
from adapters.secrets import quoted, revealed
from effects.ports import ProviderError, ProviderLost, ProviderTimeout

if TYPE_CHECKING:
    from elevenlabs.types import StreamingAudioChunkWithTimestampsResponse as Chunk

KEPT_S = 300.0
"""A connection is kept for so long, so that the next reply finds it open."""


class Http:
    """The vendor's HTTP service, with its pool of connections."""

    def __init__(self, key: SecretStr, settings: ElevenLabsSettings) -> None:
        self._key = key
        self._settings = settings
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        import httpx
        from elevenlabs.base_client import AsyncBaseElevenLabs

        limits = httpx.Limits(keepalive_expiry=KEPT_S)
        client = await self._stack.enter_async_context(httpx.AsyncClient(limits=limits))
        vendor = AsyncBaseElevenLabs(
            api_key=revealed(self._key, KEY_VARIABLE),
            base_url=self._settings.base_url,
            timeout=self._settings.silence_s,
            httpx_client=client,
        )
        self._text_to_speech = vendor.text_to_speech  # which imports it, now and not in a call
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def say(self, saying: Saying) -> None:
        """Get a clause. It is told of what fails; nothing is raised. Cancelling closes the
        connection."""
        import httpx
        from elevenlabs.core.api_error import ApiError

        try:
            await self._stream(saying)
        except ApiError as error:
            saying.fail(http_error(error.status_code or 0, error.body))
        except httpx.TimeoutException:
            limit_s = self._settings.silence_s
            saying.fail(ProviderTimeout(f"{VENDOR} did not answer within {limit_s:g} s"))
        except httpx.HTTPError as error:
            why = quoted(str(error)) or type(error).__name__
            saying.fail(ProviderLost(f"{VENDOR} cannot be reached: {why}"))
        except ProviderError as error:
            saying.fail(error)

    async def _stream(self, saying: Saying) -> None:
        from elevenlabs.types import VoiceSettings

        settings = self._settings
        chunks = self._text_to_speech.stream_with_timestamps(
            settings.voice,
            text=saying.clause.spoken,
            model_id=settings.model,
            output_format=OUTPUT_FORMAT,
            language_code=settings.language or None,
            apply_text_normalization="off",
            voice_settings=VoiceSettings(
                stability=settings.stability,
                similarity_boost=settings.similarity_boost,
                style=settings.style,
                speed=settings.speed,
                use_speaker_boost=settings.use_speaker_boost,
            ),
            request_options={"max_retries": 0},
        )
        failure: ProviderError | None = None
        # Whatever ends the SDK's generators has to come from within: it does not close them.
        with trio.CancelScope() as reading:
            async with aclosing(chunks):
                async for chunk in chunks:
                    failure = failure or _add(saying, chunk)
                    if failure is not None:
                        reading.cancel()
        if failure is not None:
            raise failure
        if not saying.audio_ms:  # the SDK leaves out what it cannot read
            raise ProviderLost(f"{VENDOR} sent no sound for a clause")
        saying.end()


def _add(saying: Saying, chunk: Chunk) -> ProviderError | None:
    """Add what the SDK hands on, which it does not validate; what is wrong with it."""
    try:
        saying.add(base64.b64decode(chunk.audio_base_64 or ""), _aligned(chunk))
    except ProviderError as error:
        return error
    except (ValueError, TypeError, AttributeError) as error:  # base64's error is a ValueError
        return ProviderLost(f"{VENDOR} sent what is no sound ({type(error).__name__})")
    return None


def _aligned(chunk: Chunk) -> Aligned | None:
    known = chunk.alignment or chunk.normalized_alignment
    if known is None:
        return None
    ends_ms = [end_s * 1000 for end_s in known.character_end_times_seconds]
    return Aligned(known.characters, ends_ms, is_absolute=True)
