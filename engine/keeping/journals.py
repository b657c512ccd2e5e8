"""The folder of journals, as those see it who load, retire and erase them. All of it blocks."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.journal import Head
from engine.keeping.numbers import Numbers
from engine.redaction import redacted_journal

CUT_OFF_S = 900.0
"""A journal without an end to which nothing was added for so long has lost its process: in a live
call something happens at least every minute."""

_TAIL_BYTES = 65536
_END = b'{"line":"end"'

_heads = msgspec.json.Decoder(Head)


class JournalFolder:
    """A folder of journals, which others write into."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """All journals, without their ending; the oldest first."""
        return sorted(path.stem for path in self.path.glob("*.jsonl"))

    def file(self, name: str) -> Path:
        """The journal of that name."""
        return self.path / f"{name}.jsonl"

    def is_over(self, name: str) -> bool:
        """Whether nothing will be added to a journal. Looks at its end only."""
        try:
            with self.file(name).open("rb") as file:
                stat = os.fstat(file.fileno())
                file.seek(max(0, stat.st_size - _TAIL_BYTES))
                tail = file.read()
        except OSError:
            return False
        last = tail.rstrip(b"\n").rpartition(b"\n")[2]
        # A last line that does not fit is an end, too: only that has the whole conversation.
        if tail.endswith(b"\n") and (last.startswith(_END) or len(last) >= _TAIL_BYTES - 1):
            return True
        return time.time() - stat.st_mtime > CUT_OFF_S

    def head(self, name: str) -> Head | None:
        """The first line of a journal; None where it is not one, or gone."""
        try:
            with self.file(name).open("rb") as file:
                return _heads.decode(file.readline())
        except (OSError, msgspec.MsgspecError):
            return None

    def age_s(self, name: str) -> float:
        """Since something was added; 0 where it is gone."""
        try:
            return time.time() - self.file(name).stat().st_mtime
        except OSError:
            return 0.0

    def remove(self, name: str) -> bool:
        """Remove a journal; whether it was there. Raises OSError."""
        self._part(name).unlink(missing_ok=True)
        try:
            self.file(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def redact(self, name: str, numbers: Numbers) -> None:
        """Make the long numbers in a journal that is over unreadable, and its person's number.

        Whoever reads it meanwhile gets the one or the other. Only for who is :meth:`alone`.
        Raises OSError.
        """
        head = self.head(name)
        if head is None or head.redacted:
            return
        path = self.file(name)
        stat = path.stat()
        first, *rest = redacted_journal(path.read_bytes().split(b"\n"))
        hidden = numbers.at_rest(_heads.decode(first))
        new = self._part(name)
        new.write_bytes(b"\n".join([msgspec.json.encode(hidden), *rest, b""]))
        os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        new.replace(path)

    def _part(self, name: str) -> Path:
        """What is to become the journal; one that a crash left is written anew."""
        return self.path / f".{name}.part"

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else of this machine looks after the folder just now; nobody begins to
        until the body is over."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".keeping").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True  # closing the file lets go
