"""Speech-to-text inside the process: Moonshine, behind the port.

The model is loaded once and shared by all calls. It runs on threads, as many at a time as there
are cores to give away, and never on the event loop: a decode takes tens of milliseconds, in which
no frame of any call could be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self

import trio

from adapters.embedded.moonshine import Hypothesis, Moonshine
from adapters.embedded.threads import settle
from adapters.embedded.transcription import Transcription
from effects.ports import Heard, ProviderLost, Sound


class Model(Protocol):
    """What decodes: :class:`Moonshine`, or a double of it."""

    def decode(self, mulaw: bytes, draft: Sequence[int] = ()) -> Hypothesis:
        """Transcribe, blocking; as :meth:`Moonshine.decode`."""
        ...


class EmbeddedSpeechToText:
    """A :class:`~effects.ports.SpeechToText`: enter it once, then transcribe any calls.

    A partial text holds only words that two decodes agreed on; the final text of a segment comes
    with its Offset, and is empty where there was nothing but noise. Words are as the model writes
    them, with case and punctuation. ``threads`` is how many decodes run at a time.
    """

    name = "embedded"
    gated = True

    def __init__(self, load: Callable[[], Model] = Moonshine.load, *, threads: int = 2) -> None:
        self._load = load
        self._threads = threads
        self._decoder: ThreadDecoder | None = None

    async def __aenter__(self) -> Self:
        """Load the model. Raises :class:`~effects.ports.ProviderRefused` if its weights are
        missing or not the pinned ones. Cancelled only after loading."""
        model = await trio.to_thread.run_sync(self._load)
        self._decoder = ThreadDecoder(model, self._threads)
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
            raise RuntimeError("EmbeddedSpeechToText is not open: use it in `async with`")
        await Transcription(self._decoder, heard).run(sound)


class ThreadDecoder:
    """A :class:`~adapters.embedded.transcription.Decoder`: the model, on a few threads."""

    def __init__(self, model: Model, threads: int) -> None:
        self._model = model
        self._limiter = trio.CapacityLimiter(threads)

    def idle(self) -> bool:
        """Whether a thread is free."""
        return self._limiter.available_tokens > 0

    async def decode(self, mulaw: bytes, draft: Sequence[int]) -> Hypothesis:
        """Transcribe on a thread, or wait for one. Raises :class:`~effects.ports.ProviderLost`
        for whatever the model raises. Returns at once when cancelled."""
        try:
            return await trio.to_thread.run_sync(
                self._model.decode, mulaw, draft, abandon_on_cancel=True, limiter=self._limiter
            )
        except Exception as error:
            raise ProviderLost(f"moonshine failed to decode: {error!r}") from error

    async def settle(self) -> None:
        """Wait until no decode is at work; see :func:`adapters.embedded.threads.settle`."""
        await settle(self._limiter)
