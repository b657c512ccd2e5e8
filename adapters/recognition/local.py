"""A recogniser inside this process, behind the port: its model is loaded once, shared by all calls,
and runs on threads, as many at a time as there are cores to give away. Never on the event loop: a
decode takes tens or hundreds of milliseconds, in which no frame of any call could be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, Self

import trio

from adapters.recognition.segment import H
from adapters.recognition.transcription import Transcription
from adapters.threads import settle
from effects.ports import Heard, ProviderLost, Sound


class Model(Protocol[H]):
    """What decodes."""

    def decode(self, mulaw: bytes, before: H | None = None) -> H:
        """Transcribe µ-law audio at 8 kHz, blocking. ``before`` is what was made of its beginning,
        if anything. Called from several threads at once."""
        ...


class LocalSpeechToText(Generic[H]):
    """A :class:`~effects.ports.SpeechToText`: enter it once, then transcribe any calls.

    A partial text holds only words that two decodes agreed on; the final text of a segment comes
    with its Offset, and is empty where there was nothing but noise. Words are as the model writes
    them, with case and punctuation. ``threads`` is how many decodes run at a time; partial ones
    leave ``spare`` of them to final ones.
    """

    gated = True

    def __init__(
        self, name: str, load: Callable[[], Model[H]], *, threads: int, spare: int = 0
    ) -> None:
        self.name = name
        self._load = load
        self._threads, self._spare = threads, spare
        self._decoder: ThreadDecoder[H] | None = None

    async def __aenter__(self) -> Self:
        """Load the model, on a thread. Raises :class:`~effects.ports.ProviderRefused` if it is
        missing or not the pinned one. Cancelled only after loading."""
        model = await trio.to_thread.run_sync(self._load)
        self._decoder = ThreadDecoder(self.name, model, self._threads, spare=self._spare)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the model, once no decode is at work any more (five seconds at most)."""
        if self._decoder:
            await self._decoder.settle()
        self._decoder = None

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Transcribe one call until ``sound`` ends and its last words are reported.

        Raises :class:`~effects.ports.ProviderLost` if the model fails. Cancelling returns at
        once; a decode at work runs out on its thread and its result is dropped.
        """
        if self._decoder is None:
            raise RuntimeError(f"{type(self).__name__} is not open: use it in `async with`")
        await Transcription(self._decoder, heard).run(sound)


class ThreadDecoder(Generic[H]):
    """A :class:`~adapters.recognition.transcription.Decoder`: the model, on a few threads."""

    def __init__(self, name: str, model: Model[H], threads: int, *, spare: int = 0) -> None:
        self._name = name
        self._model = model
        self._limiter = trio.CapacityLimiter(threads)
        self._spare = spare

    def idle(self) -> bool:
        """Whether a thread is free, beside those that are spared for final decodes."""
        return self._limiter.available_tokens > self._spare

    async def decode(self, mulaw: bytes, before: H | None) -> H:
        """Transcribe on a thread, or wait for one. Raises :class:`~effects.ports.ProviderLost`
        for whatever the model raises. Returns at once when cancelled."""
        try:
            return await trio.to_thread.run_sync(
                self._model.decode, mulaw, before, abandon_on_cancel=True, limiter=self._limiter
            )
        except Exception as error:
            raise ProviderLost(f"{self._name} failed to decode: {error!r}") from error

    async def settle(self) -> None:
        """Wait until no decode is at work; see :func:`adapters.threads.settle`."""
        await settle(self._limiter)
