"""What is sent to Deepgram, by each of its two protocols, over the SDK's socket clients."""

from __future__ import annotations

import json
import warnings
from collections.abc import Awaitable
from typing import Protocol

from adapters.deepgram.messages import Message, read
from adapters.sockets import Socket
from states.mulaw import BYTES_PER_MS, SILENCE

with warnings.catch_warnings():  # the SDK asks for the types of an old websockets client
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient

KEEP_ALIVE_SILENCE_MS = 80
FLUX_CHUNK_BYTES = 80 * BYTES_PER_MS
"""What Flux asks for (docs/flux/quickstart): less costs it time, more delays its judgement."""


class Line(Protocol):
    """A connection. Each of its methods raises :class:`~adapters.sockets.SocketClosed`.

    ``reports_speech``: while the caller speaks, there is always something to tell.
    """

    reports_speech: bool

    async def send(self, mulaw: bytes) -> None:
        """Send audio, in its order."""
        ...

    async def keep_alive(self) -> float:
        """No sound comes: say that we are there. Returns how much silence that took, in ms."""
        ...

    async def speech_ended(self) -> bool:
        """The caller paused. Returns whether that is answered."""
        ...

    async def finish(self, *, is_open: bool) -> None:
        """That was all; ``is_open``: of the last words none are final."""
        ...

    async def receive(self) -> Message | None:
        """The next message; None if it is none that we know. Safe to cancel."""
        ...


class Transport:
    """What the SDK's clients want of a websocket, over ours."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> str | bytes:
        return await self._socket.receive()


class NovaLine:
    """nova, ``/v1/listen``.

    A KeepAlive counts only after the first audio (docs/stt-troubleshooting-websocket-data-and-
    net-errors), so where there is none yet silence is sent instead.
    """

    reports_speech = False

    def __init__(self, socket: Socket, *, finalize: bool) -> None:
        self._client = AsyncV1SocketClient(websocket=Transport(socket))  # type: ignore[arg-type]
        self._finalize = finalize
        self._has_sent = False

    async def send(self, mulaw: bytes) -> None:
        self._has_sent = True
        await self._client.send_media(mulaw)

    async def keep_alive(self) -> float:
        if self._has_sent:
            await self._client.send_keep_alive()
            return 0.0
        await self.send(SILENCE * KEEP_ALIVE_SILENCE_MS * BYTES_PER_MS)
        return KEEP_ALIVE_SILENCE_MS

    async def speech_ended(self) -> bool:
        if self._finalize:
            await self._client.send_finalize()
        return self._finalize

    async def finish(self, *, is_open: bool) -> None:
        await self._client.send_close_stream()

    async def receive(self) -> Message | None:
        return await _received(self._client.recv())


class FluxLine:
    """Flux, ``/v2/listen``: audio in chunks of 80 ms.

    It has no KeepAlive, and a message that it does not know is fatal; what keeps it is audio. So
    where no sound comes it gets silence, which also lets it end a turn. And it does not end the
    open turn when the stream is closed (docs/flux/close-stream) but when it is told to.
    """

    reports_speech = True

    def __init__(self, socket: Socket, *, silence_ms: float) -> None:
        self._client = AsyncV2SocketClient(websocket=Transport(socket))  # type: ignore[arg-type]
        self._silence_ms = silence_ms
        self._chunk = bytearray()

    async def send(self, mulaw: bytes) -> None:
        self._chunk += mulaw
        if len(self._chunk) >= FLUX_CHUNK_BYTES:
            await self._flush()

    async def keep_alive(self) -> float:
        await self.send(SILENCE * round(self._silence_ms * BYTES_PER_MS))
        await self._flush()
        return self._silence_ms

    async def speech_ended(self) -> bool:
        """Flux judges that for itself."""
        return False

    async def finish(self, *, is_open: bool) -> None:
        await self._flush()
        if is_open:
            await self._client.send_force_end_turn()
        await self._client.send_close_stream()

    async def receive(self) -> Message | None:
        return await _received(self._client.recv())

    async def _flush(self) -> None:
        chunk, self._chunk = bytes(self._chunk), bytearray()
        if chunk:  # an empty message makes Deepgram hang up
            await self._client.send_media(chunk)


async def _received(message: Awaitable[object]) -> Message | None:
    try:
        return read(await message)
    except json.JSONDecodeError:
        return None
