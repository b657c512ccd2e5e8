"""The agent's own voice coming back: from the line, the caller's handset, or their room.

What was sent lately is compared with what comes in. An echo is the same sound some tens to
hundreds of milliseconds later, weaker and a little distorted; another person's speech is not the
same sound at any delay. The comparison is a normalised cross-correlation over every delay at
once (by Fourier transform, at 4 kHz, where speech has its strength and codecs do least harm).
It is meant for the windows that the voice detector takes for speech while the agent can be
heard: all others cost nothing.
"""

from __future__ import annotations

from math import exp, log10

import numpy as np
from numpy.typing import NDArray

from states import mulaw

REACH_MS = 400
"""The longest delay of an echo: there and back through the network, and round the handset."""

STRETCH_MS = 192
"""How much caller audio is compared at a time. In less, the voiced sounds of two people look
alike at some delay or other."""

_KEEP_MS = 2000
_REACH, _STRETCH, _KEEP = (ms * mulaw.BYTES_PER_MS for ms in (REACH_MS, STRETCH_MS, _KEEP_MS))

# Halves the rate, and lifts the high notes so that the pitch does not outweigh all else.
_TAPS = np.convolve([0.25, 0.5, 0.25], [1.0, 0.0, -0.6]).astype(np.float32)
_STEPS_PER_MS = mulaw.BYTES_PER_MS // 2
_TRANSFORM = 2400
"""Samples of a Fourier transform: enough for reach and stretch, and quickly factored."""

_ALIKE, _ALIKE_AS_BEFORE, _ALIKE_AND_AS_LOUD = 0.5, 0.37, 0.27
"""The correlation at which echo is as likely as not: at any delay, at the call's own, and there
if it is no louder than the echo was. Two people's speech comes to the first two in one window of
a hundred."""

_STEEPNESS = 20.0
_SAME_DELAY = 24 * _STEPS_PER_MS  # frames arrive early or late by so much
_SURE, _SUREST = 3, 8  # stretches that agree on the delay
_LOUDEST_DB = 0.0  # over what was sent: more is no echo
_FAINTEST = (2 / 32768) ** 2  # power of a sample: below the finest step of the line
_RECENT = 64 * _STEPS_PER_MS
_AS_LOUD_DB, _DOUBLE_TALK_DB = 3.0, 10.0


class Echo:
    """One call's echo. Times are milliseconds of the call, audio is at 8 kHz.

    ``delay_ms`` is the delay of the echo and ``return_loss_db`` how much weaker it is than what
    was sent; None while there was none.
    """

    def __init__(self) -> None:
        self._sent = bytearray()
        self._until = 0
        """Where ``_sent`` ends, in bytes since the call began."""
        self._agreed = 0
        self.delay_ms: float | None = None
        self.return_loss_db: float | None = None

    def played(self, audio: bytes, from_ms: float) -> None:
        """This µ-law audio was sent, and plays from ``from_ms`` on."""
        self.cleared(from_ms)
        gap = round(from_ms * mulaw.BYTES_PER_MS) - self._until
        self._sent += mulaw.SILENCE * min(gap, _KEEP) + audio
        self._until += gap + len(audio)
        del self._sent[:-_KEEP]

    def cleared(self, at_ms: float) -> None:
        """What was to play from ``at_ms`` on never will."""
        unplayed = self._until - round(at_ms * mulaw.BYTES_PER_MS)
        if unplayed > 0:
            del self._sent[-unplayed:]
            self._until -= unplayed

    def possible(self, at_ms: float) -> bool:
        """Whether the agent, or its echo, can be heard on the line."""
        return bool(self._sent) and at_ms * mulaw.BYTES_PER_MS < self._until + _REACH

    def likelihood(self, caller: NDArray[np.float32], until_ms: float) -> float:
        """How likely (0..1) the last of ``caller`` is echo and nothing else.

        ``caller`` is the ``STRETCH_MS`` of caller audio that end at ``until_ms``, float samples
        in [-1, 1), shape (1536,). What this tells of the echo's delay and strength is remembered.
        """
        both = compared(caller, self._reference(until_ms))
        if both is None:
            return 0.0
        sound, sent, alike = both
        steps = int(np.argmax(alike))
        excess = float(alike[steps]) - _ALIKE
        if self._agreed >= _SURE:
            near = self._near(alike)
            level = self._louder_db(sound, _source(sound, sent, near)) <= _AS_LOUD_DB
            as_before = float(alike[near]) - (_ALIKE_AND_AS_LOUD if level else _ALIKE_AS_BEFORE)
            if as_before > excess:
                steps, excess = near, as_before
        source = _source(sound, sent, steps)
        double_talk = self._louder_db(sound, source) > _DOUBLE_TALK_DB
        if alike[steps] >= _ALIKE_AS_BEFORE:
            self._learn_delay(steps / _STEPS_PER_MS)
        if excess > 0:
            self._learn_loss(_decibel(source, sound))
        return 0.0 if double_talk else 1 / (1 + exp(-_STEEPNESS * excess))

    # --- inside ---

    def _reference(self, until_ms: float) -> bytes:
        """What was sent in the time whose echo may be in the stretch that ends then."""
        size = _REACH + _STRETCH
        last = len(self._sent) - self._until + round(until_ms * mulaw.BYTES_PER_MS)
        sent = bytes(self._sent[max(0, last - size) : max(0, last)])
        after = mulaw.SILENCE * min(size, max(0, last - len(self._sent)))
        return (sent + after).rjust(size, mulaw.SILENCE)[-size:]

    def _near(self, alike: NDArray[np.float32]) -> int:
        """The likeliest delay, in steps, of those about the call's own."""
        delay = round((self.delay_ms or 0.0) * _STEPS_PER_MS)
        first = max(0, delay - _SAME_DELAY)
        return first + int(np.argmax(alike[first : delay + _SAME_DELAY + 1]))

    def _louder_db(self, sound: NDArray[np.float32], source: NDArray[np.float32]) -> float:
        """How much louder the last of a sound is than the echo of its source should be.

        That is taken over the whole stretch: in a pause there is only the noise of the line.
        """
        loss_db = -_LOUDEST_DB if self.return_loss_db is None else self.return_loss_db
        return _decibel(sound[-_RECENT:], source) + loss_db

    def _learn_delay(self, found_ms: float) -> None:
        off_ms = 0.0 if self.delay_ms is None else found_ms - self.delay_ms
        if self.delay_ms is not None and abs(off_ms) * _STEPS_PER_MS <= _SAME_DELAY:
            self.delay_ms += 0.2 * off_ms
            self._agreed = min(self._agreed + 1, _SUREST)
        elif self._agreed > 0:
            self._agreed -= 1
        else:
            self.delay_ms = found_ms

    def _learn_loss(self, found_db: float) -> None:
        if self.return_loss_db is None:
            self.return_loss_db = found_db
        self.return_loss_db += 0.1 * (found_db - self.return_loss_db)


