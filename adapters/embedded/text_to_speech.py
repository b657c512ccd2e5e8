"""The embedded voice: text-to-speech inside this process, for the telephone.

A clause walks through it in one straight line:

    what is said → phonemes (pronunciation) → samples at 22 050 Hz (piper)
                 → 8 kHz, telephone level, silence trimmed (PhoneLine) → µ-law

All of that is one generator, which a worker thread steps; each step gives the next stretch of
audio, about half a second, in 20 to 100 ms of computing. That is also the longest that an
interrupted reply goes on computing, and the turn that calls which speak at once take in order.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, Self

import numpy as np
import soxr
import trio
from numpy.typing import NDArray

from adapters.embedded.piper import Piper
from adapters.embedded.pronunciation import Pronouncer
from adapters.embedded.weights import WEIGHTS
from adapters.threads import settle
from effects.ports import Clause, ProviderLost, Speech
from states import mulaw

# How far synthesis may run ahead of the audio that is taken: more would be thrown away when the
# caller interrupts, less would leave a gap when the machine is busy.
_PIECES_AHEAD = 2

# The voice speaks at -23 dBFS, give or take 2 dB from sentence to sentence. One gain for all
# keeps the difference between "Sure." and a whole sentence as it was spoken.
_GAIN = 1.4
_KNEE = 0.7  # full scale is 1.0; above this, peaks are bent rather than cut

_WINDOW = mulaw.SAMPLE_RATE_HZ // 200  # 5 ms
_QUIET = 0.006  # RMS of a window, -44 dBFS: below the softest consonant, above the voice's noise
_ONSET_MS = 15
_PAUSE_MS = {".": 200, "?": 200, "!": 200, ":": 140, ";": 140, ",": 100}


_REVISION = 1
"""To be raised with every change of what becomes of a text, here or in the modules on its way:
audio that was kept from before is then rendered anew."""


class Model(Protocol):
    """Something that can say a clause."""

    def say(self, text: str) -> Iterator[bytes]:
        """µ-law audio of ``text`` (words and punctuation only: :attr:`Clause.spoken`), piece by
        piece; nothing if there is nothing to say. A step may block for as long as it computes,
        and is taken on any thread."""
        ...


class JoeVoice:
    """The Piper voice "joe" with everything before and after it. Making one blocks for about
    1.5 s. Raises :class:`effects.ports.ProviderRefused` if a file is missing or a wrong one."""

    def __init__(self) -> None:
        self._pronouncer = Pronouncer()
        self._piper = Piper()

    def say(self, text: str) -> Iterator[bytes]:
        """As :meth:`Model.say`: each sentence of the clause, with the pause that follows it."""
        for phonemes in self._pronouncer.sentences(text):
            line = PhoneLine(self._piper.sample_rate_hz)
            for samples in self._piper.samples(phonemes):
                if audio := line.feed(samples):
                    yield audio
            if audio := line.finish(_PAUSE_MS[phonemes[-1]]):
                yield audio


class PhoneLine:
    """Fits one sentence of synthesized speech to the telephone, stretch by stretch.

    Silence before the speech is dropped, all but 15 ms. Quiet that may turn out to be the
    silence after it is held back until more speech follows.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._resampler = soxr.ResampleStream(
            sample_rate_hz, mulaw.SAMPLE_RATE_HZ, 1, dtype="float32"
        )
        self._held = np.zeros(0, np.float32)
        self._begun = False

    def feed(self, samples: NDArray[np.float32]) -> bytes:
        """Take float samples in [-1, 1] at the model's rate; return µ-law that is ready."""
        return self._ready(self._resampler.resample_chunk(samples))

    def finish(self, pause_ms: int) -> bytes:
        """The last of the speech, and after it silence of ``pause_ms`` in all."""
        rest = np.zeros(0, np.float32)
        speech = self._ready(self._resampler.resample_chunk(rest, last=True))
        if not self._begun:
            return b""
        pause = np.zeros(pause_ms * mulaw.BYTES_PER_MS, np.float32)
        tail = self._held[: len(pause)]
        pause[: len(tail)] = tail * np.linspace(1, 0, len(tail), dtype=np.float32)
        return speech + mulaw.from_float(pause)

    def _ready(self, samples: NDArray[np.float32]) -> bytes:
        audio = np.concatenate([self._held, _levelled(samples)])
        whole = len(audio) // _WINDOW * _WINDOW
        windows = audio[:whole].reshape(-1, _WINDOW)
        loud = np.flatnonzero(np.sqrt(np.mean(windows**2, axis=1)) > _QUIET) * _WINDOW
        keep = _ONSET_MS * mulaw.BYTES_PER_MS
        if not len(loud):
            self._held = audio if self._begun else audio[max(0, whole - keep) :]
            return b""
        first = 0 if self._begun else max(0, int(loud[0]) - keep)
        end = int(loud[-1]) + _WINDOW
        self._begun = True
        self._held = audio[end:]
        return mulaw.from_float(audio[first:end])


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    louder = samples * np.float32(_GAIN)
    over = np.maximum(np.abs(louder) - _KNEE, 0)
    room = 1 - _KNEE
    bent = np.sign(louder) * (_KNEE + room * np.tanh(over / room))
    return np.where(over > 0, bent, louder)


