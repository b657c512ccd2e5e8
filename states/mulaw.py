"""G.711 µ-law, the sound of the telephone: 8000 bytes a second, one byte a sample.

Both directions are table look-ups, because each frame of each call passes here. The encode
table is indexed by the full 16-bit sample and built from the 14-bit companding rule of ITU-T
G.711; building it from fewer bits collapses the quietest steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 8000
BYTES_PER_MS = SAMPLE_RATE_HZ // 1000
SILENCE = b"\xff"
"""The µ-law code of a zero sample."""

_BIAS = 132
_CLIP = 32635


def _decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    codes: NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


_PCM16 = _decode_table()
_FLOAT = (_PCM16 / 32768.0).astype(np.float32)
_CODES = _encode_table()


def to_float(mulaw: bytes) -> NDArray[np.float32]:
    """Decode to float32 samples in [-1, 1); shape (len(mulaw),)."""
    return _FLOAT.take(np.frombuffer(mulaw, np.uint8))


def to_pcm16(mulaw: bytes) -> NDArray[np.int16]:
    """Decode to 16-bit linear samples; shape (len(mulaw),)."""
    return _PCM16.take(np.frombuffer(mulaw, np.uint8))


def from_pcm16(samples: NDArray[np.int16]) -> bytes:
    """Encode 16-bit linear samples at 8 kHz; one byte a sample."""
    return _CODES[samples.astype(np.int16, copy=False).view(np.uint16)].tobytes()


def from_float(samples: NDArray[np.float32]) -> bytes:
    """Encode float samples at 8 kHz, clipping outside [-1, 1]."""
    return from_pcm16((np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16))


def mixed(one: bytes, other: bytes) -> bytes:
    """Two sounds of one length at once, clipped where they are too loud together."""
    both = to_pcm16(one).astype(np.int32) + to_pcm16(other)
    return from_pcm16(np.clip(both, -32768, 32767).astype(np.int16))


def duration_ms(mulaw: bytes) -> float:
    """How long a stretch of µ-law audio lasts."""
    return len(mulaw) / BYTES_PER_MS
