"""Recording calls: a carrier that is listened to, and a thread that writes what was heard.

On a call's path a frame costs an append to a queue. The queue is bounded: where the disk stands
still for so long that it fills, audio is left out (it is silence in the recording) and counted.
Nothing is queued, and no file made, of a call that is not to be recorded.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Self

import structlog
import trio

from adapters.stores.files import FLUSH_S, name_for
from adapters.stores.sealed import Sealing, SealKey
from adapters.stores.two_sides import TwoSides, wav_header
from effects.ports import CallInfo, Carrier, CarrierMessage, Media

log = structlog.get_logger()

QUEUE_LIMIT = 50_000
"""Frames of all calls: 20 s of 25 of them."""

PLAIN, SEALED = ".wav", ".wav.sealed"

_Kind = Literal["begin", "say", "play", "clear", "end"]
_Item = tuple["_Recording", _Kind, float, bytes]


class Recorder:
    """Records calls into a folder, encrypted if there is a key."""

    def __init__(self, folder: Path, key: SealKey | None, limit: int = QUEUE_LIMIT) -> None:
        self._folder, self._key = folder, key
        self._limit = limit
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._open: set[_Recording] = set()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.dropped = 0

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Write what there is, within a bounded time."""

        def stop() -> None:
            self._queue.put(None)
            self._thread.join(FLUSH_S)

        with trio.move_on_after(FLUSH_S, shield=True):
            await trio.to_thread.run_sync(stop, abandon_on_cancel=True)

    def listen(self, carrier: Carrier, *, from_the_start: bool) -> Recorded:
        """The same carrier, listened to; recorded at once, or from when it is told so."""
        now_s = trio.lowlevel.current_clock().current_time
        began_s = now_s()
        recording = _Recording(carrier.info.call_id)

        def put(kind: _Kind, audio: bytes) -> None:
            if audio and self._queue.qsize() >= self._limit:
                self.dropped += 1
            else:
                self._queue.put((recording, kind, (now_s() - began_s) * 1000, audio))

        recorded = Recorded(carrier, put)
        if from_the_start:
            recorded.record()
        return recorded

    # --- in the thread

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            recording, kind, at_ms, audio = item
            try:
                self._take(recording, kind, at_ms, audio)
            except Exception:
                log.exception("audio_not_written", call=recording.call_id)
                self._open.discard(recording)
                recording.close()
        for recording in list(self._open):  # their calls did not end as they should
            self._take(recording, "end", recording.at_ms, b"")

    def _take(self, recording: _Recording, kind: _Kind, at_ms: float, audio: bytes) -> None:
        recording.at_ms = at_ms
        if kind == "begin":
            self._folder.mkdir(parents=True, exist_ok=True)
            recording.begin(self._folder, self._key)
            self._open.add(recording)
        elif recording in self._open:
            recording.take(kind, audio)
            if kind == "end":
                self._open.discard(recording)


class Recorded:
    """A carrier that is listened to. See :class:`effects.ports.Carrier`."""

    def __init__(self, carrier: Carrier, put: Callable[[_Kind, bytes], None]) -> None:
        self._carrier, self._put = carrier, put
        self._records = False
        self._ended = False

    @property
    def info(self) -> CallInfo:
        """See :class:`effects.ports.Carrier`."""
        return self._carrier.info

    @info.setter
    def info(self, info: CallInfo) -> None:
        self._carrier.info = info

    def record(self) -> None:
        """From now on; doing it again changes nothing."""
        if not self._records and not self._ended:
            self._records = True
            self._put("begin", b"")

    async def receive(self) -> CarrierMessage:
        """See :class:`effects.ports.Carrier`."""
        message = await self._carrier.receive()
        if self._records and isinstance(message, Media):
            self._put("say", message.mulaw)
        return message

    def send_audio(self, mulaw: bytes) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._carrier.send_audio(mulaw)
        if self._records:
            self._put("play", mulaw)

    def send_mark(self, name: str) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._carrier.send_mark(name)

    def send_clear(self) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._carrier.send_clear()
        if self._records:
            self._put("clear", b"")

    async def transfer(self, to: str) -> None:
        """See :class:`effects.ports.Carrier`."""
        await self._carrier.transfer(to)

    async def hang_up(self) -> None:
        """See :class:`effects.ports.Carrier`. The recording ends with the call."""
        if self._records:
            self._put("end", b"")
        self._records, self._ended = False, True
        await self._carrier.hang_up()


@dataclass(eq=False, slots=True)
class _Recording:
    """One call's, as the thread has it. ``at_ms`` is the time of what came last."""

    call_id: str
    at_ms: float = 0.0
    _from_ms: float = 0.0
    _sides: TwoSides = field(default_factory=TwoSides)
    _file: BinaryIO | None = None
    _sealing: Sealing | None = None
    _written: int = 0

    def begin(self, folder: Path, key: SealKey | None) -> None:
        path = folder / (name_for(self.call_id) + (SEALED if key else PLAIN))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file, self._from_ms = os.fdopen(handle, "wb"), self.at_ms
        if key:
            self._sealing = Sealing(self._file, key)
        else:
            self._file.write(wav_header(0))

    def take(self, kind: _Kind, audio: bytes) -> None:
        at_ms = self.at_ms - self._from_ms
        match kind:
            case "say":
                self._sides.say(at_ms, audio)
            case "play":
                self._sides.play(at_ms, audio)
            case "clear":
                self._sides.clear(at_ms)
        last = kind == "end"
        both = self._sides.take(at_ms, last=last)
        if both or last:
            self._write(both, last=last)
        if last:
            self.close()

    def _write(self, both: bytes, *, last: bool) -> None:
        assert self._file is not None, "it has begun"
        if self._sealing is not None:
            self._sealing.write(both, last=last)
        else:
            self._file.write(both)
            self._written += len(both)
            if last:  # now its length is known
                self._file.seek(0)
                self._file.write(wav_header(self._written))
        self._file.flush()

    def close(self) -> None:
        """Close the file, whatever there is of it."""
        if self._file is not None:
            self._file.close()
