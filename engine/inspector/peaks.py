"""The sound of a call: a stand-in, until the page's own."""

from __future__ import annotations

from pathlib import Path


def recording_beside(journal: Path, call_id: str) -> Path | None:
    """The recording of a call, if there is one."""
    sound = journal.with_suffix(".wav")
    return sound if sound.is_file() else None
