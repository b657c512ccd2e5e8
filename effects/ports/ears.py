"""The ears: voice activity, speech-to-text, and whether a turn is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
import trio
from numpy.typing import NDArray

from effects.ports.provider import Provider


class Frame(msgspec.Struct, frozen=True):
    """Caller audio: µ-law bytes at 8 kHz; ``at_ms`` is when its first sample was received,
    in milliseconds of the call."""

    mulaw: bytes
    at_ms: float


@dataclass(frozen=True, slots=True)
class Onset:
    """The caller began to speak at ``at_ms`` (the frames from there on follow)."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Offset:
    """The caller stopped speaking at ``at_ms``: a good moment to finish the transcript."""

    at_ms: float


Sound = Frame | Onset | Offset


@dataclass(frozen=True, slots=True)
class Heard:
    """What speech-to-text makes of one segment of speech so far.

    ``text`` replaces all earlier text of the same ``segment``; ``final`` says it will not
    change again. ``through_ms`` is how far into the call's audio the text reaches.
    ``endpoint`` is true where the provider itself judges that the turn is over, ``eager`` where
    it thinks that it may be.
    """

    segment: int
    text: str
    final: bool
    through_ms: float
    endpoint: bool = False
    eager: bool = False


class SpeechToText(Provider, Protocol):
    """Turns caller audio into words, as they are spoken. ``name`` is what configurations and
    journals call it.

    ``gated`` asks for speech only: an :class:`Onset`, then frames from a little before it
    (the pre-roll) up to an :class:`Offset`; never silence. Otherwise every frame is passed,
    with the same edges between them.
    """

    name: str
    gated: bool

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Run until ``sound`` ends. Raises :class:`ProviderError`. Safe to cancel anywhere.

        Each stretch of speech is answered, by its :class:`Offset` or some time later: where there
        was nothing to understand (a noise), with an empty final text. Who answers nothing is
        taken for one that does not work any more.
        """
        ...


class VadStream(Protocol):
    """One caller's voice activity: it remembers the windows before."""

    def probability(self, window: NDArray[np.float32]) -> float:
        """The probability (0..1) that these 256 samples (32 ms at 8 kHz) hold speech."""
        ...


@runtime_checkable
class BatchedVadStream(VadStream, Protocol):
    """A stream whose windows may be judged together with those of other calls: that takes a few
    milliseconds longer, and less work."""

    async def judged(self, window: NDArray[np.float32]) -> float:
        """As :meth:`probability`. Cancelled only afterwards: no window is lost half-way."""
        ...


class VoiceActivityDetector(Provider, Protocol):
    """Tells speech from everything else, quickly enough to run inline on each window.

    Its streams may be :class:`BatchedVadStream`; then they are awaited.
    """

    def stream(self) -> VadStream:
        """A fresh detector state for one call."""
        ...


class TurnDetector(Provider, Protocol):
    """Judges whether what the caller said is a complete thought."""

    async def completeness(self, words: str, asked: str) -> float:
        """The probability (0..1) that ``words`` is a finished turn, as the answer to
        ``asked`` (what the agent said last; empty if nothing)."""
        ...
