"""Telnyx Media Streaming, as functions from text to typed messages and back; no I/O.

A call arrives as one websocket. Telnyx sends `connected`, then `start`, then `media` (20 ms of
the caller, 50 a second) with `dtmf` and `mark` between them, then `stop`; and `error` where it
did not like a message of ours. The server sends `media`, `mark` and `clear`. All are JSON objects
in text frames, told apart by their `event`.
(https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming)

Where it differs from Twilio's: frames may come out of order, and `chunk` says which is which;
audio for the caller comes in messages of 20 ms to 30 s, so :class:`WholeFrames` keeps what is
shorter; ids have colons, which are no good in file names (the id that Telnyx's other interfaces
take is the parameter ``call_control_id``); one who calls and one who is called stand in `start`.

What our end does with each message, in each state (a fault in italics is ignored, one in capitals
ends this call, and no other):

    message     before start        in the stream                   after stop
    =========   =================   =============================   ==============
    connected   taken               *out_of_order*                  *after_stop*
    start       taken: CallInfo     SECOND_START                    *after_stop*
    media       *out_of_order*      taken: Media, or kept a while   *after_stop*
    dtmf        *out_of_order*      taken: Dtmf                     *after_stop*
    mark        *out_of_order*      taken: Mark                     *after_stop*
    stop        taken: Stop         taken: Stop                     *after_stop*
    error       *malformed*         *malformed*                     *after_stop*

and with each fault, whatever the state:

    OVERSIZED         more than 64 KiB
    *binary*          a binary frame
    *malformed*       not JSON, a field missing or of the wrong type, bad base64, no such key on a
                      telephone; and what Telnyx says of ours in `error`
    BAD_START         a malformed `start`, or one without ids
    BAD_FORMAT        other than PCMU, 8000 Hz, mono
    *other_stream*    another stream_id
    *other_track*     media of a track other than the caller's: the agent would hear itself
    *sequence*        a frame after one that should have followed it was taken
    *unknown_event*   an event not in the table above
"""

from __future__ import annotations

from adapters.carriers.faults import KEYS, Fault, Refused, text_of
from adapters.carriers.ids import safe_id
from adapters.carriers.websocket import Dialect
from adapters.carriers.whole_frames import WholeFrames
from adapters.telnyx import wire
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop

CALL_CONTROL_ID = "call_control_id"
"""The parameter that holds the call's id as Telnyx wrote it."""

_INBOUND = ("inbound", "inbound_track")
_EARLY_FRAMES_MAX = 2
"""So many frames wait for one that is late: it costs 40 ms, and only where one is missing."""


