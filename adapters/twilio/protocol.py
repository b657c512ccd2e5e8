"""Twilio Media Streams, as functions from text to typed messages and back; no I/O.

A call arrives as one websocket. Twilio sends `connected`, then `start`, then `media` (20 ms
of the caller, 50 a second) with `dtmf` and `mark` between them, then `stop`. The server sends
`media`, `mark` and `clear`. All are JSON objects in text frames, told apart by their `event`.
Numbers are strings, except inside `mediaFormat`; `sequenceNumber` counts every message from
`start` on; keys come in any order; a payload is base64 of any length.
(https://www.twilio.com/docs/voice/media-streams/websocket-messages, and captures of calls.)

:class:`ServerStream` is our end, :class:`CarrierStream` is Twilio's end for a simulated
caller. Both keep the little state the rules need. A message that breaks a rule raises
:class:`Refused`, which names the :class:`Fault` and says whether the call can go on.

What the server's end does with each message, in each state (a fault in italics is ignored,
one in capitals ends this call, and no other):

    message     before start        in the stream       after stop
    =========   =================   =================   ==============
    connected   taken               *out_of_order*      *after_stop*
    start       taken: CallInfo     SECOND_START        *after_stop*
    media       *out_of_order*      taken: Media        *after_stop*
    dtmf        *out_of_order*      taken: Dtmf         *after_stop*
    mark        *out_of_order*      taken: Mark         *after_stop*
    stop        taken: Stop         taken: Stop         *after_stop*

and with each fault, whatever the state:

    fault             what it is                                         why that rule
    ===============   ================================================   =======================
    OVERSIZED         more than 64 KiB                                   its socket is closing
    *binary*          a binary frame                                     we know of none
    *malformed*       not JSON, a field missing or of the wrong type,    it costs 20 ms of sound,
                      bad base64, no such key on a telephone             not a call
    BAD_START         a malformed `start`, or one whose ids are not      without it there is no
                      ``[A-Za-z0-9_-]{1,64}`` or contradict each other   stream to talk to
    BAD_FORMAT        other than audio/x-mulaw, 8000 Hz, mono            it would be noise
    BAD_TRACKS        tracks other than the caller's alone, as with      the agent would hear
                      `<Start><Stream>` in place of `<Connect>`          itself, or go unheard
    *other_stream*    another streamSid                                  it is not this call's
    *other_track*     media of a track other than `inbound`              it is not the caller
    *sequence*        sequenceNumber not above the last one taken;       late audio is garbage;
                      a `stop` is taken all the same                     the end is the end
    *unknown_event*   an event not in the table above                    Twilio may add some

`connected` may be missing or repeated before `start`: it carries nothing. Fields we do not
know are skipped on the way in. On the way out an extra field is an error at Twilio's (31951),
as is a missing one, so :class:`CarrierStream` refuses both as *malformed*.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.carriers.faults import KEYS, Fault, Refused, text_of
from adapters.carriers.websocket import Dialect
from adapters.twilio import wire
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from states.mulaw import duration_ms

AGENT_MESSAGE_BYTES_MAX = 1024 * 1024
"""The longest message that a simulated Twilio takes: servers may send minutes at once."""

_NUMBER_DIGITS_MAX = 18


def _explain(text: str, error: Exception, kinds: frozenset[str]) -> Refused:
    """The refusal for a message that did not decode; slow, and never on a good stream."""
    try:
        kind = wire.decode_kind(text).event
    except (ValueError, RecursionError):
        return Refused(Fault.MALFORMED, str(error))
    if kind not in kinds:
        return Refused(Fault.UNKNOWN_EVENT, f"event {kind[:32]!r}")
    fault = Fault.BAD_START if kind == "start" else Fault.MALFORMED
    return Refused(fault, f"{kind}: {error}")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX):
        raise Refused(Fault.MALFORMED, "sequenceNumber is not a number in a string")
    return int(text)


class ServerStream(Dialect):
    """Our end of one media stream: what has come, in order, and what may be said back."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        """Who is calling; None until `start`."""
        self._stream_sid = ""
        self._sequence = 0
        self._stopped = False

    def receive(self, message: str | bytes) -> CallInfo | CarrierMessage | None:
        """Take one message: the call's info for `start`, None for `connected`.

        Raises :class:`Refused` for whatever the module's tables do not take, and nothing else.
        """
        text = text_of(message)
        try:
            event = wire.decode_inbound(text)
        except (ValueError, RecursionError) as error:
            raise _explain(text, error, wire.INBOUND_KINDS) from None
        if self._stopped:
            raise Refused(Fault.AFTER_STOP, f"{event.kind} after stop")
        if isinstance(event, wire.Media):  # first, because it is nearly all of the traffic
            self._check_order(event)
            if event.media.track != "inbound":
                raise Refused(Fault.OTHER_TRACK, f"media of track {event.media.track[:32]!r}")
            return Media(event.media.payload)
        if isinstance(event, wire.Mark):
            self._check_order(event)
            return Mark(event.mark.name)
        if isinstance(event, wire.Dtmf):
            self._check_order(event)
            if event.dtmf.digit not in KEYS:
                raise Refused(Fault.MALFORMED, "dtmf: not a key of the telephone")
            return Dtmf(event.dtmf.digit)
        if isinstance(event, wire.Start):
            return self._start(event)
        if isinstance(event, wire.Stop):
            return self._stop(event)
        if self.info is not None:
            raise Refused(Fault.OUT_OF_ORDER, "connected after start")
        return None

    def _check_order(self, event: wire.Media | wire.Mark | wire.Dtmf) -> None:
        if self.info is None:
            raise Refused(Fault.OUT_OF_ORDER, f"{event.kind} before start")
        if event.stream_sid != self._stream_sid:
            raise Refused(Fault.OTHER_STREAM, f"{event.kind} of {event.stream_sid[:40]!r}")
        sequence = _number(event.sequence_number)
        if sequence <= self._sequence:
            raise Refused(Fault.SEQUENCE, f"{sequence} after {self._sequence}")
        self._sequence = sequence

    def _start(self, event: wire.Start) -> CallInfo:
        if self.info is not None:
            raise Refused(Fault.SECOND_START, "a stream starts once")
        body = event.start
        if event.stream_sid != body.stream_sid:
            raise Refused(Fault.BAD_START, "start: its two streamSids differ")
        if body.media_format != wire.TELEPHONE:
            sent = body.media_format
            raise Refused(
                Fault.BAD_FORMAT,
                f"the stream is {sent.encoding[:32]}, {sent.sample_rate} Hz,"
                f" {sent.channels} channel(s); audio/x-mulaw, 8000 Hz, 1 is needed",
            )
        if body.tracks != ["inbound"]:
            raise Refused(
                Fault.BAD_TRACKS,
                "the track 'inbound' alone is needed: answer the call with <Connect><Stream>",
            )
        try:
            self._sequence = _number(event.sequence_number)
        except Refused as refusal:
            raise Refused(Fault.BAD_START, refusal.detail) from None
        self._stream_sid = body.stream_sid
        self.info = CallInfo(body.call_sid, body.stream_sid, body.custom_parameters)
        return self.info

    def _stop(self, event: wire.Stop) -> Stop:
        if self.info is not None and event.stream_sid != self._stream_sid:
            raise Refused(Fault.OTHER_STREAM, f"stop of {event.stream_sid[:40]!r}")
        self._stopped = True
        return Stop("the carrier ended the call")

    def media(self, mulaw: bytes) -> str:
        """Play this to the caller, after what was sent before."""
        return wire.encode(wire.OutMedia(self._stream_sid, wire.Payload(mulaw)))

    def mark(self, name: str) -> str:
        """Say when all that was sent before has been played."""
        return wire.encode(wire.OutMark(self._stream_sid, wire.MarkName(name)))

    def clear(self) -> str:
        """Throw away what has not been played; every outstanding mark comes back."""
        return wire.encode(wire.OutClear(self._stream_sid))


@dataclass(frozen=True, slots=True)
class AgentAudio:
    """µ-law at 8 kHz to play to the caller, after what came before."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class AgentMark:
    """To be echoed when what came before it has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class AgentClear:
    """Throw away what has not been played."""


AgentMessage = AgentAudio | AgentMark | AgentClear


class CarrierStream:
    """Twilio's end of one media stream: numbers what it sends, and judges what it gets.

    ``first_timestamp_ms`` is that of the first frame, which is not 0 on a real call (102 and
    155 have been seen).
    """

    def __init__(self, call: CallInfo, *, account_sid: str, first_timestamp_ms: int = 0) -> None:
        self._call = call
        self._account_sid = account_sid
        self._timestamp_ms = float(first_timestamp_ms)
        self._sequence = 0
        self._chunk = 0

    def _next(self) -> str:
        self._sequence += 1
        return str(self._sequence)

    def connected(self) -> str:
        """The first message; the only one without a number."""
        return wire.encode(wire.Connected())

    def start(self) -> str:
        """The second message: whose call this is and what its audio is."""
        body = wire.StartBody(
            stream_sid=self._call.stream_id,
            call_sid=self._call.call_id,
            tracks=["inbound"],
            media_format=wire.TELEPHONE,
            account_sid=self._account_sid,
            custom_parameters=dict(self._call.parameters),
        )
        return wire.encode(wire.Start(self._next(), body, self._call.stream_id))

    def opening(self) -> tuple[str, str]:
        """The first two messages."""
        return self.connected(), self.start()

    def closing(self) -> tuple[str]:
        """The last message."""
        return (self.stop(),)

    def media(self, mulaw: bytes) -> str:
        """The caller's next audio; its timestamp is how much audio went before."""
        self._chunk += 1
        body = wire.MediaBody(mulaw, "inbound", str(self._chunk), str(int(self._timestamp_ms)))
        self._timestamp_ms += duration_ms(mulaw)
        return wire.encode(wire.Media(self._next(), body, self._call.stream_id))

    def dtmf(self, digit: str) -> str:
        """The caller pressed a key."""
        return wire.encode(wire.Dtmf(self._next(), wire.DtmfBody(digit), self._call.stream_id))

    def mark(self, name: str) -> str:
        """The echo of the server's mark."""
        return wire.encode(wire.Mark(self._next(), wire.MarkBody(name), self._call.stream_id))

    def stop(self) -> str:
        """The call is over."""
        body = wire.StopBody(self._call.call_id, self._account_sid)
        return wire.encode(wire.Stop(self._next(), body, self._call.stream_id))

    def receive(self, message: str | bytes) -> AgentMessage:
        """Take one message of the server's.

        Raises :class:`Refused` for whatever Twilio would warn of as 31951, and nothing else.
        """
        text = text_of(message, AGENT_MESSAGE_BYTES_MAX)
        try:
            event = wire.decode_outbound(text)
        except (ValueError, RecursionError) as error:
            raise _explain(text, error, wire.OUTBOUND_KINDS) from None
        if event.stream_sid != self._call.stream_id:
            raise Refused(Fault.OTHER_STREAM, f"a message for {event.stream_sid[:40]!r}")
        if isinstance(event, wire.OutMedia):
            return AgentAudio(event.media.payload)
        if isinstance(event, wire.OutMark):
            return AgentMark(event.mark.name)
        return AgentClear()
