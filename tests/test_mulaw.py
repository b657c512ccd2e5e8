"""µ-law as G.711 defines it."""

from __future__ import annotations

import numpy as np

from states import mulaw


def test_decodes_the_corners_of_the_standard() -> None:
    """The loudest, the quietest and the zero codes decode to the values of G.711, table 2."""
    assert mulaw.to_pcm16(bytes([0x00, 0x80, 0x7F, 0xFF])).tolist() == [-32124, 32124, 0, 0]
    assert mulaw.to_pcm16(bytes([0xFE, 0x7E])).tolist() == [8, -8]


def test_every_code_survives_a_round_trip() -> None:
    """Encoding what a code decodes to gives the code again (the two zeros are one)."""
    codes = bytes(range(256))
    again = mulaw.from_pcm16(mulaw.to_pcm16(codes))
    assert again == codes.replace(b"\x7f", b"\xff")


def test_encoding_is_as_near_as_the_code_allows() -> None:
    """No sample is further from its decoded code than half the widest step at its level."""
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    decoded = mulaw.to_pcm16(mulaw.from_pcm16(samples)).astype(int)
    error = np.abs(decoded - np.clip(samples.astype(int), -32124, 32124))
    assert (error <= np.maximum(np.abs(samples.astype(int)) / 16, 8) + 1).all()


def test_floats_are_clipped_and_not_wrapped() -> None:
    """A float beyond full scale encodes as full scale."""
    loud = mulaw.from_float(np.array([2.0, -2.0], np.float32))
    assert mulaw.to_pcm16(loud).tolist() == [32124, -32124]


def test_a_byte_is_an_eighth_of_a_millisecond() -> None:
    """160 bytes are a carrier's frame of 20 ms."""
    assert mulaw.duration_ms(bytes(160)) == 20.0
