"""The calls that were recorded: the journals of a folder, without reading any of them twice.

Everything here reads files, and is called in a worker thread, by one at a time. A name that a
client gives is only ever compared with the folder's own: it never becomes a path.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from adapters.stores.files import ending_for
from engine.errors import JournalError
from engine.inspector.summary import CallSummary, Summary
from engine.journal import Reading, read_what_there_is

LISTED = 500
"""As many are in one list, the newest; older ones are asked for by name."""

LIST_S = 2.0
"""What is not known yet is read for so long; then the list ends earlier."""

SUMMARIES_KEPT = 2000
JOURNAL_BYTES_MOST = 64 * 1024 * 1024


class RecordedCalls:
    """The journals of one folder, newest first: by name, which begins with the time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._summaries: dict[str, tuple[int, int, CallSummary]] = {}

    def names(self) -> list[str]:
        """The names of all journals."""
        try:
            names = os.listdir(self._folder)
        except OSError:  # it was there when the service began
            return []
        return sorted((name for name in names if name.endswith(".jsonl")), reverse=True)

    def listed(
        self, names: Sequence[str], before: str = "", without: Iterable[str] = ()
    ) -> list[CallSummary]:
        """The newest calls of these journals, or the newest of those whose name comes before this
        one; where they take long to read, not as many. ``without`` are ids of calls that are left
        out. What cannot be read is there as well, and says why."""
        endings = tuple(ending_for(call_id) for call_id in without)
        wanted = (name for name in names if not before or name < before)
        newest = islice((name for name in wanted if not name.endswith(endings)), LISTED)
        summaries, until_s = [], time.monotonic() + LIST_S
        for name in newest:
            summary = self._summary(name)
            if summary is not None:
                summaries.append(summary)
            if time.monotonic() > until_s:
                break
        return summaries

    def find(self, call_id: str) -> Path | None:
        """The journal with this name (with or without its suffix), or the newest one of the call
        with this id."""
        names, ending = self.names(), ending_for(call_id)
        named = [name for name in names if call_id in (name, name.removesuffix(".jsonl"))]
        found = named or [name for name in names if name.endswith(ending)]
        return self._folder / found[0] if found else None

    def _summary(self, name: str) -> CallSummary | None:
        path = self._folder / name
        try:
            status = path.stat()
        except OSError:  # deleted since
            return None
        key = (status.st_mtime_ns, status.st_size)
        known = self._summaries.pop(name, None)
        summary = known[2] if known and known[:2] == key else _read(path)
        self._summaries[name] = (*key, summary)
        while len(self._summaries) > SUMMARIES_KEPT:
            del self._summaries[next(iter(self._summaries))]
        return summary


def reading_of(path: Path) -> Reading:
    """What there is of a journal. Raises :class:`JournalError` where there is nothing to show, or
    more than anybody could look at; it names the file without its folder, which is no client's
    business."""
    try:
        status = path.stat()
    except OSError as error:
        raise JournalError(f"cannot read the journal {path.name}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise JournalError(f"{path.name}: not a file")
    if status.st_size > JOURNAL_BYTES_MOST:
        raise JournalError(f"{path.name}: too long to be shown: {status.st_size} bytes")
    try:
        reading = read_what_there_is(path)
    except JournalError as error:
        raise JournalError(_short(str(error), path)) from None
    return Reading(reading.lines, [_short(trouble, path) for trouble in reading.troubles])


def _read(path: Path) -> CallSummary:
    try:
        reading = reading_of(path)
    except JournalError as error:
        return _unreadable(path.name, str(error))
    summary = Summary.of(reading.lines).told(live=False, file=path.name)
    if summary is None:
        return _unreadable(path.name, f"{path.name}: no head")
    reasons = [summary.reason, *reading.troubles[:1]]
    if len(reading.troubles) > 1:
        reasons.append(f"{len(reading.troubles)} lines cannot be read")
    return replace(summary, reason="; ".join(filter(None, reasons)))


def _unreadable(name: str, why: str) -> CallSummary:
    return CallSummary(
        call_id=name.removesuffix(".jsonl"),
        started="",
        agent="",
        state="",
        outcome="failed",
        reason=why,
        duration_ms=0.0,
        turns=0,
        latencies_ms=[],
        interruptions=0,
        false_alarms=0,
        flags=["failed"],
        file=name,
    )


def _short(text: str, path: Path) -> str:
    return text.replace(str(path), path.name)
