"""Caller audio from WAV files, and what is said of files that are something else."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from adapters.twilio.wav import UnusableWav, read_caller_wav
from states.mulaw import from_pcm16

TONE = (np.sin(np.arange(800) * 0.3) * 12000).astype("<i2")


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(encoding: int, channels: int, rate_hz: int, bits: int, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    fields = struct.pack("<HHIIHH", encoding, channels, rate_hz, rate_hz * frame, frame, bits)
    return chunk(b"fmt ", fields + extra)


def write(tmp_path: Path, data: bytes, name: str = "in.wav") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_16_bit_pcm_as_the_standard_library_writes_it(tmp_path: Path) -> None:
    """It comes out as the µ-law of its samples."""
    path = tmp_path / "in.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(TONE.tobytes())
    assert read_caller_wav(path) == from_pcm16(TONE)


@pytest.mark.parametrize(
    "chunks",
    [
        (fmt(7, 1, 8000, 8), chunk(b"data", b"\x01\x02\x03")),
        (fmt(7, 1, 8000, 8, b"\0\0"), chunk(b"fact", b"abcd"), chunk(b"data", b"\x01\x02\x03")),
        (chunk(b"LIST", b"odd"), fmt(7, 1, 8000, 8), chunk(b"data", b"\x01\x02\x03")),
        (fmt(7, 1, 8000, 8), b"data\xff\xff\xff\xff\x01\x02\x03"),
        (
            fmt(0xFFFE, 1, 8000, 8, struct.pack("<HHIH", 22, 8, 0, 7) + b"\0" * 14),
            chunk(b"data", b"\x01\x02\x03"),
        ),
    ],
)
def test_mulaw_is_taken_as_it_is(chunks: tuple[bytes, ...], tmp_path: Path) -> None:
    """With other chunks in between, in its extensible form, and with an unfinished length."""
    assert read_caller_wav(write(tmp_path, riff(*chunks))) == b"\x01\x02\x03"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (riff(fmt(1, 2, 44100, 16), chunk(b"data", b"1234")), "44.1 kHz stereo 16-bit PCM"),
        (riff(fmt(1, 1, 8000, 8), chunk(b"data", b"1234")), "8 kHz mono 8-bit PCM"),
        (riff(fmt(6, 1, 8000, 8), chunk(b"data", b"1234")), "8 kHz mono 8-bit A-law"),
        (riff(fmt(3, 1, 16000, 32), chunk(b"data", b"1234")), "16 kHz mono 32-bit float"),
        (riff(fmt(85, 6, 8000, 0), chunk(b"data", b"1234")), "8 kHz 6 channels 0-bit format 85"),
    ],
)
def test_another_kind_of_wav_is_named_with_the_way_out(
    data: bytes, says: str, tmp_path: Path
) -> None:
    """One line: which file, what it is, what is needed, and the command that makes it."""
    path = write(tmp_path, data)
    with pytest.raises(UnusableWav) as caught:
        read_caller_wav(path)
    assert str(caught.value) == (
        f"{path} is {says}; 8 kHz mono 16-bit PCM or µ-law WAV is needed:"
        f" sox {path} -r 8000 -c 1 -b 16 out.wav"
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (riff(fmt(1, 1, 8000, 16)), "a WAV file without a format or without sound"),
        (riff(chunk(b"data", b"1234")), "a WAV file without a format or without sound"),
        (riff(chunk(b"fmt ", b"1234")), "a WAV file without a format or without sound"),
        (b"ID3\x03 an mp3", "not a WAV file (no RIFF header)"),
        (b"", "not a WAV file (no RIFF header)"),
        (b"RIFF", "not a WAV file (no RIFF header)"),
    ],
)
def test_what_cannot_be_read_at_all_is_said_with_what_can(
    data: bytes, says: str, tmp_path: Path
) -> None:
    """One line: which file, what it is not, which formats are read; and no conversion of what
    may be anything."""
    path = write(tmp_path, data)
    with pytest.raises(UnusableWav) as caught:
        read_caller_wav(path)
    assert str(caught.value) == (
        f"{path} is {says}; what is read is 8 kHz mono 16-bit PCM or µ-law WAV"
    )


def test_a_file_without_sound_or_without_existence(tmp_path: Path) -> None:
    """Said in one line too; and a name that a shell would trip over is not put in a command."""
    empty = write(tmp_path, riff(fmt(7, 1, 8000, 8), chunk(b"data", b"")))
    with pytest.raises(UnusableWav, match="holds no sound"):
        read_caller_wav(empty)
    with pytest.raises(UnusableWav, match="cannot be read: No such file"):
        read_caller_wav(tmp_path / "none.wav")
    with pytest.raises(UnusableWav, match="cannot be read: Is a directory"):
        read_caller_wav(tmp_path)
    stereo = riff(fmt(1, 2, 44100, 16), chunk(b"data", b"1234"))
    with pytest.raises(UnusableWav, match=r"sox in\.wav -r 8000"):
        read_caller_wav(write(tmp_path, stereo, "a; rm.wav"))
