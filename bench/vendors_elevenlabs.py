"""What the ElevenLabs adapter adds to a raw socket, with the same twin at the other end.

Both say the same clauses, in turns; the twin's own work is in both, and so not in the difference.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import trio
from pydantic import SecretStr

from adapters.elevenlabs import messages
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from adapters.sockets import Endpoint, Socket, open_socket
from bench.report import Figure, at_most, finish, percentile, this_machine
from effects.ports import Clause, Speech
from effects.spoken import clause_of
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.server import open_twin

REPLIES = 60
TEXT = "Your package left Memphis this morning, and is due on Thursday before noon."
PIECE_MS = 100
"""Audio of a message."""


class Stopwatch:
    """Takes one reply after the other: CPU time and messages of all, the first audio of each."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.pieces = 0
        self.first_ms: list[float] = []

    async def time(self, reply: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        """``reply`` calls what it is given for each piece of audio."""
        begun_s, cpu_s, pieces = time.perf_counter(), time.process_time(), self.pieces

        def heard() -> None:
            if self.pieces == pieces:
                self.first_ms.append((time.perf_counter() - begun_s) * 1000)
            self.pieces += 1

        await reply(heard)
        self.cpu_s += time.process_time() - cpu_s

    @property
    def cpu_us(self) -> float:
        """A piece's share."""
        return self.cpu_s / self.pieces * 1e6


async def say_raw(socket: Socket, settings: ElevenLabsSettings, heard: Callable[[], None]) -> None:
    """One clause with nothing but the messages; what comes is only looked at."""
    await socket.send(messages.open_context("raw", settings))
    await socket.send(messages.send_text("raw", TEXT))
    is_closed = False
    while '"isFinal"' not in str(await socket.receive()):
        heard()
        if not is_closed:
            is_closed = True
            await socket.send(messages.close_context("raw"))


async def say(voice: ElevenLabs, heard: Callable[[], None]) -> None:
    """One clause through the port."""
    send, clauses = trio.open_memory_channel[Clause](1)
    send.send_nowait(clause_of(0, TEXT))
    send.close()

    async def take(piece: Speech) -> None:
        if piece.mulaw:
            heard()

    await voice.speak(clauses, take)


async def measure() -> list[Figure]:
    """It takes about ten seconds."""
    raw, websocket, http = Stopwatch(), Stopwatch(), Stopwatch()
    async with (
        open_twin(ElevenLabsTwin(piece_ms=PIECE_MS, speed=1e6)) as twin,
        AsyncExitStack() as on,
    ):
        settings = ElevenLabsSettings(base_url=twin.http_url)
        key = SecretStr(twin.key)
        endpoint = Endpoint(
            "raw", messages.socket_url(settings), "", {"xi-api-key": key.get_secret_value()}
        )
        socket = await on.enter_async_context(open_socket(endpoint))
        voice = await on.enter_async_context(ElevenLabs(key, settings))
        over_http = ElevenLabsSettings(base_url=twin.http_url, transport="http")
        other = await on.enter_async_context(ElevenLabs(key, over_http))
        for reply in range(REPLIES + 1):
            gc.collect()
            await raw.time(lambda heard: say_raw(socket, settings, heard))
            await websocket.time(lambda heard: say(voice, heard))
            await http.time(lambda heard: say(other, heard))
            if reply == 0:  # connections are open now
                raw, websocket, http = Stopwatch(), Stopwatch(), Stopwatch()
    return _figures("websocket", websocket, raw) + _figures("http", http, raw)


def _figures(name: str, adapter: Stopwatch, raw: Stopwatch) -> list[Figure]:
    how = f"{adapter.pieces} messages of {PIECE_MS} ms; a raw socket and the twin take"
    first_ms, raw_ms = percentile(adapter.first_ms, 50), percentile(raw.first_ms, 50)
    return [
        at_most(
            f"elevenlabs, {name}: CPU added to a message of audio",
            adapter.cpu_us - raw.cpu_us,
            "µs",
            None,
            f"{how} {raw.cpu_us:.0f} µs",
        ),
        at_most(
            f"elevenlabs, {name}: added to the first audio, p50",
            first_ms - raw_ms,
            "ms",
            None,
            f"{len(adapter.first_ms)} replies; a raw socket and the twin take {raw_ms:.2f} ms",
        ),
    ]


if __name__ == "__main__":
    finish("vendors_elevenlabs", this_machine(), trio.run(measure))
