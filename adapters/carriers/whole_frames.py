"""The agent's audio in whole frames of 20 ms, for carriers that play no others. No I/O."""

from __future__ import annotations

from states.mulaw import BYTES_PER_MS, SILENCE

FRAME_MS = 20
FRAME_BYTES = FRAME_MS * BYTES_PER_MS


class WholeFrames:
    """Keeps what does not fill a frame until the next audio comes, or until it has to go out."""

    def __init__(self) -> None:
        self._kept = b""

    def take(self, mulaw: bytes) -> bytes:
        """What is whole of this and what was kept; the rest is kept, under 20 ms."""
        if not self._kept and len(mulaw) % FRAME_BYTES == 0:
            return mulaw  # nearly always
        mulaw = self._kept + mulaw
        whole = len(mulaw) - len(mulaw) % FRAME_BYTES
        self._kept = mulaw[whole:]
        return mulaw[:whole]

    def rest(self) -> bytes:
        """What was kept, filled up with silence; empty if nothing was."""
        kept, self._kept = self._kept, b""
        return kept.ljust(FRAME_BYTES, SILENCE) if kept else b""

    def drop(self) -> None:
        """Forget what was kept."""
        self._kept = b""
