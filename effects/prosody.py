"""How the voice ended: the melody and the pace of a caller's last words.

A statement ends with the pitch falling; a voice that stays level, often with the last syllable
drawn out, holds the floor; a question or an unfinished list rises. The telephone passes 300 to
3400 Hz, so the fundamental of most voices is missing and only its harmonics tell the pitch: all of
them repeat after one period, which is where the autocorrelation has its peak. It is taken of a
flattened spectrum, so that a strong formant does not outweigh the other harmonics (which is what
makes autocorrelation mistake a pitch for its octave).

It runs inline, once a pause: a millisecond or so for a second of audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from states.endpointing import Contour
from states.mulaw import SAMPLE_RATE_HZ

LONGEST_SAMPLES = 12_000
"""Only the last 1.5 s are looked at: the cost is bounded whatever is passed in."""
FRAME, HOP = 320, 80
"""Samples: 40 ms hold nearly three periods of the lowest voice; there is a pitch every 10 ms."""
HOP_S = HOP / SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 70, 400
FLATTENED = 1.2
"""The power of the magnitude spectrum. 2 is plain autocorrelation, which errs by an octave in
every fifth frame of a high voice; 1 lets noise through that lies between the harmonics."""
OCTAVE_COST = 0.1
"""How much better a lag must be than one an octave shorter: multiples of a period repeat too."""
VOICED = 0.42
"""The autocorrelation of a voiced frame, at least. That of noise is 0.2, and in one frame of a
thousand 0.35."""
AUDIBLE_DB = 30
"""Frames that much softer than the loudest are breath, echo and the noise of the line."""
QUIETEST = 1e-3
"""RMS, -60 dBFS: softer than any caller."""
SHORTEST_RUN = 4
"""Voice lasts for so many frames at least; shorter stretches are chance."""

TONE_SHARE = 0.99
"""Keys and dialling tones have all their power in one or two lines of the spectrum; of a second
of voice, the middle frame has 0.8 there, and one in a hundred has so much."""
LINE_BINS = 4
"""A pure tone is so many bins of the spectrum wide, to each side, under this window."""

NEIGHBOURS = 5
STRAY_ST = 4.0
"""A pitch so far (semitones) from the median of its neighbours, five each side, is a mistake."""
END_FRAMES = 30
"""The melody of the end is that of the last 300 ms with voice: a syllable or two."""
LEAST_FRAMES = 10
"""Less than 100 ms of voice has no melody that a listener would hear."""
FALL_ST_PER_S = -7.0
"""Speech drifts down by 2 to 6 semitones a second all the time; only more is a fall (2
semitones over the last 300 ms)."""
CLEAR_FALL_ST_PER_S = -10.0
DRAWN_OUT = 1.6
"""A last syllable so many times as long as the others holds the floor, unless the voice clearly
falls: final syllables are longer anyhow, by a third or so."""
RISE_ST_PER_S = 10.0
"""The end of a breath lifts the pitch a little in many voices; only more is a rise."""
DIP_DB = 3.0
"""Between two syllables the voice gets so much softer, at least."""

_BINS = 512
_LAGS = 2 * _BINS  # zero-padding the spectrum gives a lag every half sample
_LAGS_PER_S = 2 * SAMPLE_RATE_HZ
_SHORTEST, _LONGEST = _LAGS_PER_S // HIGHEST_HZ, _LAGS_PER_S // LOWEST_HZ
_WINDOW = np.hanning(FRAME + 2)[1:-1].astype(np.float32)

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]


def _autocorrelation(windowed: Floats) -> tuple[Floats, Floats]:
    """The magnitude spectrum of frames, and their autocorrelation up to one lag too far."""
    magnitude = np.abs(np.fft.rfft(windowed, _BINS, axis=1))
    correlation = np.fft.irfft(magnitude**FLATTENED, _LAGS, axis=1)[:, : _LONGEST + 2]
    return magnitude, correlation / np.maximum(correlation[:, :1], 1e-12)


_WINDOW_LOSS = _autocorrelation(_WINDOW[np.newaxis])[1][0]
"""What the window takes from the autocorrelation at each lag."""
_PREFERENCE = OCTAVE_COST * np.log2(np.arange(_SHORTEST, _LONGEST + 1) / _SHORTEST)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the voice ended.

    ``slope_st_per_s`` is how the pitch moved over the last 300 ms of voice, in semitones a
    second; negative is down. ``lengthening`` is the length of the last syllable's voiced part
    over that of the ones before (their median); 1.0 is as the rest, and what is said where there
    are not two others to compare with. Both say nothing where the contour is ``unknown``.
    """

    contour: Contour
    slope_st_per_s: float = 0.0
    lengthening: float = 1.0


@dataclass(frozen=True, slots=True)
class _Track:
    """The voice every 10 ms: whether there is any, its pitch in semitones (of 1 Hz), its level."""

    voiced: Flags
    pitch_st: Floats
    level_db: Floats


