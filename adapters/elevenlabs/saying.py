"""One clause on its way from the vendor to the caller."""

from __future__ import annotations

from collections import deque

import trio

from adapters.elevenlabs.timings import Aligned, Timeline
from effects.ports import Clause, ProviderError, ProviderLost, Speech
from states import mulaw

CLAUSE_LIMIT_MS = 120_000
"""A clause that sounds for longer is a fault of the vendor's."""


class Saying:
    """What has come of a clause and waits to be handed on. Pieces go in without waiting, which is
    bounded by what a clause can be, and come out one by one."""

    def __init__(self, clause: Clause) -> None:
        self.clause = clause
        self.begun = False
        """Whether something of it was handed on: then it cannot be said in another way any more."""
        self._news = trio.lowlevel.ParkingLot()
        self._failure: ProviderError | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what has come: it is asked for anew."""
        assert not self.begun, "a clause would be heard twice"
        self._pieces: deque[Speech] = deque()
        self._timeline = Timeline(self.clause.spoken)
        self.audio_ms = 0.0

    def add(self, audio: bytes, aligned: Aligned | None = None) -> None:
        """Take the next piece. Raises :class:`ProviderLost` if there is no end to them."""
        timings = self._timeline.take(aligned, self.audio_ms) if aligned else ()
        self.audio_ms += mulaw.duration_ms(audio)
        if self.audio_ms > CLAUSE_LIMIT_MS:
            raise ProviderLost(f"elevenlabs said one clause for over {CLAUSE_LIMIT_MS / 1000:g} s")
        self._put(Speech(self.clause.index, audio, False, timings))

    def end(self) -> None:
        """That was all of it."""
        self._put(Speech(self.clause.index, b"", True))

    def fail(self, error: ProviderError) -> None:
        """No more will come."""
        self._failure = error
        self._news.unpark_all()

    async def next(self) -> Speech:
        """The next piece; raises what it failed with after all that came before. Safe to
        cancel."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            await self._news.park()
        self.begun = True
        return self._pieces.popleft()

    def _put(self, piece: Speech) -> None:
        self._pieces.append(piece)
        self._news.unpark_all()
