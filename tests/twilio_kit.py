"""Both ends of a media stream for tests: good messages, streams in memory, bare sockets."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair
from trio_websocket import WebSocketConnection
from wsproto.frame_protocol import FrameProtocol

from adapters.carriers.faults import MESSAGE_BYTES_MAX
from adapters.front.http import HttpConnection, HttpLimits
from adapters.front.server import TWILIO, Front, FrontLimits
from adapters.front.upgrade import upgraded
from adapters.twilio.carrier import answer
from adapters.twilio.dialing import Address, websocket_over
from adapters.twilio.phone import talk
from adapters.twilio.protocol import CarrierStream
from adapters.twilio.recording import CallRecord, Observation
from adapters.twilio.script import Script
from effects.ports import CallInfo, Carrier, CarrierMessage, Stop

ADDRESS = Address("server.test", 80, "/media")
CALL = CallInfo("CA1", "MZ1", {"token": "abc"})
SOUND = bytes(range(160))
UPGRADE = (
    b"GET /media HTTP/1.1\r\nHost: server.test\r\nConnection: keep-alive, Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
"""A request for a call, to be followed by an empty line."""

Message = dict[str, Any]
OnWebsocket = Callable[[WebSocketConnection], Awaitable[None]]


def message(kind: str, sequence: int = 9, stream_sid: str = "MZ1") -> Message:
    """A good message of this kind."""
    bodies: dict[str, Message] = {
        "connected": {"protocol": "Call", "version": "1.0.0"},
        "start": {
            "start": {
                "accountSid": "AC1",
                "streamSid": stream_sid,
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": "abc"},
            }
        },
        "media": {
            "media": {
                "track": "inbound",
                "chunk": "1",
                "timestamp": "155",
                "payload": base64.b64encode(SOUND).decode(),
            }
        },
        "dtmf": {"dtmf": {"track": "inbound_track", "digit": "#"}},
        "mark": {"mark": {"name": "m"}},
        "stop": {"stop": {"accountSid": "AC1", "callSid": "CA1"}},
    }
    numbered = {} if kind == "connected" else {"sequenceNumber": str(sequence)}
    sid = {} if kind == "connected" else {"streamSid": stream_sid}
    return {"event": kind, **numbered, **bodies[kind], **sid}


async def serve(stream: trio.abc.Stream, on_websocket: OnWebsocket) -> None:
    """Our end: what the front does with a request for a call."""
    connection = HttpConnection(stream, HttpLimits())
    request = await connection.next_request()
    assert request is not None
    async with (
        stream,
        upgraded(stream, request, connection.unread, MESSAGE_BYTES_MAX) as websocket,
    ):
        await on_websocket(websocket)


@asynccontextmanager
async def dialled(on_websocket: OnWebsocket) -> AsyncIterator[WebSocketConnection]:
    """Twilio's end of a websocket that our end serves with ``on_websocket``."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ours, on_websocket)
        async with websocket_over(theirs, ADDRESS) as websocket:
            yield websocket
            await websocket.aclose()


@asynccontextmanager
async def dialled_raw(
    on_websocket: OnWebsocket, *, reading: bool = True
) -> AsyncIterator[tuple[trio.abc.Stream, FrameProtocol]]:
    """Twilio's end as a bare stream, whose client does only what the test says."""
    ours, theirs = memory_stream_pair() if reading else lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ours, on_websocket)
        await theirs.send_all(UPGRADE + b"\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += await theirs.receive_some()
        assert head.startswith(b"HTTP/1.1 101")
        yield theirs, FrameProtocol(client=True, extensions=[])


async def begin(websocket: WebSocketConnection) -> CarrierStream:
    stream = CarrierStream(CALL, account_sid="AC1")
    await websocket.send_message(stream.connected())
    await websocket.send_message(stream.start())
    return stream


async def said_until_stop(carrier: Carrier) -> list[CarrierMessage]:
    said: list[CarrierMessage] = []
    while not said or not isinstance(said[-1], Stop):
        said.append(await carrier.receive())
    return said


class Session:
    """A session that notes all that comes, and when the call was over."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        self.said: list[CarrierMessage] = []
        self.stopped_at = -1.0

    async def __call__(self, carrier: Carrier) -> None:
        self.info = carrier.info
        self.said = await said_until_stop(carrier)
        self.stopped_at = trio.current_time()

    async def on_websocket(self, websocket: WebSocketConnection) -> None:
        await answer(websocket, self)

    @property
    def stop(self) -> str:
        assert isinstance(self.said[-1], Stop)
        return self.said[-1].reason


async def call(
    session: Callable[[Carrier], Awaitable[None]],
    script: Script,
    observe: Callable[[Observation], None] | None = None,
) -> CallRecord:
    """One call of this caller to this session, in memory."""
    ours, theirs = memory_stream_pair()
    front = Front(session, {}, TWILIO, None, FrontLimits())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(front.handle, ours)
        async with websocket_over(theirs, ADDRESS) as websocket:
            record = await talk(websocket, script, parameters={"token": "abc"}, observe=observe)
    return record


async def wait_for_stop(carrier: Carrier) -> None:
    while not isinstance(await carrier.receive(), Stop):
        pass