Samples = NDArray[np.float32]
Compared = tuple[Samples, Samples, Samples]
"""Caller audio and what was sent, both at half the rate, and how alike (0..1) they are for each
delay in steps."""


def compared(caller: NDArray[np.float32], reference: bytes) -> Compared | None:
    """A stretch of caller audio beside what was sent when it may be the echo of it (µ-law); None
    where either is silent. It depends on nothing else."""
    sound = _halved(caller)
    sound -= sound.mean()
    if _power(sound) < _FAINTEST:
        return None
    sent = _halved(mulaw.to_float(reference))
    if _power(sent) == 0.0:
        return None
    return sound, sent, _alike(sound, sent)


def _halved(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.convolve(samples, _TAPS, "valid")[::2]


def _source(
    sound: NDArray[np.float32], sent: NDArray[np.float32], steps: int
) -> NDArray[np.float32]:
    """The part of what was sent that this sound is the echo of, at a delay."""
    first = len(sent) - len(sound) - steps
    return sent[first : first + len(sound)]


def _power(samples: NDArray[np.float32]) -> float:
    """The mean power of a sample."""
    return float(np.dot(samples, samples)) / len(samples)


def _decibel(samples: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How much stronger the first is than the other."""
    return 10 * log10((_power(samples) + _FAINTEST) / (_power(other) + _FAINTEST))


def _alike(sound: NDArray[np.float32], sent: NDArray[np.float32]) -> NDArray[np.float32]:
    """The normalised correlation (0..1) of a sound with what was sent, for each delay in steps;
    less where it is louder than what was sent."""
    delays = len(sent) - len(sound) + 1
    both = np.zeros((2, _TRANSFORM), np.float32)  # one call is faster than two
    both[0, : len(sent)], both[1, : len(sound)] = sent, sound
    of_sent, of_sound = np.fft.rfft(both)
    spectrum = of_sent * np.conj(of_sound)
    product = np.abs(np.fft.irfft(spectrum, _TRANSFORM)[:delays])
    energy = np.concatenate(([0.0], np.cumsum(np.square(sent), dtype=np.float64)))
    power = float(np.dot(sound, sound))
    sources = np.maximum(energy[-delays:] - energy[:delays], power / 10 ** (_LOUDEST_DB / 10))
    alike: NDArray[np.float32] = (product / np.sqrt(power * sources))[::-1].astype(np.float32)
    return alike
