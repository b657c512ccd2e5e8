"""One stretch of a caller's speech, between its Onset and its Offset, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import trio

from adapters.recognition.agreement import Agreement
from effects.ports import Frame
from states.mulaw import BYTES_PER_MS, duration_ms

PARTIAL_EVERY_SHARE = 0.1
"""A partial decode is due when this share of the segment has come since the last one began, if
not later: so the cost of a second of speech does not grow with all that was said before it."""
PARTIAL_REST = 2
"""Nor sooner than so many times as long as the last one took: one caller's partial decodes keep a
thread at work half of the time at most."""
FINAL_MAY_LACK_MS = 60
"""A decode that left out no more than this of the segment's end serves as the final one. The
end is silence to the voice detector but not to the model: without its last tenth of a second a
fifth more digits are misheard."""
LONGEST_MS = 20_000
"""A longer segment ends here and goes on as a new one, which bounds the memory and the time of a
decode. Callers breathe more often than that."""


class Hypothesis(Protocol):
    """What a model makes of one stretch of audio."""

    @property
    def complete(self) -> bool:
        """False when the decoder was stopped before it came to an end by itself."""
        ...

    def words(self, speech_ms: float) -> str:
        """The text, or nothing where it is more likely noise than ``speech_ms`` of speech."""
        ...


H = TypeVar("H", bound=Hypothesis)


@dataclass(slots=True)
class Decoding(Generic[H]):
    """A partial decode: of what, after which, and how to call it off or wait for it."""

    audio: bytes
    before: H | None
    through_ms: float
    speech_ms: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    over: trio.Event = field(default_factory=trio.Event)


class Segment(Generic[H]):
    """The audio of one stretch of speech, and how far it has been read."""

    def __init__(self, number: int, onset_ms: float) -> None:
        self.number = number
        self.through_ms = onset_ms
        """How far into the call the audio reaches."""
        self.audio = bytearray()
        self.agreement = Agreement()
        self.decoding: Decoding[H] | None = None
        """The partial decode at work."""
        self.latest: H | None = None
        """What the latest partial decode made of it."""
        self._onset_ms = onset_ms
        self._begun_bytes = 0
        self._read_bytes = 0

    @property
    def length_ms(self) -> float:
        """How long the audio is, with its pre-roll."""
        return len(self.audio) / BYTES_PER_MS

    def add(self, frame: Frame) -> None:
        """Take in the next frame."""
        self.audio += frame.mulaw
        self.through_ms = frame.at_ms + duration_ms(frame.mulaw)
        if self.through_ms <= self._onset_ms:
            # The pre-roll is no speech yet: the first decode is due some way after it.
            self._begun_bytes = len(self.audio)

    def speech_ms(self, until_ms: float) -> float:
        """How long the caller has been speaking by then; the pre-roll does not count."""
        return until_ms - self._onset_ms

    def partial_due(self, every_ms: float, took_ms: float) -> bool:
        """Whether enough audio came since the last partial decode began, which took ``took_ms``,
        and none is at work."""
        wanted_ms = max(every_ms, PARTIAL_REST * took_ms, PARTIAL_EVERY_SHARE * self.length_ms)
        begun_ms = self._begun_bytes / BYTES_PER_MS
        return self.decoding is None and self.length_ms - begun_ms >= wanted_ms

    def begin_partial(self) -> Decoding[H]:
        """A partial decode of all the audio so far."""
        self._begun_bytes = len(self.audio)
        self.decoding = Decoding(
            bytes(self.audio), self.latest, self.through_ms, self.speech_ms(self.through_ms)
        )
        return self.decoding

    def end_partial(self, decoding: Decoding[H], hypothesis: H | None) -> None:
        """Note what it came to: nothing, if it was called off or went round in circles."""
        if hypothesis:
            self.latest, self._read_bytes = hypothesis, len(decoding.audio)
        self.decoding = None
        decoding.over.set()

    def suffices(self, read_bytes: int) -> bool:
        """Whether a decode of the first so many bytes will do for the final text."""
        return len(self.audio) - read_bytes <= FINAL_MAY_LACK_MS * BYTES_PER_MS

    def final_hypothesis(self) -> H | None:
        """What the latest partial decode made of it, if that will do."""
        return self.latest if self.suffices(self._read_bytes) else None
