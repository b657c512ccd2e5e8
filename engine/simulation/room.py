"""The caller's room: it gives the agent's own voice back."""

from __future__ import annotations

from states import mulaw


class Room:
    """An echo, ``delay_s`` after what was played; none at all if that is 0. Times are seconds of
    the call."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._played = bytearray()

    def plays(self, audio: bytes, at_s: float) -> None:
        """The caller hears this from ``at_s`` on, unless the agent falls silent before."""
        if self._delay_s:
            self.falls_silent(at_s)
            self._played = self._played.ljust(_place(at_s), mulaw.SILENCE)
            self._played += audio

    def falls_silent(self, at_s: float) -> None:
        """Nothing of what was to be heard after ``at_s`` is."""
        del self._played[_place(at_s) :]

    def gives_back(self, from_s: float, to_s: float) -> bytes:
        """What comes back in an interval."""
        size = _place(to_s - from_s)
        first = _place(from_s - self._delay_s)
        if not self._delay_s or first < 0:
            return mulaw.SILENCE * size
        return bytes(self._played[first : first + size]).ljust(size, mulaw.SILENCE)


def _place(at_s: float) -> int:
    return round(at_s * mulaw.SAMPLE_RATE_HZ)
