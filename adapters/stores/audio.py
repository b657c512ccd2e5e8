"""The folder of kept audio: one file a call, by the moment and the call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from adapters.stores.files import call_part


class AudioFolder:
    """All of it blocks and raises OSError. The folder need not be there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remove_call(self, call_id: str) -> list[str]:
        """Remove what there is of a call; the names of it."""
        return self._remove(call_part(call_id))

    def remove(self, journal: str) -> list[str]:
        """The same, for the call of the journal of that name."""
        return self._remove(journal.partition("-")[2])

    def retire(self, days: int) -> list[str]:
        """Remove what is older; the names of it."""
        before_s = time.time() - days * 86400
        return [
            file.name for file in self._files() if file.stat().st_mtime < before_s and _gone(file)
        ]

    def _remove(self, call: str) -> list[str]:
        mine = [
            file for file in self._files() if file.name.partition("-")[2].partition(".")[0] == call
        ]
        return [file.name for file in mine if call and _gone(file)]

    def _files(self) -> Iterator[Path]:
        return self.path.glob("*-*.wav*")


def _gone(file: Path) -> bool:
    file.unlink(missing_ok=True)
    return True
