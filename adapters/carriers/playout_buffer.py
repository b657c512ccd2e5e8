"""What a carrier does with the agent's audio until the caller has heard it; no I/O, no clock.

Audio and marks queue in order. Every 20 ms the next 20 ms of audio begin to play. A mark
comes back when what was sent before it has been played, or at once if nothing is waiting or
playing. `clear` throws the queue away and brings all marks back.
"""

from __future__ import annotations

from collections import deque

from adapters.carriers.whole_frames import FRAME_BYTES
from states.mulaw import BYTES_PER_MS

BUFFERED_MS_MAX = 600_000
"""Ten minutes, as at Twilio's (error 31931)."""


class PlayoutBuffer:
    """The agent's audio and marks on their way to the caller's ear."""

    def __init__(self) -> None:
        self._queue: deque[memoryview | str] = deque()  # audio, or a mark's name
        self._bytes = 0
        self._passed: list[str] = []  # marks inside the frame that is playing
        self._playing = False

    @property
    def buffered_ms(self) -> float:
        """How much has not begun to play."""
        return self._bytes / BYTES_PER_MS

    @property
    def waiting(self) -> int:
        """How many stretches of audio and marks wait."""
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """How much audio they are."""
        return self._bytes

    def add_audio(self, mulaw: bytes) -> bool:
        """Queue agent audio; False if there is no room for it."""
        if self._bytes + len(mulaw) > BUFFERED_MS_MAX * BYTES_PER_MS:
            return False
        if mulaw:
            self._queue.append(memoryview(mulaw))
            self._bytes += len(mulaw)
        return True

    def add_mark(self, name: str) -> bool:
        """Queue a mark; True if it is to be echoed at once instead."""
        if not (self._queue or self._playing):
            return True
        self._queue.append(name)
        return False

    def clear(self) -> list[str]:
        """Drop all audio; the marks to echo. What is playing plays out (20 ms at most)."""
        marks = self._passed + [item for item in self._queue if isinstance(item, str)]
        self._passed = []
        self._queue.clear()
        self._bytes = 0
        return marks

    def tick(self) -> tuple[bytes, list[str]]:
        """The last frame has been played, the next begins: its audio (20 ms, less at the end,
        empty when there is none) and the marks to echo now."""
        marks, self._passed = self._passed, []
        frame = b""
        while self._queue and len(frame) < FRAME_BYTES:
            item = self._queue.popleft()
            if isinstance(item, str):
                (self._passed if frame else marks).append(item)
                continue
            room = FRAME_BYTES - len(frame)
            frame += item[:room]
            if len(item) > room:
                self._queue.appendleft(item[room:])
        self._bytes -= len(frame)
        self._playing = bool(frame)
        return frame, marks
