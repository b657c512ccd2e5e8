"""Recorded speech for tests, out of the package that the speech-to-text weights come in."""

from __future__ import annotations

import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr

from states import mulaw


def two_cities(through_ms: int) -> bytes:
    """The words "It was the best of times, it was the worst of times"; its first ``through_ms``, as
    µ-law at 8 kHz."""
    spec = find_spec("moonshine_voice")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "assets", "two_cities.wav")
    with wave.open(str(path)) as recording:
        rate_hz = recording.getframerate()
        samples = recording.readframes(rate_hz * through_ms // 1000)
    audio = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
    return mulaw.from_float(soxr.resample(audio, rate_hz, mulaw.SAMPLE_RATE_HZ))
