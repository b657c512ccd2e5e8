"""The sound of a call to look at: how loud each side was, as far as a recording lies beside the
journal.

``antiphon demo``, ``call`` and ``eval`` record at the caller's end, from the moment at which the
carrier's stream begins, which is zero on the journal's clock, too. On one machine the two agree to
the length of a frame (20 ms; measured over some dozens of calls); over a network the recording is
later by the way there. Nothing is moved to make them fit.
"""

from __future__ import annotations

import wave
from glob import escape
from pathlib import Path

import msgspec
import numpy as np

STEP_MS = 20
"""A pair of peaks for each of these."""


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """Peaks of both sides. Each is a lowest and a highest sample for each ``step_ms``, as signed
    bytes (the upper half of 16 bits), one pair after the other; as JSON they are base64."""

    step_ms: int
    caller: bytes
    agent: bytes


def recording_beside(journal: Path, call_id: str) -> Path | None:
    """The recording of a call, if there is one: the journal's name with ``.wav``, or the file in
    its folder whose name ends in the call's id."""
    named = journal.parent.glob(f"*-{escape(call_id)}.wav") if call_id else []
    return next(
        (path for path in [journal.with_suffix(".wav"), *sorted(named)] if path.is_file()), None
    )


def peaks_of(recording: Path) -> Sound | None:
    """How loud a recording is. None where it cannot be read, or is no stereo WAV of 16 bits. Reads
    the whole file."""
    try:
        with wave.open(str(recording), "rb") as wav:
            if (wav.getnchannels(), wav.getsampwidth()) != (2, 2):
                return None
            step = wav.getframerate() * STEP_MS // 1000
            samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    except (OSError, EOFError, ValueError, wave.Error):
        return None
    steps = len(samples) // step
    pieces = samples[: steps * step].reshape(steps, step, 2) >> 8
    peaks = np.stack([pieces.min(axis=1), pieces.max(axis=1)], axis=1).astype(np.int8)
    return Sound(step_ms=STEP_MS, caller=peaks[:, :, 0].tobytes(), agent=peaks[:, :, 1].tobytes())
