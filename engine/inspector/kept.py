"""The lines of a call that goes on, in a sixth of their space."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterator

BLOCK_BYTES = 16 * 1024
"""Compressed at once, in a tenth of a millisecond."""

_QUICKLY = 1


class KeptLines:
    """Encoded lines in their order. The latest are as they came; those before are compressed,
    block by block."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._ends: list[int] = []
        """How many lines there are up to the end of each block."""
        self._latest: list[bytes] = []
        self._latest_bytes = 0

    def __len__(self) -> int:
        return self._compressed + len(self._latest)

    def __iter__(self) -> Iterator[bytes]:
        return self.after(0)

    @property
    def _compressed(self) -> int:
        return self._ends[-1] if self._ends else 0

    def append(self, line: bytes) -> None:
        """Keep one more; there is no line break in it."""
        self._latest.append(line)
        self._latest_bytes += len(line)
        if self._latest_bytes >= BLOCK_BYTES:
            self._ends.append(len(self))
            self._blocks.append(zlib.compress(b"\n".join(self._latest), _QUICKLY))
            self._latest, self._latest_bytes = [], 0

    def after(self, count: int) -> Iterator[bytes]:
        """The lines but for the first ``count``. None may be appended meanwhile."""
        for number in range(bisect_right(self._ends, count), len(self._blocks)):
            begins = self._ends[number - 1] if number else 0
            yield from zlib.decompress(self._blocks[number]).split(b"\n")[max(0, count - begins) :]
        yield from self._latest[max(0, count - self._compressed) :]

    def copy(self) -> KeptLines:
        """As it is now, for another thread: the blocks are shared."""
        same = KeptLines()
        same._blocks, same._ends = self._blocks.copy(), self._ends.copy()
        same._latest = self._latest.copy()
        return same