def ending(samples: NDArray[np.float32]) -> Ending:
    """How the voice in ``samples`` ended: float samples in [-1, 1) at 8 kHz, shape (n,), about a
    second of a caller's audio up to their last sound; silence after it does no harm.

    ``unknown`` where there is too little voice to tell, or none: silence, noise, tones. Never
    raises.
    """
    track = _track(np.clip(np.nan_to_num(samples[-LONGEST_SAMPLES:]), -1, 1))
    if track is None:
        return Ending("unknown")
    at = np.flatnonzero(track.voiced)
    at = at[at > at.max(initial=0) - END_FRAMES]
    if len(at) < LEAST_FRAMES:
        return Ending("unknown")
    slope = _slope(at * HOP_S, track.pitch_st[at])
    contour: Contour = "level"
    lengthening = _lengthening(track)
    drawn_out = lengthening >= DRAWN_OUT and slope > CLEAR_FALL_ST_PER_S
    if slope <= FALL_ST_PER_S and not drawn_out:
        contour = "falling"
    elif slope >= RISE_ST_PER_S:
        contour = "rising"
    return Ending(contour, round(slope, 1), round(lengthening, 2))


# --- pitch ----------------------------------------------------------------------------------


def _track(samples: Floats) -> _Track | None:
    """Follow the voice; None where there is none, or too little."""
    if len(samples) < FRAME:
        return None
    if np.count_nonzero(np.diff(samples)) * (FRAME // HOP) < LEAST_FRAMES:
        return None  # it stands still in all but so many frames, as a dead line does
    samples = samples[(len(samples) - FRAME) % HOP :]
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    windowed = (frames - frames.mean(axis=1, keepdims=True)) * _WINDOW
    rms = np.sqrt(np.square(windowed).mean(axis=1))
    if rms.max() < QUIETEST:
        return None
    level_db = 20 * np.log10(np.maximum(rms, 1e-6))
    audible = level_db >= level_db.max() - AUDIBLE_DB
    if np.count_nonzero(audible) < LEAST_FRAMES:
        return None
    magnitude, correlation = _autocorrelation(windowed[audible])
    correlation /= _WINDOW_LOSS
    lag = np.argmax(correlation[:, _SHORTEST:-1] - _PREFERENCE, axis=1) + _SHORTEST
    likeness = correlation[np.arange(len(lag)), lag]
    voiced = np.zeros(len(frames), np.bool_)
    voiced[audible] = likeness >= VOICED
    voiced[audible] &= (lag > _SHORTEST) & (lag < _LONGEST)  # a peak beyond is none of a voice
    voiced = _long_runs(voiced)
    if not voiced.any() or _is_tone(magnitude[voiced[audible]][-END_FRAMES:]):
        return None
    pitch_st = np.zeros(len(frames))
    pitch_st[audible] = 12 * np.log2(_LAGS_PER_S / _refined(correlation, lag))
    pitch_st[voiced], voiced[voiced] = _cleaned(pitch_st[voiced])
    return _Track(voiced, pitch_st, level_db)


def _refined(correlation: Floats, lag: NDArray[np.intp]) -> Floats:
    """Where the peaks are between the lags, by a parabola through three of them."""
    rows = np.arange(len(lag))
    before, peak, after = (correlation[rows, lag + step] for step in (-1, 0, 1))
    curve = np.minimum(before - 2 * peak + after, -1e-6)
    between: Floats = np.clip((before - after) / (2 * curve), -0.5, 0.5)
    return lag + between


def _long_runs(voiced: Flags) -> Flags:
    runs = ((voice, len(list(run))) for voice, run in groupby(voiced.tolist()))
    kept = [(voice and length >= SHORTEST_RUN, length) for voice, length in runs]
    return np.array([voice for voice, length in kept for _ in range(length)], np.bool_)


def _is_tone(magnitude: Floats) -> bool:
    """Whether most of these spectra have all their power in two lines."""
    power = np.square(magnitude)
    rest = power.copy()
    bins = np.arange(power.shape[1])
    for _ in range(2):
        line = rest.argmax(axis=1)[:, np.newaxis]
        rest[np.abs(bins - line) <= LINE_BINS] = 0
    return bool(np.median(rest.sum(axis=1) / power.sum(axis=1)) <= 1 - TONE_SHARE)


def _cleaned(pitch_st: Floats) -> tuple[Floats, Flags]:
    """Octave errors put right against the median of the neighbours, and which frames to keep:
    what is still far from it is no pitch."""
    padded = np.pad(pitch_st, NEIGHBOURS, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    off = pitch_st - np.median(near, axis=1)
    octaves = np.round(off / 12)
    return pitch_st - 12 * octaves, np.abs(off - 12 * octaves) <= STRAY_ST


def _slope(at_s: Floats, pitch_st: Floats) -> float:
    """The median of the slopes between all pairs of frames (Theil-Sen): a quarter of the frames
    may be wrong and it still stands."""
    first, second = np.triu_indices(len(at_s), 1)
    slopes = (pitch_st[second] - pitch_st[first]) / (at_s[second] - at_s[first])
    return float(np.median(slopes))


# --- pace -----------------------------------------------------------------------------------


def _lengthening(track: _Track) -> float:
    """How much longer the last syllable is than those before it."""
    lengths = [length for length in _syllables(track) if length >= SHORTEST_RUN]
    return lengths[-1] / float(np.median(lengths[:-1])) if len(lengths) > 2 else 1.0


def _syllables(track: _Track) -> list[int]:
    """The frames of each syllable's voiced part: stretches of voice, parted where it dips."""
    lengths = [0]
    peak = low = -np.inf
    for voiced, level in zip(track.voiced.tolist(), track.level_db.tolist(), strict=True):
        if not voiced or min(peak, level) > low + DIP_DB:
            lengths.append(0)
            peak = low = -np.inf
        if voiced:
            lengths[-1] += 1
            low = level if level > peak else min(low, level)
            peak = max(peak, level)
    return lengths
