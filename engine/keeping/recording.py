"""Which calls are recorded: those whose callers agreed, before or in the call, or all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO
from weakref import WeakValueDictionary

from adapters.stores.recorder import Recorded, Recorder
from adapters.stores.sealed import SealKey, Unsealable, unsealed
from adapters.stores.settings import AudioSettings
from adapters.stores.two_sides import wav_header
from effects.ports import Carrier
from engine.errors import AntiphonError, ConfigError
from engine.journal import AnyLine, Event
from engine.session import Watcher
from states.events import ToolSettled

CONSENT = "audio_consent"
"""The parameter of a call with which its caller's consent comes: ``yes``."""


class Recording:
    """Decides it for each call of a service."""

    def __init__(self, settings: AudioSettings, recorder: Recorder) -> None:
        self._settings, self._recorder = settings, recorder
        self._listened: WeakValueDictionary[str, Recorded] = WeakValueDictionary()

    @property
    def dropped(self) -> int:
        """Frames that were left out."""
        return self._recorder.dropped

    def listened(self, carrier: Carrier) -> Carrier:
        """See :meth:`engine.keeping.Keeping.listened`."""
        agreed = carrier.info.parameters.get(CONSENT) == "yes"
        always = self._settings.keep == "always"
        if not (agreed or always or self._settings.consent_tool):
            return carrier
        recorded = self._recorder.listen(carrier, from_the_start=agreed or always)
        self._listened[carrier.info.call_id] = recorded
        return recorded

    def watchers(self, call_id: str) -> list[Watcher]:
        """What waits for the caller's yes."""
        recorded = self._listened.get(call_id)
        tool = self._settings.consent_tool
        if recorded is None or not tool:
            return []

        def watch(line: AnyLine) -> None:
            match line:
                case Event(event=ToolSettled(tool=name, outcome="done")) if name == tool:
                    recorded.record()

        return [watch]


@asynccontextmanager
async def open_recording(settings: AudioSettings, folder: Path) -> AsyncIterator[Recording | None]:
    """Record into a folder what is to be recorded; None where nothing ever is. Raises
    :class:`ConfigError` for a key that is none. Leaving writes what there is, in bounded time."""
    if settings.keep == "never":
        yield None
        return
    async with Recorder(folder, seal_key(settings)) as recorder:
        yield Recording(settings, recorder)


def seal_key(settings: AudioSettings) -> SealKey | None:
    """The key of the configuration, if there is one. Raises :class:`ConfigError`."""
    try:
        return SealKey(settings.key) if settings.key is not None else None
    except ValueError as error:
        raise ConfigError(f"[audio] key: {error}") from None


def decrypt(sealed: Path, wav: Path, key: SealKey) -> str:
    """Write what was encrypted as a WAV file: caller left, agent right.

    Returns what is wrong with it where it was cut off or changed: then there is what comes
    before. Raises :class:`AntiphonError` where there is nothing, and leaves no file.
    """
    part = wav.with_name(f".{wav.name}.part")
    try:
        with sealed.open("rb") as file, part.open("wb") as out:
            size, trouble = _copied(file, out, key)
        if trouble and not size:
            raise AntiphonError(f"{sealed}: {trouble}")
        part.replace(wav)
    except OSError as error:
        raise AntiphonError(f"{error.filename}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return f"{sealed}: {trouble}" if trouble else ""


def _copied(file: BinaryIO, out: BinaryIO, key: SealKey) -> tuple[int, str]:
    """How many bytes of sound there are, and what is wrong with the rest."""
    size, trouble = 0, ""
    out.write(wav_header(0))
    try:
        for piece in unsealed(file, key):
            size += out.write(piece)
    except Unsealable as error:
        trouble = str(error)
    out.seek(0)
    out.write(wav_header(size))
    return size, trouble
