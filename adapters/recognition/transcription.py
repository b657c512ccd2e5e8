"""One caller's speech becoming text: when to decode what, and what to say about it.

While a segment grows it is decoded from its beginning again and again, and the words that two
decodes agree on are reported. There is never more than one such decode at work for a caller, and
none is put off to run later: if the next is due while one runs, or while the process has no
thread to spare, it is skipped, and the one after it reads the newest audio. How often one is due
follows from how long the last one took.

At the Offset all of the segment is decoded at once, and a partial decode that is still at work
is called off; unless it, or the one before, read all but the last few milliseconds: then its
text is the final one and there is nothing to wait for.

When final decodes pile up, no more sound is taken in until one is done: then it is the sender's
queue that fills, and drops and counts what is too much.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, Protocol

import trio

from adapters.recognition.segment import LONGEST_MS, Decoding, H, Segment
from effects.ports import Frame, Heard, Offset, Onset, ProviderError, Sound

PARTIAL_EVERY_MS = 200
FINALS_AT_ONCE = 3
"""Segments of one caller that wait for their final text; each holds up to ``LONGEST_MS`` of
sound."""


class Decoder(Protocol[H]):
    """Runs the model somewhere else than on the event loop."""

    def idle(self) -> bool:
        """Whether a partial decode begun now would run now, and is worth it."""
        ...

    async def decode(self, mulaw: bytes, before: H | None) -> H:
        """Transcribe; ``before`` is what was made of the beginning of the same audio, if anything.

        Raises :class:`~effects.ports.ProviderError`. Returns at once when cancelled.
        """
        ...


class Transcription(Generic[H]):
    """One run of speech-to-text for one caller. A partial decode is due at most every
    ``partial_every_ms`` of audio."""

    def __init__(
        self,
        decoder: Decoder[H],
        heard: Callable[[Heard], None],
        *,
        partial_every_ms: float = PARTIAL_EVERY_MS,
    ) -> None:
        self._decoder = decoder
        self._heard = heard
        self._every_ms = partial_every_ms
        self._took_ms = 0.0
        """How long the latest decode took."""
        self._segment: Segment[H] | None = None
        self._segments = 0
        self._finals = trio.Semaphore(FINALS_AT_ONCE)
        self._reported_ms = float("-inf")
        self._failure: ProviderError | None = None

    async def run(self, sound: trio.MemoryReceiveChannel[Sound]) -> None:
        """Transcribe until ``sound`` ends and its last words are reported.

        Raises the :class:`~effects.ports.ProviderError` of a decode. Cancelling drops whatever
        is being decoded.
        """
        async with trio.open_nursery() as nursery:
            async for event in sound:
                match event:
                    case Onset(at_ms):
                        self._begin_segment(at_ms)
                    case Frame():
                        await self._listen(nursery, event)
                    case Offset(at_ms):
                        await self._end_segment(nursery, at_ms)
            if self._segment:
                await self._end_segment(nursery, self._segment.through_ms)
        if self._failure:
            raise self._failure

    def _begin_segment(self, onset_ms: float) -> None:
        self._segment = Segment(self._segments, onset_ms)
        self._segments += 1

    async def _listen(self, nursery: trio.Nursery, frame: Frame) -> None:
        segment = self._segment
        # The pre-roll may reach back into the segment before, whose words are reported already.
        if segment is None or frame.at_ms < self._reported_ms:
            return
        segment.add(frame)
        if segment.length_ms >= LONGEST_MS:
            await self._end_segment(nursery, segment.through_ms)
            self._begin_segment(segment.through_ms)
        elif segment.partial_due(self._every_ms, self._took_ms) and self._decoder.idle():
            self._start(nursery, partial(self._partial, segment, segment.begin_partial()))

    async def _end_segment(self, nursery: trio.Nursery, voice_ms: float) -> None:
        if self._segment:
            await self._finals.acquire()
            self._reported_ms = voice_ms
            self._start(nursery, partial(self._final, self._segment, voice_ms))
            self._segment = None

    def _start(self, nursery: trio.Nursery, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` beside the listening. A provider's error in it ends the transcription;
        it is kept and raised from there, so that it does not come out wrapped in a group."""

        async def supervised() -> None:
            try:
                await work()
            except ProviderError as error:
                self._failure = error
                nursery.cancel_scope.cancel()

        nursery.start_soon(supervised)

    async def _partial(self, segment: Segment[H], decoding: Decoding[H]) -> None:
        """Read what there is of a segment, and report the words that are agreed on."""
        hypothesis = None
        with decoding.scope:
            hypothesis = await self._decode(decoding.audio, decoding.before)
        if decoding.scope.cancel_called or not (hypothesis and hypothesis.complete):
            segment.end_partial(decoding, None)
            return
        segment.end_partial(decoding, hypothesis)
        if segment.agreement.add(hypothesis.words(decoding.speech_ms)):
            self._report(segment, segment.agreement.text, decoding.through_ms, final=False)

    async def _final(self, segment: Segment[H], voice_ms: float) -> None:
        """Report the words of a whole segment, as soon as they are known."""
        if decoding := segment.decoding:
            if segment.suffices(len(decoding.audio)):
                await decoding.over.wait()
            else:
                decoding.scope.cancel()
        text = ""
        if segment.audio:
            hypothesis = segment.final_hypothesis() or await self._decode(
                bytes(segment.audio), segment.latest
            )
            speech_ms = segment.speech_ms(voice_ms)
            # A decode that went round in circles proves nothing; what was agreed on stands.
            agreed = segment.agreement.text
            text = hypothesis.words(speech_ms) if hypothesis.complete else agreed
        self._report(segment, text, segment.through_ms, final=True)
        self._finals.release()

    async def _decode(self, mulaw: bytes, before: H | None) -> H:
        began_s = trio.current_time()
        hypothesis = await self._decoder.decode(mulaw, before)
        self._took_ms = (trio.current_time() - began_s) * 1000
        return hypothesis

    def _report(self, segment: Segment[H], text: str, through_ms: float, *, final: bool) -> None:
        self._heard(Heard(segment.number, text, final, through_ms))