class ServerStream(Dialect):
    """Our end of one media stream: what has come, in order, and what may be said back."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        """Who is calling; None until `start`."""
        self._stream_id = ""
        self._stopped = False
        self._order = InOrder()
        self._frames = WholeFrames()

    def receive(self, message: str | bytes) -> CallInfo | CarrierMessage | None:
        """See :class:`~adapters.carriers.websocket.Dialect`. None, too, for a frame that waits for
        one before it; they come together then."""
        text = text_of(message)
        try:
            event = wire.decode_inbound(text)
        except (ValueError, RecursionError) as error:
            raise _explain(text, error) from None
        if self._stopped:
            raise Refused(Fault.AFTER_STOP, f"{event.kind} after stop")
        match event:
            case wire.Media():  # first, because it is nearly all of the traffic
                self._check(event.kind, event.stream_id)
                if event.media.track not in _INBOUND:
                    raise Refused(Fault.OTHER_TRACK, f"media of track {event.media.track[:32]!r}")
                heard = self._order.take(_number(event.media.chunk), event.media.payload)
                return Media(heard) if heard else None
            case wire.Mark():
                self._check(event.kind, event.stream_id)
                return Mark(event.mark.name)
            case wire.Dtmf():
                self._check(event.kind, event.stream_id)
                if event.dtmf.digit not in KEYS:
                    raise Refused(Fault.MALFORMED, "dtmf: not a key of the telephone")
                return Dtmf(event.dtmf.digit)
            case wire.Start():
                return self._start(event)
            case wire.Stop():
                return self._stop(event)
            case wire.Error():
                said = event.payload
                raise Refused(Fault.MALFORMED, f"error: {said.code} {said.title} {said.detail}")
            case wire.Connected():
                if self.info is not None:
                    raise Refused(Fault.OUT_OF_ORDER, "connected after start")
        return None

    def _check(self, kind: str, stream_id: str) -> None:
        if self.info is None:
            raise Refused(Fault.OUT_OF_ORDER, f"{kind} before start")
        if stream_id and stream_id != self._stream_id:
            raise Refused(Fault.OTHER_STREAM, f"{kind} of {stream_id[:40]!r}")

    def _start(self, event: wire.Start) -> CallInfo:
        if self.info is not None:
            raise Refused(Fault.SECOND_START, "a stream starts once")
        body = event.start
        if body.media_format != wire.TELEPHONE:
            sent = body.media_format
            raise Refused(
                Fault.BAD_FORMAT,
                f"the stream is {sent.encoding[:32]}, {sent.sample_rate} Hz,"
                f" {sent.channels} channel(s); PCMU, 8000 Hz, 1 is needed (stream_codec PCMU)",
            )
        if not event.stream_id or not body.call_control_id:
            raise Refused(Fault.BAD_START, "start: an id is empty")
        self._stream_id = event.stream_id
        given = {"from": body.from_, "to": body.to, CALL_CONTROL_ID: body.call_control_id}
        parameters = (body.custom_parameters or {}) | {k: v for k, v in given.items() if v}
        self.info = CallInfo(safe_id(body.call_control_id), safe_id(event.stream_id), parameters)
        return self.info

    def _stop(self, event: wire.Stop) -> Stop:
        if self.info is not None:
            self._check(event.kind, event.stream_id)
        self._stopped = True
        return Stop("the carrier ended the call")

    def media(self, mulaw: bytes) -> str:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        whole = self._frames.take(mulaw)
        return wire.encode(wire.OutMedia(wire.Payload(whole))) if whole else ""

    def rest(self) -> str:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        rest = self._frames.rest()
        return wire.encode(wire.OutMedia(wire.Payload(rest))) if rest else ""

    def mark(self, name: str) -> str:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        return wire.encode(wire.OutMark(wire.MarkBody(name)))

    def clear(self) -> str:
        """Throw away what has not been played; every outstanding mark comes back."""
        self._frames.drop()
        return wire.encode(wire.OutClear())


class InOrder:
    """Puts frames into the order of their numbers."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._early: dict[int, bytes] = {}

    def take(self, number: int | None, audio: bytes) -> bytes:
        """What can be heard now that this has come: nothing while one before it is missing. One
        without a number is heard at once. Raises :class:`Refused` for one that comes too late, or
        again."""
        if number is None:
            return audio
        if self._next is not None and (number < self._next or number in self._early):
            raise Refused(Fault.SEQUENCE, f"frame {number}, and {self._next} is next")
        self._early[number] = audio
        if self._next is None or len(self._early) > _EARLY_FRAMES_MAX:
            self._next = min(self._early)  # those before it are given up
        heard = b""
        while self._next in self._early:
            heard += self._early.pop(self._next)
            self._next += 1
        return heard


def _number(chunk: str | int) -> int | None:
    if isinstance(chunk, int):
        return chunk
    return int(chunk) if chunk.isascii() and chunk.isdigit() and len(chunk) <= 18 else None


def _explain(text: str, error: Exception) -> Refused:
    """The refusal for a message that did not decode; slow, and never on a good stream."""
    try:
        kind = wire.decode_kind(text).event
    except (ValueError, RecursionError):
        return Refused(Fault.MALFORMED, str(error))
    if kind not in wire.INBOUND_KINDS:
        return Refused(Fault.UNKNOWN_EVENT, f"event {kind[:32]!r}")
    fault = Fault.BAD_START if kind == "start" else Fault.MALFORMED
    return Refused(fault, f"{kind}: {error}")
