"""What both sides of a simulated call heard, and when.

Times are in seconds from the call's `start`, as the caller's telephone lives through them:
speech starts when it is spoken (its first frame leaves 20 ms later), and a reply when its
first audible sample is played.
"""

from __future__ import annotations

import wave
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adapters.carriers.whole_frames import FRAME_BYTES
from states.mulaw import BYTES_PER_MS, SAMPLE_RATE_HZ, SILENCE, duration_ms, to_pcm16

_AUDIBLE = 100  # of 32768, about -50 dB: above the noise that voices put before a word
_PAUSE_MS = 200  # a reply that stops for less goes on: its audio came late


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something heard without a break, in seconds of the call."""

    start_s: float
    end_s: float


What = Literal[
    "started",
    "speech_start",
    "speech_end",
    "agent_start",
    "agent_end",
    "mark",
    "clear",
    "key",
    "refused",
    "ended",
]


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that happened on a call, told when it is known.

    ``detail`` is the utterance's number (speech), the mark's name, the key, why a message of
    the server's was refused, or how the call ended.
    """

    at_s: float
    what: What
    detail: str = ""


class Ear:
    """What the caller hears of the agent; times of the call in milliseconds."""

    def __init__(self) -> None:
        self.playing = False
        """Agent audio is being played right now."""
        self.sound_until_ms = float("-inf")
        """The end of the last agent audio played."""
        self.reply_began_ms: float | None = None
        """When the reply last heard became audible; None until it does."""
        self.heard: list[Stretch] = []
        """Every reply so far, from its first audible sample to the end of its audio."""
        self._reply_open = False

    def hear(self, now_ms: float, mulaw: bytes) -> Literal["agent_start", "agent_end"] | None:
        """This begins to play now (nothing, if empty); says what that begins or ends."""
        self.playing = bool(mulaw)
        paused = now_ms - self.sound_until_ms > _PAUSE_MS
        if not mulaw:
            if self._reply_open and paused:
                self._reply_open = False
                return "agent_end"
            return None
        if paused:
            self.reply_began_ms = None
        self.sound_until_ms = now_ms + duration_ms(mulaw)
        if self.reply_began_ms is not None:
            self.heard[-1] = Stretch(self.heard[-1].start_s, self.sound_until_ms / 1000)
            return None
        audible = np.flatnonzero(np.abs(to_pcm16(mulaw).astype(np.int32)) > _AUDIBLE)
        if not len(audible):
            return None
        self.reply_began_ms = now_ms + int(audible[0]) / BYTES_PER_MS
        self.heard.append(Stretch(self.reply_began_ms / 1000, self.sound_until_ms / 1000))
        self._reply_open = True
        return "agent_start"


class Recording:
    """Both sides frame by frame: what is spoken in a frame's time beside what is played."""

    def __init__(self) -> None:
        self._caller = bytearray()
        self._agent = bytearray()

    def add(self, caller: bytes | None, agent: bytes) -> None:
        """The next 20 ms."""
        self._caller += (caller or b"").ljust(FRAME_BYTES, SILENCE)
        self._agent += agent.ljust(FRAME_BYTES, SILENCE)

    def samples(self) -> NDArray[np.int16]:
        """16-bit samples at 8 kHz, shape (n, 2): caller left, agent right."""
        return np.stack([to_pcm16(bytes(self._caller)), to_pcm16(bytes(self._agent))], axis=1)

    def write_wav(self, path: Path) -> None:
        """Write a stereo WAV file. Raises OSError."""
        with path.open("wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(2)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE_HZ)
            wav.writeframes(self.samples().astype("<i2").tobytes())


Outcome = Literal["hung_up", "gave_up", "server_closed"]


@dataclass(slots=True)
class CallRecord:
    """All that was observed on one call, from the caller's end."""

    call_id: str = ""
    """The call's id, as the server was told it."""
    outcome: Outcome = "hung_up"
    detail: str = ""
    """How the server closed, if it did."""
    close_code: int | None = None
    """The code that the server closed with (RFC 6455, section 7.4), if it did."""
    finished: bool = False
    """The caller had said and pressed everything, and heard something after it."""
    said: list[Stretch] = field(default_factory=list)
    """The caller's utterances, in the script's order."""
    heard: list[Stretch] = field(default_factory=list)
    """The agent's replies."""
    marks: list[tuple[str, float]] = field(default_factory=list)
    """Marks echoed: name and time in seconds."""
    clears: list[float] = field(default_factory=list)
    """When each `clear` came, in seconds."""
    refused: Counter[str] = field(default_factory=Counter)
    """The server's messages that Twilio would have warned of, by fault."""
    events: list[Observation] = field(default_factory=list)
    """Everything, in the order in which it became known."""
    recording: Recording = field(default_factory=Recording)
