"""The audio of a connection that is not finalised yet.

It says what a new connection has to hear again, and what the times of this one are in the call:
a connection counts the audio that it was sent, while in the call frames may be missing.
"""

from __future__ import annotations

from collections import deque

from effects.ports import Frame
from states.mulaw import duration_ms

_ROUNDING_MS = 1.0
"""Times come as seconds in decimals."""


class Backlog:
    """At most ``limit_ms`` of audio; beyond it the oldest is dropped.

    ``dropped_ms`` counts what was dropped and not finalised: it cannot be heard again.
    """

    def __init__(self, limit_ms: float) -> None:
        self._limit_ms = limit_ms
        self._frames: deque[tuple[float, Frame]] = deque()
        """Each with where it begins in the connection's audio."""
        self._kept_ms = 0.0
        self._sent_ms = 0.0
        self._before_ms = 0.0
        """The call's time where the first of them begins."""
        self.dropped_ms = 0.0

    def add(self, frame: Frame) -> None:
        """Note a frame that is sent now."""
        self._frames.append((self._sent_ms, frame))
        self._sent_ms += duration_ms(frame.mulaw)
        self._kept_ms += duration_ms(frame.mulaw)
        while self._kept_ms > self._limit_ms:
            self.dropped_ms += duration_ms(self._pop().mulaw)

    def add_silence(self, silence_ms: float) -> None:
        """Note silence that is sent in place of frames: no part of the call."""
        self._sent_ms += silence_ms

    def call_ms(self, through_ms: float) -> float:
        """The time in the call at which so much of the connection's audio ends."""
        for begins_ms, frame in reversed(self._frames):
            if begins_ms < through_ms:
                return frame.at_ms + min(through_ms - begins_ms, duration_ms(frame.mulaw))
        return self._before_ms

    def settle(self, through_ms: float) -> None:
        """So much of the connection's audio is finalised."""
        if self._frames and self._frames[0][0] <= through_ms:
            self.dropped_ms = 0.0
        while self._frames:
            begins_ms, frame = self._frames[0]
            if begins_ms + duration_ms(frame.mulaw) > through_ms + _ROUNDING_MS:
                break
            self._pop()

    def forget(self, before_ms: float) -> None:
        """The call's audio before this time need not be heard again."""
        self.dropped_ms = 0.0
        while self._frames and self._frames[0][1].at_ms < before_ms - _ROUNDING_MS:
            self._pop()

    def replay(self) -> list[Frame]:
        """What a new connection has to hear first; from here on its times count."""
        frames = [frame for _, frame in self._frames]
        self._frames.clear()
        self._kept_ms = self._sent_ms = 0.0
        for frame in frames:
            self.add(frame)
        return frames

    def _pop(self) -> Frame:
        _, frame = self._frames.popleft()
        self._kept_ms -= duration_ms(frame.mulaw)
        self._before_ms = frame.at_ms + duration_ms(frame.mulaw)
        return frame
