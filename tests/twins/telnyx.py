"""Telnyx's end of a media stream, after its documentation; no I/O."""

from __future__ import annotations

import itertools

from adapters.carriers.faults import Fault, Refused
from adapters.telnyx import wire
from adapters.twilio.protocol import AgentAudio, AgentClear, AgentMark, AgentMessage
from states.mulaw import duration_ms

CONTROL_ID = "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
STREAM_ID = "32de0dea-53cb-4b21-89a4-9e1819c043bc"


class TelnyxEnd:
    """Numbers what it sends, and judges what it gets."""

    def __init__(self, parameters: dict[str, str] | None = None) -> None:
        self._parameters = parameters or {}
        self._chunks = itertools.count(1)

    def opening(self) -> tuple[str, ...]:
        body = wire.StartBody(
            CONTROL_ID, wire.TELEPHONE, "+13122010094", "+13122123456", self._parameters
        )
        return wire.encode(wire.Connected("1.0.0")), wire.encode(wire.Start(STREAM_ID, body))

    def media(self, mulaw: bytes) -> str:
        return self.frame(next(self._chunks), mulaw)

    def frame(self, chunk: int, mulaw: bytes) -> str:
        """A frame of this number."""
        return wire.encode(wire.Media(STREAM_ID, wire.MediaBody(mulaw, "inbound", str(chunk))))

    def dtmf(self, digit: str) -> str:
        return wire.encode(wire.Dtmf(STREAM_ID, wire.DtmfBody(digit)))

    def mark(self, name: str) -> str:
        return wire.encode(wire.Mark(wire.MarkBody(name), STREAM_ID))

    def closing(self) -> tuple[str, ...]:
        return (wire.encode(wire.Stop(STREAM_ID)),)

    def receive(self, message: str | bytes) -> AgentMessage:
        try:
            event = wire.decode_outbound(message)
        except ValueError as error:
            raise Refused(Fault.MALFORMED, str(error)) from None
        if isinstance(event, wire.OutMedia):
            if not 20 <= duration_ms(event.media.payload) <= 30_000:
                raise Refused(Fault.BAD_FORMAT, "20 ms to 30 s of audio are taken")
            return AgentAudio(event.media.payload)
        return AgentMark(event.mark.name) if isinstance(event, wire.OutMark) else AgentClear()
