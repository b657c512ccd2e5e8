"""What the Cartesia adapter adds to a reply, beside a raw websocket in the same conversation.

The twin runs in the same process and costs the same both times: the difference is ours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable

import trio
from pydantic import SecretStr

from adapters.cartesia import messages
from adapters.cartesia.settings import CartesiaSettings
from adapters.cartesia.voice import CartesiaVoice
from adapters.sockets import Endpoint, Socket, open_socket
from bench.report import Figure, at_most, finish, this_machine
from effects.ports import Clause, Speech
from effects.spoken import clause_of
from tests.twins.cartesia import CartesiaTwin
from tests.twins.server import open_twin

TEXT = "Your parcel is on its way, and it will be with you tomorrow, by noon at the latest."
CHUNK_MS = 20
ROUNDS = 40

Reply = Callable[[], Awaitable[float]]
"""Takes one clause to its end; returns the ms to its first audio."""


async def measure() -> list[Figure]:
    """CPU microseconds for each message that comes, and milliseconds to the first audio."""
    twin = CartesiaTwin(chunk_ms=CHUNK_MS, faster=1e6)
    async with open_twin(twin):
        settings = CartesiaSettings(base_url=twin.ws_url)
        key = SecretStr(twin.key)
        async with CartesiaVoice(key, settings) as voice:
            ours_us, ours_ms, count = await _cost(lambda: _through(voice), twin)
        headers = {"Authorization": f"Bearer {twin.key}", "Cartesia-Version": messages.VERSION}
        endpoint = Endpoint("cartesia", twin.ws_url + messages.PATH, "", headers)
        async with open_socket(endpoint) as socket:
            raw_us, raw_ms, _ = await _cost(lambda: _raw(socket, settings), twin)
    how = f"a clause in {count:.0f} messages, {CHUNK_MS} ms of audio each; median of {ROUNDS}"
    return [
        at_most(
            "Cartesia, added CPU a message",
            (ours_us - raw_us) / count,
            "µs",
            None,
            f"adapter less raw websocket ({raw_us / count:.0f} µs with the twin's share); {how}",
        ),
        at_most(
            "Cartesia, added to first audio",
            ours_ms - raw_ms,
            "ms",
            None,
            f"adapter less raw websocket ({raw_ms:.2f} ms), warm socket; {how}",
        ),
    ]


async def _cost(reply: Reply, twin: CartesiaTwin) -> tuple[float, float, float]:
    """Medians of CPU µs and ms to first audio of a reply, and its messages."""
    await reply()
    costs_us, firsts_ms, began = [], [], len(twin.sent)
    for _ in range(ROUNDS):
        start = time.process_time()
        firsts_ms.append(await reply())
        costs_us.append((time.process_time() - start) * 1e6)
    messages_each = (len(twin.sent) - began) / ROUNDS
    return statistics.median(costs_us), statistics.median(firsts_ms), messages_each


async def _through(voice: CartesiaVoice) -> float:
    send, clauses = trio.open_memory_channel[Clause](1)
    with send:
        send.send_nowait(clause_of(0, TEXT))
    began, first_ms = time.perf_counter(), 0.0

    async def speech(piece: Speech) -> None:
        nonlocal first_ms
        first_ms = first_ms or (time.perf_counter() - began) * 1000

    await voice.speak(clauses, speech)
    return first_ms


async def _raw(socket: Socket, settings: CartesiaSettings) -> float:
    """The same messages, of which the incoming are not even parsed."""
    context = str(time.perf_counter_ns())
    began, first_ms = time.perf_counter(), 0.0
    await socket.send(messages.say(settings, context, TEXT))
    await socket.send(messages.flush(settings, context))
    while '"type":"flush_done"' not in str(await socket.receive()):
        first_ms = first_ms or (time.perf_counter() - began) * 1000
    await socket.send(messages.end(settings, context))
    return first_ms


if __name__ == "__main__":
    finish("vendors_cartesia", this_machine(), trio.run(measure))
