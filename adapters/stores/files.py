"""Journals as files: one a call, one line a happening, readable up to the last line.

One thread of the process does all the writing, so a slow disk never holds up audio. Lines go to
the operating system as soon as the thread gets to them, so they survive a crash of the process.
The queue is bounded: if the disk stands still for so long that it fills, lines are dropped,
counted, and the count is logged when the call ends. A line that comes after its journal was
closed (of an effect that ignored its cancellation) is dropped, too.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

import structlog
import trio

log = structlog.get_logger()

QUEUE_LIMIT = 100_000
FLUSH_S = 5.0


def ending_for(call_id: str) -> str:
    """How the names of a call's journals end."""
    return f"-{call_part(call_id)}.jsonl"


def name_for(call_id: str) -> str:
    """How files of a call that begins now are called: by the moment and the call."""
    return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}-{call_part(call_id)}"


def call_part(call_id: str) -> str:
    """What of such a name says which call it is."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", call_id)[:64]


def path_in(folder: Path, call_id: str, moment: datetime) -> Path:
    """Where the journal of a call goes that begins at this moment (UTC)."""
    return folder / f"{moment:%Y%m%dT%H%M%S}{ending_for(call_id)}"


class FileStore:
    """A CallStore over a folder. Journals are named by time and call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dropped = 0
        """Lines of all calls so far for which there was no room."""
        self._writer = _Writer()

    async def __aenter__(self) -> Self:
        """Make the folder and start the writer. Raises OSError if the folder cannot be made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / ".writable"  # better now than in the middle of a call
        probe.touch()
        probe.unlink(missing_ok=True)  # another worker may have been faster
        self._writer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._writer.stop, abandon_on_cancel=True)

    def path_for(self, call_id: str) -> Path:
        """Where the journal of a call that begins now goes."""
        return path_in(self.folder, call_id, datetime.now(UTC))

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[_FileSink]:
        """A journal for one call; leaving waits until it is written, at most ``FLUSH_S``."""
        sink = _FileSink(self.path_for(call_id), self._writer)
        try:
            yield sink
        finally:
            sink.closed = True
            with trio.move_on_after(FLUSH_S, shield=True):
                await trio.to_thread.run_sync(sink.close, abandon_on_cancel=True)
            if sink.dropped:
                self.dropped += sink.dropped
                log.error("journal_lines_dropped", path=str(sink.path), count=sink.dropped)


class _FileSink:
    def __init__(self, path: Path, writer: _Writer) -> None:
        self.path = path
        self.closed = False
        self.dropped = 0
        self._told_late = False
        self._writer = writer

    def write(self, line: bytes) -> None:
        if self.closed:  # writing it would open the file anew
            if not self._told_late:
                self._told_late = True
                log.warning("journal_lines_too_late", path=str(self.path))
        elif not self._writer.put(self.path, line + b"\n"):
            self.dropped += 1

    def close(self) -> None:
        """Wait for the writer to get this far. Called in a worker thread."""
        closed = threading.Event()
        self._writer.close(self.path, closed)
        closed.wait(FLUSH_S)


class _Writer(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="journal-writer", daemon=True)
        self._queue: queue.Queue[tuple[Path | None, bytes, threading.Event | None]] = queue.Queue(
            QUEUE_LIMIT
        )
        self._files: dict[Path, BinaryIO] = {}

    def put(self, path: Path, data: bytes) -> bool:
        try:
            self._queue.put_nowait((path, data, None))
        except queue.Full:
            return False
        return True

    def close(self, path: Path, closed: threading.Event) -> None:
        self._queue.put((path, b"", closed))

    def stop(self) -> None:
        self._queue.put((None, b"", None))
        self.join(FLUSH_S)

    def run(self) -> None:
        while True:
            path, data, closed = self._queue.get()
            if path is None:
                break
            try:
                self._take(path, data, closing=closed is not None)
            except OSError:
                log.exception("journal_not_written", path=str(path))
            if closed is not None:
                closed.set()
        for file in self._files.values():
            file.close()

    def _take(self, path: Path, data: bytes, *, closing: bool) -> None:
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = path.open("ab", buffering=0)
        if data:
            file.write(data)
        if closing:
            self._files.pop(path).close()
