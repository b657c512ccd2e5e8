"""The sound of a caller and of their surroundings: pure functions of µ-law bytes and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from states import mulaw

_WINDOW = 20 * mulaw.BYTES_PER_MS
_QUIETER_DB = 25
"""Sound that much below the loudest of a recording is not speech any more: breath, the room."""


def speech_bounds(audio: bytes) -> tuple[int, int]:
    """Where speech begins and ends in a recording, in bytes: the first and the last 20 ms that
    are within 25 dB of its loudest."""
    energy = _energy(audio)
    loud = np.flatnonzero(energy > _quietest(energy)) * _WINDOW
    return (int(loud[0]), int(loud[-1]) + _WINDOW) if len(loud) else (0, 0)


def cut_to_speech(audio: bytes) -> bytes:
    """A recording from where speech begins to where it ends; empty if it is all silence. No
    sample of it is exactly zero, so that a silent line can be told from it."""
    start, end = speech_bounds(audio)
    return audio[start:end].replace(mulaw.SILENCE, b"\xfe")


def level(audio: bytes) -> float:
    """How loud the speech in a recording is: its RMS, full scale being 1, without its pauses."""
    energy = _energy(audio)
    speech = energy[energy > _quietest(energy)]
    return float(np.sqrt(speech.mean())) if len(speech) else 0.0


def _energy(audio: bytes) -> NDArray[np.float32]:
    samples = mulaw.to_float(audio)
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    energy: NDArray[np.float32] = np.square(windows).mean(axis=1)
    return energy


def _quietest(energy: NDArray[np.float32]) -> float:
    return float(energy.max(initial=0.0)) / 10 ** (_QUIETER_DB / 10)


def silence(seconds: float) -> bytes:
    """Nothing, that long."""
    return mulaw.SILENCE * round(seconds * mulaw.SAMPLE_RATE_HZ)


def pitched(audio: bytes, factor: float) -> bytes:
    """The same, higher and faster by a factor, as from a tape that runs faster."""
    if factor == 1:
        return audio
    rate_hz = mulaw.SAMPLE_RATE_HZ
    return mulaw.from_float(soxr.resample(mulaw.to_float(audio), rate_hz * factor, rate_hz))


def cough(seconds: float, seed: int) -> bytes:
    """A cough: a burst of noise below 2 kHz that dies away, always the same for a seed."""
    count = round(seconds * mulaw.SAMPLE_RATE_HZ)
    noise = np.random.default_rng(seed).standard_normal(count + 3)
    dull = np.convolve(noise, np.full(4, 0.25), mode="valid")
    fading = np.exp(-3 * np.arange(count) / count)
    return mulaw.from_float(_levelled(dull * fading, 0.15))


def white(seconds: float, rms: float, seed: int) -> bytes:
    """White noise of a level, always the same for a seed."""
    count = round(seconds * mulaw.SAMPLE_RATE_HZ)
    return mulaw.from_float(_levelled(np.random.default_rng(seed).standard_normal(count), rms))


def babble(voices: Sequence[bytes], seconds: float, rms: float, seed: int) -> bytes:
    """Many voices at once, of a level: each over and over, from a place of its own that the seed
    decides."""
    places = np.random.default_rng(seed)
    count = round(seconds * mulaw.SAMPLE_RATE_HZ)
    together = np.zeros(count, np.float64)
    for voice in voices:
        samples = np.resize(mulaw.to_float(voice), count)
        together += np.roll(samples, int(places.integers(count)))
    return mulaw.from_float(_levelled(together, rms))


def _levelled(samples: NDArray[np.float64], rms: float) -> NDArray[np.float32]:
    now = float(np.sqrt(np.mean(np.square(samples)))) or 1.0
    return (samples * (rms / now)).astype(np.float32)
