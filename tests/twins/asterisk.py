"""Asterisk's end of its two ways to pass a call on, after its documentation."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress

import trio
from trio_websocket import ConnectionClosed

from adapters.asterisk import packets
from adapters.asterisk.packets import Packet, Packets
from adapters.carriers.faults import Fault, Refused
from adapters.carriers.whole_frames import FRAME_BYTES
from adapters.twilio.protocol import AgentAudio, AgentClear, AgentMark, AgentMessage
from effects.ports import Media
from states import mulaw

CHANNEL_ID = "1761245643.1"
MESSAGE_BYTES_MAX = 65_500
CALL_ID = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")

AHEAD_S = 0.1
"""Sound that comes sooner than it can be played is a rush of words; so much is nothing."""


class ChannelEnd:
    """chan_websocket, with its control messages in words or in JSON; no I/O."""

    def __init__(self, *, as_json: bool, variables: dict[str, str] | None = None) -> None:
        self.as_json = as_json
        self._variables = variables or {}
        self._marks: list[str] = []

    def event(self, name: str, **fields: str) -> str:
        """A control message of Asterisk's."""
        if self.as_json:
            return json.dumps({"event": name, "channel_id": CHANNEL_ID, **fields})
        if name == "MEDIA_MARK_PROCESSED":
            return f"{name} {fields['correlation_id']}"
        pairs = " ".join(f"{key}:{value}" for key, value in fields.items())
        return f"{name} {pairs} channel_id:{CHANNEL_ID}" if pairs else name

    def opening(self) -> tuple[str, ...]:
        start = self.event(
            "MEDIA_START",
            connection_id="media_connection1",
            channel="WebSocket/media_connection1/0x5140001a0040",
            format="ulaw",
        )
        if not self.as_json:
            return (f"{start} optimal_frame_size:160 ptime:20",)
        more = {"optimal_frame_size": 160, "ptime": 20, "channel_variables": self._variables}
        return (json.dumps(json.loads(start) | more),)

    def media(self, sound: bytes) -> bytes:
        return sound

    def dtmf(self, digit: str) -> str:
        return self.event("DTMF_END", digit=digit)

    def mark(self, name: str) -> str:
        """Empty for a mark that was flushed: Asterisk forgets those."""
        if name not in self._marks:
            return ""
        self._marks.remove(name)
        return self.event("MEDIA_MARK_PROCESSED", correlation_id=name)

    def closing(self) -> tuple[str, ...]:
        return ()

    def receive(self, message: str | bytes) -> AgentMessage:
        if isinstance(message, bytes):
            if len(message) % FRAME_BYTES or len(message) > MESSAGE_BYTES_MAX:
                raise Refused(Fault.BAD_FORMAT, f"{len(message)} bytes are not whole frames")
            return AgentAudio(message)
        if self.as_json:
            command = json.loads(message)
            name, of = command["command"], command.get("correlation_id", "")
        else:
            name, _, of = message.partition(" ")
        if name == "MARK_MEDIA":
            self._marks.append(of)
            return AgentMark(of)
        if name == "FLUSH_MEDIA":
            self._marks.clear()
            return AgentClear()
        raise Refused(Fault.UNKNOWN_EVENT, name)


class AudioSocketEnd:
    """AudioSocket; no I/O, but for a look at the clock: sound is to be played as it comes."""

    def __init__(self) -> None:
        self._played_until_s = 0.0

    def opening(self) -> tuple[bytes, ...]:
        return (packets.encode(Packet(packets.ID, CALL_ID.bytes)),)

    def media(self, sound: bytes) -> bytes:
        return packets.encode(packets.audio(sound))

    def dtmf(self, digit: str) -> bytes:
        return packets.encode(Packet(packets.KEY, digit.encode()))

    def mark(self, name: str) -> bytes:
        raise AssertionError("AudioSocket has no marks")

    def closing(self) -> tuple[bytes, ...]:
        return (packets.encode(Packet(packets.HANG_UP)),)

    def receive(self, message: str | bytes) -> AgentMessage:
        assert isinstance(message, bytes)
        whole = Packets()
        whole.add(message)
        packet = whole.next()
        assert packet is not None
        if packet.kind != packets.AUDIO or len(packet.content) != 2 * FRAME_BYTES:
            raise Refused(Fault.MALFORMED, f"a packet {packet.kind:#04x}")
        heard = packets.ServerStream()
        heard.receive(Packet(packets.ID, CALL_ID.bytes))
        media = heard.receive(packet)
        now_s = trio.current_time()
        self._played_until_s = max(self._played_until_s, now_s)
        if self._played_until_s - now_s > AHEAD_S:
            raise Refused(Fault.SEQUENCE, "sound before its time")
        assert isinstance(media, Media)
        self._played_until_s += mulaw.duration_ms(media.mulaw) / 1000
        return AgentAudio(media.mulaw)


class AudioSocketWire:
    """Asterisk's side of the TCP connection, packet by packet."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._packets = Packets()

    async def get_message(self) -> bytes:
        while (packet := self._packets.next()) is None:
            try:
                data = await self._stream.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data:
                raise ConnectionClosed(None)
            self._packets.add(data)
        if packet.kind == packets.HANG_UP:
            raise ConnectionClosed(None)
        return packets.encode(packet)

    async def send_message(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        try:
            await self._stream.send_all(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionClosed(None) from None

    async def aclose(self) -> None:
        with suppress(trio.BrokenResourceError):
            await self._stream.aclose()
