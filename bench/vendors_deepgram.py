"""What the adapter for Deepgram adds to a raw socket: `python -m bench.vendors_deepgram`.

Both send the same frames to the same server in this process, and receive the same messages from
it; the adapter's part is what it spends above the socket's. Flux can come out below it: it sends
four frames at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from pydantic import SecretStr

from adapters.deepgram.settings import DeepgramSettings
from adapters.deepgram.speech_to_text import Deepgram
from adapters.sockets import Endpoint, open_socket
from bench.report import Figure, at_most, finish, this_machine
from effects.ports import Frame, Heard, Sound
from tests.twins.deepgram_messages import timed
from tests.twins.server import Conversation, Twin, open_twin

FRAMES = 10_000
MESSAGES = 2_000
FRAME = b"\xff" * 160
BATCH = 400
"""Frames that wait at a time; in a call it is hardly ever more than one."""


class Sink(Twin):
    """Takes all audio, and says so many results."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.says = 0
        self.enough = trio.Event()

    async def converse(self, conversation: Conversation) -> None:
        for number in range(self.says):
            await conversation.send(_result(number))
        while True:
            message = await conversation.receive()
            self.taken += len(message) // len(FRAME) if isinstance(message, bytes) else 0
            if self.taken >= FRAMES:
                self.enough.set()


def _result(number: int) -> str:
    """A result of six words, as nova sends one while somebody speaks."""
    words = timed("one two three four five six", 0, 2000)
    said = {"transcript": f"one two three four five six {number}", "words": words}
    message = {"type": "Results", "channel_index": [0, 1], "start": 0.0, "duration": 2.0}
    model = {"request_id": "r", "model_uuid": "u", "model_info": {"name": "m", "version": "1"}}
    more = {"is_final": False, "speech_final": False, "metadata": model}
    return json.dumps({**message, **more, "channel": {"alternatives": [said]}})


async def measure() -> list[Figure]:
    """Send and receive, each way, and tell the difference."""
    frame_us = await _spent_us(_raw_frames, FRAMES)
    result_us = await _spent_us(_raw_results, MESSAGES)
    nova_us = await _spent_us(partial(_frames, "nova-3"), FRAMES)
    flux_us = await _spent_us(partial(_frames, "flux-general-en"), FRAMES)
    heard_us = await _spent_us(_results, MESSAGES)
    return [
        _added("nova, added CPU a frame", nova_us, frame_us),
        _added("Flux, added CPU a frame", flux_us, frame_us),
        _added("nova, added CPU a result", heard_us, result_us),
    ]


def _added(what: str, ours_us: float, raw_us: float) -> Figure:
    how = f"adapter less raw websocket ({raw_us:.0f} µs, with the server's share)"
    return at_most(f"Deepgram, {what}", ours_us - raw_us, "µs", None, how)


async def _spent_us(run: Callable[[Sink], Awaitable[None]], count: int) -> float:
    """CPU time for each of so many, in a run of its own; the lesser of two."""
    spent_s = []
    for _ in range(2):
        async with open_twin(Sink()) as twin:
            began_s = time.process_time()
            await run(twin)
            spent_s.append(time.process_time() - began_s)
    return min(spent_s) / count * 1e6


async def _raw_frames(twin: Sink) -> None:
    async with open_socket(Endpoint("raw", twin.ws_url, "KEY")) as socket:
        for _ in range(FRAMES):
            await socket.send(FRAME)
        await twin.enough.wait()


async def _raw_results(twin: Sink) -> None:
    twin.says = MESSAGES
    async with open_socket(Endpoint("raw", twin.ws_url, "KEY")) as socket:
        for _ in range(MESSAGES):
            await socket.receive()


async def _frames(model: str, twin: Sink) -> None:
    send, sound = trio.open_memory_channel[Sound](BATCH)
    async with _recogniser(twin, model) as recogniser, trio.open_nursery() as nursery:
        nursery.start_soon(recogniser.transcribe, sound, _ignore)
        for number in range(FRAMES):
            await send.send(Frame(FRAME, number * 20.0))
        await twin.enough.wait()
        nursery.cancel_scope.cancel()


async def _results(twin: Sink) -> None:
    twin.says = MESSAGES
    left, all_heard = MESSAGES, trio.Event()

    def heard(words: Heard) -> None:
        nonlocal left
        left -= 1
        if not left:
            all_heard.set()

    send, sound = trio.open_memory_channel[Sound](1)
    async with _recogniser(twin, "nova-3") as recogniser, trio.open_nursery() as nursery:
        nursery.start_soon(recogniser.transcribe, sound, heard)
        await all_heard.wait()
        nursery.cancel_scope.cancel()
    send.close()


def _recogniser(twin: Sink, model: str) -> Deepgram:
    return Deepgram(SecretStr("k"), DeepgramSettings(model=model, base_url=twin.ws_url))


def _ignore(words: Heard) -> None:
    """Nobody listens."""


if __name__ == "__main__":
    finish("vendors_deepgram", this_machine(), trio.run(measure))
