"""One stretch of a caller's speech, between its Onset and its Offset, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from adapters.embedded.agreement import Agreement
from adapters.embedded.moonshine import Hypothesis
from effects.ports import Frame
from states.mulaw import BYTES_PER_MS, duration_ms

PARTIAL_EVERY_MS = 200
"""A partial decode is due when this much audio has come since the last one began."""
PARTIAL_EVERY_SHARE = 0.1
"""Or this share of the segment, if that is more: so the cost of a second of speech does not grow
with all that was said before it."""
FINAL_MAY_LACK_MS = 60
"""A decode that left out no more than this of the segment's end serves as the final one. The
end is silence to the voice detector but not to the model: without its last tenth of a second a
fifth more digits are misheard."""
LONGEST_MS = 20_000
"""A longer segment ends here and goes on as a new one, which bounds the memory and the time of a
decode. Callers breathe more often than that."""


@dataclass(slots=True)
class Decoding:
    """A partial decode: of what, from what draft, and how to call it off or wait for it."""

    audio: bytes
    draft: tuple[int, ...]
    through_ms: float
    speech_ms: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    over: trio.Event = field(default_factory=trio.Event)


class Segment:
    """The audio of one stretch of speech, and how far it has been read."""

    def __init__(self, number: int, onset_ms: float) -> None:
        self.number = number
        self.through_ms = onset_ms
        """How far into the call the audio reaches."""
        self.audio = bytearray()
        self.agreement = Agreement()
        self.decoding: Decoding | None = None
        """The partial decode at work."""
        self._onset_ms = onset_ms
        self._begun_bytes = 0
        self._read_bytes = 0
        self._latest: Hypothesis | None = None

    @property
    def length_ms(self) -> float:
        """How long the audio is, with its pre-roll."""
        return len(self.audio) / BYTES_PER_MS

    @property
    def draft(self) -> tuple[int, ...]:
        """The tokens that the next decode probably begins with."""
        return self._latest.tokens if self._latest else ()

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

    def partial_due(self) -> bool:
        """Whether enough audio came for another partial decode, and none is at work."""
        wanted_ms = max(PARTIAL_EVERY_MS, PARTIAL_EVERY_SHARE * self.length_ms)
        begun_ms = self._begun_bytes / BYTES_PER_MS
        return self.decoding is None and self.length_ms - begun_ms >= wanted_ms

    def begin_partial(self) -> Decoding:
        """A partial decode of all the audio so far."""
        self._begun_bytes = len(self.audio)
        self.decoding = Decoding(
            bytes(self.audio), self.draft, self.through_ms, self.speech_ms(self.through_ms)
        )
        return self.decoding

    def end_partial(self, decoding: Decoding, hypothesis: Hypothesis | None) -> None:
        """Note what it came to: nothing, if it was called off or went round in circles."""
        if hypothesis:
            self._latest, self._read_bytes = hypothesis, len(decoding.audio)
        self.decoding = None
        decoding.over.set()

    def suffices(self, read_bytes: int) -> bool:
        """Whether a decode of the first so many bytes will do for the final text."""
        return len(self.audio) - read_bytes <= FINAL_MAY_LACK_MS * BYTES_PER_MS

    def final_hypothesis(self) -> Hypothesis | None:
        """What the latest partial decode made of it, if that will do."""
        return self._latest if self.suffices(self._read_bytes) else None
