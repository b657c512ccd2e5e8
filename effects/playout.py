"""The agent's mouth: the single owner of a call's outbound audio.

It holds the audio of one reply at a time, clause by clause, and sends it at most ``lead_ms``
ahead of real time, so that little has to be taken back when the caller interrupts. After each
clause it sends a mark.

What the caller has heard is reckoned from the time audio was sent, less the lag that echoed
marks have shown, and is never less than what an echoed mark proves. Marks that come back
after a clear prove nothing: a clear forgets all that were outstanding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from effects import waits
from effects.echo import Echo
from effects.heard import PlayedClause, gap_before, rest_after, text_until
from effects.ports import Carrier, Clause, Timing
from states import mulaw, notes
from states.events import AudioStarted, Event, PlayedOut
from states.settings import Settings

BUFFER_LIMIT_MS = 30_000
"""Audio that waits to be sent; beyond it the voice has to wait."""

LAG_LIMIT_MS = 500.0
"""No carrier is believed to lag more than this."""

CLOCK_MS = 0.1
"""How finely call time is told. A wait that is shorter is over: waiting for the rest of it would
look at the same time again and again."""

SPOKEN_LIMIT = 16
"""Clauses that are remembered after they were spoken."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What was heard of a reply when its output stopped; ``unheard`` are the clauses, or what is
    left of them, that the voice had delivered and the caller has not heard."""

    reply: int
    heard: str
    audible: bool
    unheard: tuple[Clause, ...] = ()
    delivered: int = 0
    """So many clauses had been delivered."""


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """A mark that has not come back: the clause it ends, and when that should be heard."""

    clause: PlayedClause
    due_ms: float


@dataclass(slots=True)
class _Spoken:
    """A clause that was begun, and until when it plays as far as it was sent."""

    text: str
    until_ms: float = 0.0


class Playout:
    """Sends one reply at a time. All methods but :meth:`add` and :meth:`run` are synchronous.

    Positions are bytes of the reply's audio. ``now_ms`` is call time. ``echo`` is told what
    plays when.
    """

    def __init__(
        self,
        carrier: Carrier,
        settings: Settings,
        now_ms: Callable[[], float],
        note: Callable[[notes.Note], None],
        echo: Echo | None = None,
    ) -> None:
        self._carrier = carrier
        self._settings = settings
        self._now_ms = now_ms
        self._note = note
        self._echo = echo or Echo()
        # The texts only: the audio of replies that are over is not kept.
        self._spoken: deque[_Spoken] = deque(maxlen=SPOKEN_LIMIT)
        self._news = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        self._outstanding: dict[str, _Outstanding] = {}
        self._marks_sent = 0
        self._lag_ms = 0.0
        self._buffer_ends_ms = 0.0
        """When the carrier will have played all that was sent."""
        self.held = False
        """Whether :meth:`hold` has silenced it."""
        self._silenced: Silenced | None = None
        self._reset(0)

    def _reset(self, reply: int) -> None:
        self.reply = reply
        self._clauses: list[PlayedClause] = []
        self._sent = 0
        self._furthest = 0
        self._proven = 0
        self._audible = False
        self._finished = False
        self._done = reply == 0
        self._room.unpark_all()

    # --- the voice's side ---

    def begin(self, reply: int) -> Silenced | None:
        """A reply is about to be voiced. Another one still in the air is discarded; returns
        what was heard of it."""
        if reply == self.reply:
            return None
        silenced = None if self._done else self._silence()
        self._reset(reply)
        return silenced

    async def add(
        self,
        reply: int,
        said: Clause,
        audio: bytes,
        *,
        last: bool,
        timings: tuple[Timing, ...] = (),
    ) -> None:
        """Queue audio of one clause; waits while there is plenty. Audio of any other than the
        current reply, and after :meth:`finish`, is ignored: it comes too late."""
        if reply != self.reply or self._done or self._finished:
            return
        if not self._clauses or self._clauses[-1].complete:
            end = self._clauses[-1].end if self._clauses else 0
            self._clauses.append(PlayedClause(said, start=end))
        clause = self._clauses[-1]
        clause.audio += audio
        clause.timings += timings
        clause.complete = clause.whole = last
        self._news.unpark_all()
        while reply == self.reply and not self._done and self._unsent_ms > BUFFER_LIMIT_MS:
            await self._room.park()

    def finish(self, reply: int) -> None:
        """No more audio of this reply will come."""
        if reply == self.reply:
            self._finished = True
            if self._clauses:
                self._clauses[-1].complete = True
            self._news.unpark_all()

    def take_back(self, reply: int, first: int) -> None:
        """The clauses from ``first`` on will be said again by another voice: drop what was not sent
        of them, or not heard before a hold. What was stays, and is heard to where it breaks off."""
        if reply != self.reply:
            return
        kept: list[PlayedClause] = []
        sent = max(self._sent, self._furthest)
        for clause in self._clauses:
            if clause.said.index >= first:
                clause.whole = clause.whole and clause.end <= sent
                del clause.audio[max(0, sent - clause.start) :]
                clause.complete = clause.broken_off = clause.marked = True
            if clause.audio or not clause.broken_off:
                kept.append(clause)
            if clause.broken_off and clause.start <= self._sent < clause.end:
                self._sent = sent  # what a hold would have it say again is said anew
        self._clauses = kept
        self._finished = False
        self._news.unpark_all()

    # --- the floor's side ---

    def hold(self) -> Silenced:
        """Fall silent at once; keep what is not yet heard."""
        self.held = True
        self._silenced = self._silence()
        self._sent = gap_before(self._clauses, self._furthest)
        return self._silenced

    def release(self) -> None:
        """Go on where :meth:`hold` stopped."""
        self.held = False
        self._news.unpark_all()

    def discard(self) -> Silenced | None:
        """Fall silent at once and drop the rest; returns what was heard, as :meth:`hold` has said
        if it was held, unless the reply was over."""
        silenced = self._silenced if self.held else None
        if not self.held and not self._done:
            silenced = self._silence()
        self.held = False
        self._done = True
        self._room.unpark_all()
        return silenced

    def echoed(self, name: str) -> None:
        """The carrier returned a mark."""
        outstanding = self._outstanding.pop(name, None)
        if outstanding is None:
            return  # a mark from before a clear: it proves nothing
        clause = outstanding.clause
        lag_ms = self._now_ms() - outstanding.due_ms
        self._lag_ms = min(max(0.0, lag_ms), LAG_LIMIT_MS)
        self._proven = max(self._proven, clause.end)
        clause.marked = True
        self._note(
            notes.MarkEchoed(
                at_ms=self._now_ms(),
                reply=self.reply,
                clause=clause.said.index,
                lag_ms=round(lag_ms, 1),
            )
        )
        self._news.unpark_all()

    def heard(self) -> str:
        """The words of the current reply that the caller has heard, cut at a word."""
        return text_until(self._clauses, self._heard_position())

    def spoken_since(self, since_ms: float) -> str:
        """The words of the clauses that were on the line then or later, of this reply and those
        before it; a clause that was cut off counts whole. The last ``SPOKEN_LIMIT`` are known."""
        return " ".join(one.text for one in self._spoken if one.until_ms >= since_ms)

    @property
    def audible(self) -> bool:
        """Whether anything of the current reply was sent."""
        return self._audible

    @property
    def has_audio(self) -> bool:
        """Whether there is anything of the current reply to send."""
        return bool(self._clauses)

    def starved(self, reply: int) -> bool:
        """Whether this reply has nothing left to send, and is not held."""
        return reply == self.reply and not self.held and self._unsent_ms <= 0

    @property
    def starved_ms(self) -> float:
        """For how long the caller has heard nothing although the reply is not finished, between
        two clauses; 0 if that is not so."""
        between = bool(self._clauses) and self._clauses[-1].complete
        if not between or self._finished or self._done or not self.starved(self.reply):
            return 0.0
        return max(0.0, self._now_ms() - self._buffer_ends_ms)

    # --- the pump ---

    async def run(
        self, emit: Callable[[Event], None], settled: Callable[[], Awaitable[None]]
    ) -> None:
        """Send audio as its time comes, for as long as the call lasts. Safe to cancel.

        ``settled`` is awaited before each look: it returns when the effects of states that
        were left are finished (law L8).
        """
        while True:
            await settled()
            wait_ms = self._advance(emit)
            if wait_ms is None:
                await self._news.park()
            elif wait_ms > 0:
                await waits.parked(self._news, wait_ms / 1000)

    def _advance(self, emit: Callable[[Event], None]) -> float | None:
        """Send one chunk if it is time; return how long to wait (None: until news)."""
        if self.held or self._done:
            return None
        now_ms = self._now_ms()
        clause = self._clause_to_send()
        if clause is None:
            return self._conclude(emit, now_ms)
        ahead_ms = self._buffer_ends_ms - now_ms
        spare_ms = ahead_ms - (self._settings.lead_ms - self._settings.chunk_ms)
        if spare_ms >= CLOCK_MS:
            return spare_ms
        if self._send(clause, now_ms) and not self._audible:
            self._audible = True
            emit(AudioStarted(at_ms=now_ms, reply=self.reply))
        return 0

    def _clause_to_send(self) -> PlayedClause | None:
        for clause in self._clauses:
            unsent_mark = clause.complete and not clause.marked and not self._mark_is_out(clause)
            if self._sent < clause.end or (self._sent == clause.end and unsent_mark):
                return clause
        return None

    def _mark_is_out(self, clause: PlayedClause) -> bool:
        return any(outstanding.clause is clause for outstanding in self._outstanding.values())

    def _send(self, clause: PlayedClause, now_ms: float) -> bool:
        """Send the next chunk of a clause, and its mark at its end; whether there was sound."""
        first = max(self._sent, clause.start)
        until = min(clause.end, first + self._settings.chunk_ms * mulaw.BYTES_PER_MS)
        audio = bytes(clause.audio[first - clause.start : until - clause.start])
        if audio:
            self._carrier.send_audio(audio)
            from_ms = max(self._buffer_ends_ms, now_ms)
            self._echo.played(audio, from_ms)
            self._buffer_ends_ms = from_ms + mulaw.duration_ms(audio)
            if not clause.begun:
                clause.begun = True
                self._spoken.append(_Spoken(clause.said.text))
                self._note(
                    notes.ClauseSent(at_ms=now_ms, reply=self.reply, clause=clause.said.index)
                )
            self._spoken[-1].until_ms = self._buffer_ends_ms
        self._sent = until
        self._furthest = max(self._furthest, until)
        if clause.complete and until == clause.end:
            self._send_mark(clause, now_ms)
        if self._room and self._unsent_ms <= BUFFER_LIMIT_MS:
            self._room.unpark_all()
        return bool(audio)

    def _send_mark(self, clause: PlayedClause, now_ms: float) -> None:
        self._marks_sent += 1
        name = f"{self.reply}.{clause.said.index}.{self._marks_sent}"
        self._outstanding[name] = _Outstanding(clause, max(self._buffer_ends_ms, now_ms))
        self._carrier.send_mark(name)

    def _conclude(self, emit: Callable[[Event], None], now_ms: float) -> float | None:
        """All is sent: is it played out?"""
        if not self._finished or not self._audible:
            return None
        if self._outstanding:
            overdue_ms = self._buffer_ends_ms + self._settings.mark_grace_ms - now_ms
            if overdue_ms >= CLOCK_MS:
                return overdue_ms
            self._outstanding.clear()  # a carrier that loses marks must not mute the call
        left_ms = self._buffer_ends_ms - now_ms
        if self._clauses[-1].broken_off and left_ms >= CLOCK_MS:
            return left_ms  # nobody took over in the end, and no mark tells when it was heard
        self._done = True
        emit(PlayedOut(at_ms=now_ms, reply=self.reply, heard=text_until(self._clauses, self._sent)))
        return None

    # --- reckoning ---

    @property
    def _unsent_ms(self) -> float:
        end = self._clauses[-1].end if self._clauses else 0
        return (end - self._sent) / mulaw.BYTES_PER_MS

    def _heard_position(self) -> int:
        unplayed_ms = max(0.0, self._buffer_ends_ms + self._lag_ms - self._now_ms())
        reckoned = self._sent - round(unplayed_ms * mulaw.BYTES_PER_MS)
        return max(min(reckoned, self._sent), self._proven, 0) if self._audible else 0

    def _silence(self) -> Silenced:
        """Stop what is in the air; afterwards ``_furthest`` is what was heard."""
        position, heard = self._heard_position(), self.heard()
        in_the_air = (
            self._audible and not self._done and (self._outstanding or self._sent > self._proven)
        )
        if in_the_air:
            self._carrier.send_clear()
            self._echo.cleared(self._now_ms())
            self._note(notes.Cleared(at_ms=self._now_ms(), reply=self.reply))
        self._outstanding.clear()
        self._buffer_ends_ms = self._now_ms()
        self._sent = self._furthest = self._proven = position
        delivered = max(
            (one.said.index + 1 for one in self._clauses if not one.broken_off), default=0
        )
        unheard = rest_after(self._clauses, position)
        return Silenced(self.reply, heard, self._audible, unheard, delivered)