class EmbeddedVoice:
    """A :class:`effects.ports.TextToSpeech` that computes. One for the process.

    Entering it loads the model and warms it up, in a thread; that raises
    :class:`effects.ports.ProviderRefused` if a weight file is missing or is a wrong one.
    Cancelled only after loading.
    ``load`` makes the model.
    """

    name = "embedded"
    identity = f"embedded {WEIGHTS['piper-joe'].sha256} {_REVISION}"

    def __init__(self, load: Callable[[], Model] = JoeVoice) -> None:
        self._load = load
        self._model: Model | None = None
        cores = os.cpu_count() or 1
        self._threads = trio.CapacityLimiter(cores)
        # A reply in the air must not wait for others to begin: that would be a hole in a word.
        self._beginning = trio.CapacityLimiter(max(1, cores - 1))

    async def __aenter__(self) -> Self:
        # Not to be abandoned: a process that ends while native code loads is aborted.
        self._model = await trio.to_thread.run_sync(self._loaded)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the model, once nothing is being synthesized (five seconds at most)."""
        await settle(self._threads)
        self._model = None

    def _loaded(self) -> Model:
        model = self._load()
        for _ in model.say("Hello, how are you?"):
            pass  # the first run of a model is slower than the next ones
        return model

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Synthesize clauses in order, as they come, into ``speech``; return after the last.

        While ``speech`` holds the audio of one clause back, the next pieces are synthesized, a
        second or so ahead. Raises :class:`ProviderLost` if the model fails, after what was
        synthesized before it has been handed over. Safe to cancel anywhere: a thread in
        mid-synthesis is left to finish its piece, which is dropped.
        """
        if self._model is None:
            raise RuntimeError("the voice is used before it is entered, or after it is left")
        lost: list[ProviderLost] = []
        ahead, pieces = trio.open_memory_channel[Speech](_PIECES_AHEAD)
        async with trio.open_nursery() as nursery, pieces:
            nursery.start_soon(self._synthesize, self._model, clauses, ahead, lost)
            async for piece in pieces:
                await speech(piece)
        # Raised out here because a nursery would wrap it in a group.
        if lost:
            raise lost[0]

    async def _synthesize(
        self,
        model: Model,
        clauses: trio.MemoryReceiveChannel[Clause],
        ahead: trio.MemorySendChannel[Speech],
        lost: list[ProviderLost],
    ) -> None:
        async with ahead:
            try:
                async for clause in clauses:
                    audio = model.say(clause.spoken)
                    async with self._beginning:
                        piece = await self._next(audio)
                    while piece is not None:
                        await ahead.send(Speech(clause.index, piece, False))
                        piece = await self._next(audio)
                    await ahead.send(Speech(clause.index, b"", True))
            except ProviderLost as error:
                lost.append(error)

    async def _next(self, audio: Iterator[bytes]) -> bytes | None:
        try:
            return await trio.to_thread.run_sync(
                next, audio, None, abandon_on_cancel=True, limiter=self._threads
            )
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise ProviderLost(f"the embedded voice failed, {error!r}: try again") from error
