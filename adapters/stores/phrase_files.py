"""Rendered audio as files: one a line, each checked when it is read.

A file that is cut short, damaged, or somebody else's is as good as none: it is rendered again
and replaced. A disk that cannot be read or written costs time, never a call.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
import trio

log = structlog.get_logger()

_MAGIC = b"antiphon phrase 1\n"


class PhraseFiles:
    """A :class:`effects.ports.PhraseStore` over a folder, which is made when it is needed.

    A file holds a first line, the SHA-256 of key and audio, and the audio.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def load(self, key: str) -> bytes | None:
        """The audio of ``key``, or None if there is no whole file of it."""
        return await trio.to_thread.run_sync(self._load, key)

    async def save(self, key: str, audio: bytes) -> None:
        """Write to a file beside and rename it. A failure is logged. Not cancellable."""
        await trio.to_thread.run_sync(self._save, key, audio)

    def path_for(self, key: str) -> Path:
        """Where the audio of ``key`` is."""
        return self.folder / f"{key}.ulaw"

    def _load(self, key: str) -> bytes | None:
        path = self.path_for(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("phrase_not_read", path=str(path), error=error.strerror)
            return None
        audio = data[len(_head(key, b"")) :]
        if not data.startswith(_head(key, audio)):
            log.warning("phrase_file_damaged", path=str(path))
            return None
        return audio

    def _save(self, key: str, audio: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(_head(key, audio) + audio)
                    file.close()
                    temporary.replace(self.path_for(key))
                finally:
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            log.warning("phrase_not_kept", folder=str(self.folder), error=error.strerror)


def _head(key: str, audio: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(key.encode() + audio).digest()
