"""The calls that go on: a watcher keeps each call's lines, and pages read them from there.

    journal ──line──> LiveCall ──from its cursor, when it has taken what came before──> page

A watcher only ever appends. How many pages look, and how slowly they read, is nothing to the call:
each page has a place in the list and comes for more by itself, and what it does is done in its own
task. What is kept is bounded, for a call and for all that are over.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import trio

from engine.inspector.kept import KeptLines
from engine.inspector.summary import CallSummary, Summary
from engine.inspector.view import turn_view
from engine.journal import AnyLine, End, Head
from engine.session import Watcher
from engine.turns import TurnRecord

CALL_BYTES_MOST = 16 * 1024 * 1024
"""The journal of two hours. What comes then is in the journal's file only, but for the end."""

CALLS_KEPT = 20
"""Of the calls that are over, the latest."""

KEPT_BYTES_MOST = 32 * 1024 * 1024
"""Of all those together; older ones are in their files only."""

PART_BYTES = 64 * 1024
GATHER_S = 0.05
"""A page is told of what comes within that time at once: nobody sees it sooner."""

_LINE = b'id: %d\nevent: line\ndata: {"n":%d,"line":%b}\n\n'

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyLine)


class LiveCall:
    """One call as far as it went. Lines that are too many are seen, but not kept."""

    def __init__(self) -> None:
        self.call_id = ""
        self.over = False
        self.seen = 0
        self.bytes = 0
        self.encoded = KeptLines()
        self._summary = Summary()
        self._looking = trio.lowlevel.ParkingLot()
        self._turns, self._turns_at = b"[]", 0
        self._settled: list[bytes] = []

    @property
    def missed(self) -> int:
        """How many lines were not kept."""
        return self.seen - len(self.encoded)

    @property
    def records(self) -> list[TurnRecord]:
        """The turns so far."""
        return self._summary.turns.records

    def told(self) -> CallSummary | None:
        """The call in a line."""
        return self._summary.told(live=True)

    def feed(self, line: AnyLine) -> None:
        """Take in one line, and wake those who wait for it."""
        self._summary.feed(line)
        self.seen += 1
        self.over = isinstance(line, End)
        if self.bytes < CALL_BYTES_MOST or self.over:
            encoded = _encoder.encode(line)
            self.encoded.append(encoded)
            self.bytes += len(encoded)
        self._looking.unpark_all()

    def turns(self) -> bytes:
        """The turns so far, as JSON; made once for all who look. Only the latest two can still
        change: the last one, and the one whose sound is still on its way."""
        if self._turns_at < self.seen:
            self._turns_at = self.seen
            for record in self.records[len(self._settled) : -2]:
                self._settled.append(_encoder.encode(turn_view(record)))
            moving = self.records[len(self._settled) :]
            latest = (_encoder.encode(turn_view(record)) for record in moving)
            self._turns = b"[" + b",".join([*self._settled, *latest]) + b"]"
        return self._turns

    async def more_than(self, count: int) -> None:
        """Wait until there are more lines than that, or no more will come."""
        while len(self.encoded) <= count and not self.over:
            await self._looking.park()


def decoded(encoded: Iterable[bytes]) -> list[AnyLine]:
    """The lines of a call; takes 10 µs a line, so not for the task of the calls."""
    return [_decoder.decode(line) for line in encoded]


class Live:
    """The calls of one service that go on, and those that were over lately."""

    def __init__(self) -> None:
        self._calls: dict[str, LiveCall] = {}
        self._over: list[LiveCall] = []

    def watcher(self) -> Watcher:
        """Keeps one call."""
        call = LiveCall()

        def watch(line: AnyLine) -> None:
            call.feed(line)
            if isinstance(line, Head):
                call.call_id = line.call_id
                self._calls[line.call_id] = call
            elif isinstance(line, End):
                self._keep(call)

        return watch

    def get(self, call_id: str) -> LiveCall | None:
        """The call of this id, if it is kept."""
        return self._calls.get(call_id)

    @property
    def calls(self) -> list[LiveCall]:
        """All that are kept, the latest first."""
        return list(reversed(self._calls.values()))

    def _keep(self, call: LiveCall) -> None:
        self._over.append(call)
        while len(self._over) > CALLS_KEPT or (
            len(self._over) > 1 and sum(one.bytes for one in self._over) > KEPT_BYTES_MOST
        ):
            old = self._over.pop(0)
            if self._calls.get(old.call_id) is old:  # a carrier may give an id twice
                del self._calls[old.call_id]


class Page:
    """One page's place in a call: what it has been told."""

    def __init__(self, call: LiveCall, after: int) -> None:
        self._call, self._told = call, min(max(after, 0), len(call.encoded))
        self._turns, self._done = b"", False

    async def next_part(self) -> bytes | None:
        """The next Server-Sent Events; None when the call is over and all is told.

            event: line     {"n": how many lines there are with this one, "line": …}
            event: turns    the turns of the call, when one of them changed
            event: over     {"missed": how many lines were not kept}

        An event's id is its ``n``, from which a page that was cut off goes on. Cancelling loses
        nothing: what is told is reckoned when all waiting is over.
        """
        if self._done:
            return None
        if self._turns:  # the first part, with what there is already, comes at once
            await self._call.more_than(self._told)
            if not self._call.over:
                await trio.sleep(GATHER_S)
        events, size, lines = [], 0, self._call.encoded
        for line in lines.after(self._told):
            if size >= PART_BYTES:
                break
            self._told += 1
            events.append(_LINE % (self._told, self._told, line))
            size += len(line)
        if self._told == len(lines):
            turns = self._call.turns()
            if turns != self._turns:
                self._turns = turns
                events.append(b"event: turns\ndata: %b\n\n" % turns)
            if self._call.over:
                self._done = True
                events.append(b'event: over\ndata: {"missed":%d}\n\n' % self._call.missed)
        return b"".join(events)
