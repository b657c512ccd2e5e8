"""The journal: what happened in a call, one line a happening, append-only.

Line kinds, told apart by their ``line`` field:

    head      the call, its chart, agent and settings: all that a replay needs to begin
    event     an event, the transitions it took, the guards it asked, the states after it
    effect    an effect started or ended
    note      something beside the chart (see :mod:`states.notes`)
    end       how the call ended; a journal without it was cut off

Lines are encoded where they arise (a few microseconds) and written elsewhere, by the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from effects.ports import JournalSink
from engine.errors import JournalError
from states.agent import Agent
from states.call import Line as HistoryLine
from states.endpointing import Reason
from states.events import EventUnion
from states.notes import NoteUnion
from states.settings import Settings

log = structlog.get_logger()


class JournalLine(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag=str.lower, omit_defaults=True
):
    """What all lines share."""


class Head(JournalLine, frozen=True):
    """The first line. ``started`` is wall-clock time (ISO 8601, UTC). ``direction`` (``inbound``,
    ``outbound``), ``caller`` and ``called`` are as the carrier told them, and empty where it did
    not. ``redacted``: long numbers in what was said were made unreadable afterwards."""

    format: int
    call_id: str
    stream_id: str
    started: str
    chart: str
    chart_digest: str
    agent: Agent
    settings: Settings
    direction: str = ""
    caller: str = ""
    called: str = ""
    redacted: bool = False


class Event(JournalLine, frozen=True):
    """One event and what it did. ``took`` are transition numbers with the event each reacted
    to (raised events follow the one that raised them); ``guards`` in the order asked. Where a
    turn was taken up, ``words`` are its words and ``endpoint`` says why it was."""

    seq: int
    by: str
    event: EventUnion
    took: list[tuple[int, str]] = []
    guards: list[tuple[str, bool]] = []
    states: list[str] = []
    words: str = ""
    endpoint: Reason | None = None


class Effect(JournalLine, frozen=True):
    """An effect's start, or its end: ``done``, ``cancelled``, ``abandoned`` or ``failed``."""

    at_ms: float
    effect: str
    state: str
    number: int
    phase: Literal["started", "done", "cancelled", "abandoned", "failed"]
    reason: str = ""


class Note(JournalLine, frozen=True):
    """Something beside the chart."""

    note: NoteUnion


class End(JournalLine, frozen=True):
    """The last line. ``history`` is the conversation as it was heard."""

    at_ms: float
    outcome: Literal["completed", "failed"]
    reason: str
    history: list[HistoryLine]
    strays: int = 0


AnyLine = Head | Event | Effect | Note | End
FORMAT = 1

_RESTS_EACH = 50
"""Lines that are read in about half a millisecond."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyLine)


class Journal:
    """Writes one call's lines to its sink, and shows them to watchers.

    A watcher sees each line after it is written. It must be quick; one that raises is logged
    and sees no more of the call, which goes on as if nobody had looked.
    """

    def __init__(self, sink: JournalSink, watchers: Sequence[Callable[[AnyLine], None]]) -> None:
        self._sink = sink
        self._watchers = tuple(watchers)
        self._ended = False

    def write(self, line: AnyLine) -> None:
        """Append one line. The end is the last: what a stray effect does later is not of the
        call any more."""
        if self._ended:
            return
        self._ended = isinstance(line, End)
        self._sink.write(_encoder.encode(line))
        for watcher in self._watchers:
            try:
                watcher(line)
            except Exception:
                log.exception("watcher_failed")
                self._watchers = tuple(other for other in self._watchers if other is not watcher)


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a journal: its lines in order (the head first), and a sentence for
    each line that could not, with the file and the line's number."""

    lines: list[AnyLine]
    troubles: list[str]

    @property
    def cut_off(self) -> bool:
        """Whether the end is missing: nobody knows how the call went on."""
        return not any(isinstance(line, End) for line in self.lines)


def read_journal(path: Path) -> Iterator[AnyLine]:
    """The lines of a journal, in order.

    A last line that was cut off in mid-write (a crash) is left out. A file that does not begin
    with a head, or anything else in it that is not a journal line, raises
    :class:`JournalError` with the file and the number of the line.
    """
    for line in _each(path):
        if isinstance(line, JournalError):
            raise line
        yield line


def read_what_there_is(path: Path) -> Reading:
    """As much of a journal as can be read, past what cannot.

    Raises :class:`JournalError` only where there is nothing to show: the file cannot be read, or
    does not begin with a head.
    """
    lines: list[AnyLine] = []
    troubles: list[str] = []
    for line in _each(path):
        if not isinstance(line, JournalError):
            lines.append(line)
        elif lines:
            troubles.append(str(line))
        else:
            raise line
    return Reading(lines, troubles)


def _each(path: Path) -> Iterator[AnyLine | JournalError]:
    """Each line, or what is wrong with it. Before the head nothing is right."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        yield JournalError(f"cannot read the journal {path}: {error.strerror}")
        return
    begun = False
    for number, text in enumerate(lines, start=1):
        if number % _RESTS_EACH == 0:
            time.sleep(0)  # calls in another thread go on at once, and not when 5 ms are over
        if not text.strip():
            continue
        try:
            line: AnyLine = _decoder.decode(text)
        except msgspec.MsgspecError as error:
            if begun and number == len(lines):
                return  # no newline after it: the write was cut off
            yield JournalError(f"{path}:{number}: not a journal line: {error}")
            continue
        if not begun and not isinstance(line, Head):
            kind = line.__struct_config__.tag
            yield JournalError(
                f"{path}:{number}: a journal begins with a head line, not with: {kind}"
            )
        begun = True
        yield line
    if not begun:
        yield JournalError(f"{path}:1: nothing in it: a journal begins with a head line")
