"""What a call costs on the wire: `python -m bench.wire [--json FILE]`.

Two readings. The codec alone: microseconds to decode a frame of caller audio and to encode
one of the agent's. And the whole path: a server in a process of its own, over loopback sockets,
takes many calls that stream 50 frames a second each, and sends so many messages back; its CPU
time, per call, is the wire's cost. Two servers that do less with the same traffic say where it
goes: `websocket` is trio-websocket without the front, the protocol and the carrier, and `floor`
is trio's sockets alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from adapters.front.server import serve
from adapters.twilio.dialing import dialled
from adapters.twilio.protocol import CarrierStream, ServerStream
from effects.ports import CallInfo, Carrier, Media, Stop

FRAMES_PER_S = 50
FRAME = bytes(160)
KINDS = ("floor", "websocket", "antiphon")
BUDGET_CORE_PERCENT = 0.35
_WARM_UP_S = 1.5


@dataclass(frozen=True)
class Codec:
    """Microseconds a message."""

    decode_us: float
    encode_us: float


@dataclass(frozen=True)
class Wire:
    """What the server spent on each call."""

    server: str
    calls: int
    messages_out_per_s: int
    core_percent_per_call: float
    cpu_us_per_frame_in: float


def measure_codec(frames: int = 50_000) -> Codec:
    """The protocol alone, in this process."""
    caller = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
    server = ServerStream()
    server.receive(caller.start())
    texts = [caller.media(FRAME) for _ in range(frames)]
    began = time.process_time()
    for text in texts:
        server.receive(text)
    decoded = time.process_time()
    for _ in range(frames):
        server.media(FRAME)
    encoded = time.process_time()
    return Codec((decoded - began) / frames * 1e6, (encoded - decoded) / frames * 1e6)


# --- the server, in a process of its own


async def _answer_every(nth: int, carrier: Carrier) -> None:
    """Echo every nth frame of the caller's."""
    count = 0
    while not isinstance(message := await carrier.receive(), Stop):
        if isinstance(message, Media):
            count += 1
            if count % nth == 0:
                carrier.send_audio(message.mulaw)


async def _pass_on_every(nth: int, stream: trio.SocketStream) -> None:
    """The floor: the same, of bytes that nobody looks at."""
    count = 0
    with suppress(trio.BrokenResourceError):  # a client that leaves in the midst of it
        async for data in stream:
            count += 1
            if count % nth == 0:
                await stream.send_all(data)


async def _echo_every(nth: int, request: WebSocketRequest) -> None:
    """The library alone: the same, of messages that nobody decodes."""
    websocket = await request.accept()
    count = 0
    with suppress(ConnectionClosed):
        while True:
            text = await websocket.get_message()
            count += 1
            if count % nth == 0:
                await websocket.send_message(text)


async def _serve_until_told(kind: str, nth: int) -> None:
    """Print the port, and run until the parent closes our standard input."""
    async with trio.open_nursery() as nursery:
        if kind == "floor":
            listen = partial(trio.serve_tcp, partial(_pass_on_every, nth), 0, host="127.0.0.1")
            (listener,) = await nursery.start(listen)
            port = listener.socket.getsockname()[1]
        elif kind == "websocket":
            echo = partial(_echo_every, nth)
            listening = partial(serve_websocket, echo, "127.0.0.1", 0, None)
            port = (await nursery.start(listening)).port
        else:
            on_call = partial(_answer_every, nth)
            bound = await nursery.start(partial(serve, "127.0.0.1", 0, on_call=on_call))
            port = bound.port
        print(port, flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


# --- the calls


class Pacer:
    """Sends frames on time, and counts them: a busy machine may not send all it should."""

    def __init__(self) -> None:
        self.sent = 0

    async def run(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send 50 frames a second until cancelled."""
        due = trio.current_time()
        while True:
            await send()
            self.sent += 1
            due += 1 / FRAMES_PER_S
            await trio.sleep_until(due)


async def _call(number: int, port: int, pacer: Pacer) -> None:
    caller = CarrierStream(CallInfo(f"CA{number}", f"MZ{number}"), account_sid="AC1")
    async with (
        dialled(f"ws://127.0.0.1:{port}/media") as websocket,
        trio.open_nursery() as nursery,
    ):

        async def listen() -> None:
            while True:
                await websocket.get_message()

        await websocket.send_message(caller.start())
        nursery.start_soon(listen)
        await pacer.run(lambda: websocket.send_message(caller.media(FRAME)))


async def _stream(number: int, port: int, pacer: Pacer) -> None:
    caller = CarrierStream(CallInfo(f"CA{number}", f"MZ{number}"), account_sid="AC1")
    frame = caller.media(FRAME).encode()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream, trio.open_nursery() as nursery:

        async def listen() -> None:
            async for _ in stream:
                pass

        nursery.start_soon(listen)
        await pacer.run(lambda: stream.send_all(frame))


async def _measure(kind: str, calls: int, port: int, process_id: int, seconds: float) -> float:
    """CPU seconds the server spends on one frame, with all that follows from it."""
    one = _stream if kind == "floor" else _call
    process, pacer = psutil.Process(process_id), Pacer()
    async with trio.open_nursery() as nursery:
        for number in range(calls):  # spread over a frame's time, as real calls are
            nursery.start_soon(one, number, port, pacer)
            await trio.sleep(1 / FRAMES_PER_S / calls)
        await trio.sleep(_WARM_UP_S)
        before, sent_before = process.cpu_times(), pacer.sent
        await trio.sleep(seconds)
        after, sent = process.cpu_times(), pacer.sent - sent_before
        nursery.cancel_scope.cancel()
    return (after.user + after.system - before.user - before.system) / sent


def measure_wire(kind: str, calls: int, nth: int, seconds: float, rounds: int) -> Wire:
    """Run a server of this kind (of :data:`KINDS`) under so many calls, a few times
    over; the median is the figure, for machines that are not ours alone."""
    frame_s = statistics.median(_one_round(kind, calls, nth, seconds) for _ in range(rounds))
    return Wire(kind, calls, FRAMES_PER_S // nth, frame_s * FRAMES_PER_S * 100, frame_s * 1e6)


def _one_round(kind: str, calls: int, nth: int, seconds: float) -> float:
    command = [sys.executable, "-m", "bench.wire", "--serve", kind, "--nth", str(nth)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        frame_s = trio.run(_measure, kind, calls, port, server.pid, seconds)
        server.communicate()
    return frame_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--calls", type=int, nargs="+", default=[20, 80])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--nth", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        trio.run(_serve_until_told, options.serve, options.nth)
        return
    codec = measure_codec()
    print(f"decode {codec.decode_us:.2f} µs, encode {codec.encode_us:.2f} µs a message")
    print(f"budget: {BUDGET_CORE_PERCENT} % of a core a call, 50 frames/s in, 10 to 50 out")
    wires = []
    for calls in options.calls:
        for nth in (5, 1):
            for kind in KINDS:
                wire = measure_wire(kind, calls, nth, options.seconds, options.rounds)
                wires.append(wire)
                print(
                    f"{wire.server:>9}  {wire.calls:3} calls  {wire.messages_out_per_s:2} out/s"
                    f"  {wire.core_percent_per_call:.3f} % of a core a call"
                    f"  {wire.cpu_us_per_frame_in:5.1f} µs a frame"
                )
    if options.json:
        figures = {"codec": asdict(codec), "wire": [asdict(wire) for wire in wires]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
