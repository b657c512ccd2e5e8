"""All carriers, each as a case of one contract: who calls, over what, and what it may get wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair
from trio_websocket import WebSocketConnection

import adapters.asterisk.audiosocket
import adapters.asterisk.channel
import adapters.telnyx.carrier
import adapters.twilio.carrier
from adapters.asterisk import packets
from adapters.asterisk.packets import Packet
from adapters.carriers.answering import CarrierLimits, OnCall, PutThrough
from adapters.carriers.faults import Fault
from adapters.front.server import Answer, Front, FrontLimits
from adapters.twilio.dialing import websocket_over
from adapters.twilio.phone import CarrierEnd, Wire, talk
from adapters.twilio.protocol import CarrierStream
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import Script
from effects.ports import CallInfo
from tests.twilio_kit import ADDRESS
from tests.twins.asterisk import CALL_ID, AudioSocketEnd, AudioSocketWire, ChannelEnd
from tests.twins.telnyx import TelnyxEnd

LIMITS = CarrierLimits()


@dataclass(frozen=True)
class Case:
    """One carrier. ``garbage`` are messages that a call survives, each with what it is counted as,
    ``fatal`` one that it does not, with the start of the reason that is given."""

    name: str
    call_id: str
    end: Callable[[], CarrierEnd]
    garbage: Sequence[tuple[str | bytes, Fault]]
    fatal: tuple[str | bytes, str]
    websocket: Callable[..., Answer] | None = None
    says_goodbye: bool = True
    """Whether the caller's hang-up is a message; otherwise the line closes, and that is it."""
    knows_clears: bool = True
    """Whether the carrier is told to throw away what it has; otherwise it never has any."""

    @asynccontextmanager
    async def dialled(
        self,
        on_call: OnCall,
        limits: CarrierLimits = LIMITS,
        put_through: PutThrough | None = None,
        *,
        reading: bool = True,
    ) -> AsyncIterator[Wire]:
        """A line to our end, which holds the call with ``on_call``. Unless ``reading``, what is
        sent has to wait until somebody reads it."""
        ours, theirs = memory_stream_pair() if reading else lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            if self.websocket is None:
                hold = adapters.asterisk.audiosocket.answer
                nursery.start_soon(hold, ours, on_call, limits, put_through)
                wire = AudioSocketWire(theirs)
                yield wire
                await wire.aclose()
            else:
                answer = self.websocket(limits=limits, put_through=put_through)
                front = Front(on_call, {}, {ADDRESS.path: answer}, None, FrontLimits())
                nursery.start_soon(front.handle, ours)
                async with websocket_over(theirs, ADDRESS) as websocket:
                    yield websocket
                    await websocket.aclose()

    async def call(self, on_call: OnCall, script: Script) -> CallRecord:
        """One call of this caller, over this carrier."""
        async with self.dialled(on_call) as wire:
            return await talk(wire, script, end=self.end())


def _answering(
    answer: Callable[
        [WebSocketConnection, OnCall, CarrierLimits | None, PutThrough | None], object
    ],
) -> Callable[..., Answer]:
    return lambda **limited: partial(answer, **limited)  # type: ignore[return-value]


def _twilio() -> CarrierEnd:
    return CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")


_NO_JSON = ("{", Fault.MALFORMED)
_NO_KIND = ('{"event":"news"}', Fault.UNKNOWN_EVENT)
_LONG = ("x" * 70_000, "the websocket was closed without a stop: 1009")

CASES = [
    Case(
        "twilio",
        "CA1",
        _twilio,
        [_NO_JSON, _NO_KIND, (b"\x00", Fault.BINARY), ("", Fault.MALFORMED)],
        _LONG,
        _answering(adapters.twilio.carrier.answer),
    ),
    Case(
        "telnyx",
        "v3-T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
        TelnyxEnd,
        [
            _NO_JSON,
            _NO_KIND,
            (b"\x00", Fault.BINARY),
            ('{"event":"media","stream_id":"x","media":{"payload":"AAAA"}}', Fault.OTHER_STREAM),
            ('{"event":"error","payload":{"code":100002,"title":"bad"}}', Fault.MALFORMED),
        ],
        _LONG,
        _answering(adapters.telnyx.carrier.answer),
    ),
    *(
        Case(
            f"chan_websocket in {form}",
            "1761245643-1",
            partial(ChannelEnd, as_json=as_json),
            [_NO_JSON, ("NEWS", Fault.UNKNOWN_EVENT), ("?", Fault.MALFORMED)],
            _LONG,
            _answering(adapters.asterisk.channel.answer),
            says_goodbye=False,
        )
        for form, as_json in (("words", False), ("json", True))
    ),
    Case(
        "audiosocket",
        str(CALL_ID),
        AudioSocketEnd,
        [
            (packets.encode(Packet(0x42, b"?")), Fault.UNKNOWN_EVENT),
            (packets.encode(Packet(packets.AUDIO, b"\x00")), Fault.MALFORMED),
            (packets.encode(Packet(packets.KEY, b"x")), Fault.MALFORMED),
        ],
        (packets.encode(Packet(packets.AUDIO, bytes(40_000))), "oversized"),
        knows_clears=False,
    ),
]
