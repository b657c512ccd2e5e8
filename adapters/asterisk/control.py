"""Asterisk's chan_websocket, as functions from messages to typed messages and back; no I/O.

A call is one websocket that Asterisk opens. Binary messages are sound, µ-law; text messages are
control, in one of two forms, as the dialplan says: ``f(json)`` or plain words. ``MEDIA_START``
comes first, and what we say is in the form in which it came.
(https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/)

    DTMF_END digit:5 channel_id:1761245643.1
    {"event": "DTMF_END", "channel_id": "1761245643.1", "digit": "5"}

Asterisk cuts our sound into frames of 20 ms itself and plays them in time, but drops what does
not fill a frame, so :class:`WholeFrames` keeps that. It has room for 20 s; before it has no more it
says MEDIA_XOFF, and MEDIA_XON later. ``MARK_MEDIA`` is a mark; ``FLUSH_MEDIA`` is a clear, of
which the marks do not come back, so they are brought back here.

Only JSON carries the channel's variables. Those whose names begin with ``ANTIPHON_`` are the
call's parameters: ``Set(__ANTIPHON_FROM=${CALLERID(num)})`` becomes ``from``.

What our end does with each message, in each state (a fault in italics is ignored, one in capitals
ends this call, and no other):

    message                before MEDIA_START   in the call
    ====================   ==================   ======================================
    MEDIA_START            taken: CallInfo      SECOND_START
    sound                  *out_of_order*       taken: Media
    DTMF_END               *out_of_order*       taken: Dtmf
    MEDIA_MARK_PROCESSED   *out_of_order*       taken: Mark, if we wait for it
    MEDIA_XOFF, _XON       *out_of_order*       taken: no more sound, or more again
    ERROR                  *malformed*          *malformed*
    others of Asterisk's   *out_of_order*       taken: they say nothing to us

and with each fault, whatever the state:

    OVERSIZED         more than 64 KiB
    *malformed*       no words, no JSON object, no such key; and what Asterisk says of ours in ERROR
    BAD_START         a MEDIA_START that does not name its channel
    BAD_FORMAT        other than ulaw
    *unknown_event*   an event that is none of Asterisk's

A call ends as its websocket does: there is no message for it.
"""

from __future__ import annotations

import msgspec

from adapters.carriers.faults import KEYS, MESSAGE_BYTES_MAX, Fault, Refused, text_of
from adapters.carriers.ids import safe_id
from adapters.carriers.websocket import Dialect
from adapters.carriers.whole_frames import WholeFrames
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media

MEDIA_START = "MEDIA_START"
MARK_PROCESSED = "MEDIA_MARK_PROCESSED"
DTMF_END = "DTMF_END"
XOFF = "MEDIA_XOFF"
XON = "MEDIA_XON"
ERROR = "ERROR"
IDLE_TALK = frozenset({"STATUS", "QUEUE_DRAINED", "MEDIA_BUFFERING_COMPLETED"})

_PARAMETER = "ANTIPHON_"


class Event(msgspec.Struct, frozen=True):
    """A control message of Asterisk's, with what is of interest to us."""

    event: str
    connection_id: str = ""
    channel: str = ""
    channel_id: str = ""
    format: str = ""
    digit: str = ""
    correlation_id: str = ""
    error_text: str = ""
    channel_variables: dict[str, str] = {}


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """A control message of ours."""

    command: str
    correlation_id: str = ""


_decode_json = msgspec.json.Decoder(Event).decode
_encode_json = msgspec.json.Encoder().encode


def read_event(text: str) -> Event:
    """A control message in either form. Raises :class:`Refused`."""
    if text.startswith("{"):
        try:
            return _decode_json(text)
        except (ValueError, RecursionError) as error:
            raise Refused(Fault.MALFORMED, str(error)) from None
    name, _, rest = text.strip().partition(" ")
    if not name.isascii() or not name.replace("_", "").isalpha():
        raise Refused(Fault.MALFORMED, "no name of an event")
    if name == ERROR:
        return Event(name, error_text=rest)
    if name == MARK_PROCESSED:
        return Event(name, correlation_id=rest)
    pairs = dict(word.split(":", 1) for word in rest.split() if ":" in word)
    return Event(
        name,
        connection_id=pairs.get("connection_id", ""),
        channel=pairs.get("channel", ""),
        channel_id=pairs.get("channel_id", ""),
        format=pairs.get("format", ""),
        digit=pairs.get("digit", ""),
    )


def write_command(command: Command, *, as_json: bool) -> str:
    """A control message in this form."""
    if as_json:
        return _encode_json(command).decode()
    return f"{command.command} {command.correlation_id}".strip()


class ServerStream(Dialect):
    """Our end of one connection."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        """Who is calling; None until MEDIA_START."""
        self._as_json = False
        self._frames = WholeFrames()
        self._marks: dict[str, None] = {}  # in their order; those that are not back

    def receive(self, message: str | bytes) -> CallInfo | CarrierMessage | None:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        if isinstance(message, bytes):  # first, because it is nearly all of the traffic
            if self.info is None:
                raise Refused(Fault.OUT_OF_ORDER, "sound before MEDIA_START")
            if len(message) > MESSAGE_BYTES_MAX:
                raise Refused(Fault.OVERSIZED, f"{len(message)} bytes of sound")
            return Media(message)
        text = text_of(message)
        event = read_event(text)
        if event.event == MEDIA_START:
            self._as_json = text.startswith("{")
            return self._start(event)
        if event.event == ERROR:
            raise Refused(Fault.MALFORMED, f"Asterisk reports: {event.error_text}")
        if self.info is None:
            raise Refused(Fault.OUT_OF_ORDER, f"{event.event[:32]} before MEDIA_START")
        if event.event == DTMF_END:
            if event.digit not in KEYS or not event.digit:
                raise Refused(Fault.MALFORMED, "DTMF_END: not a key of the telephone")
            return Dtmf(event.digit)
        if event.event == MARK_PROCESSED:
            name = event.correlation_id
            if name not in self._marks:
                return None
            del self._marks[name]
            return Mark(name)
        if event.event in (XOFF, XON):
            self.paused = event.event == XOFF
        elif event.event not in IDLE_TALK:
            raise Refused(Fault.UNKNOWN_EVENT, f"event {event.event[:32]!r}")
        return None

    def _start(self, event: Event) -> CallInfo:
        if self.info is not None:
            raise Refused(Fault.SECOND_START, "a connection starts once")
        if event.format not in ("ulaw", ""):
            raise Refused(Fault.BAD_FORMAT, f"the format is {event.format[:32]}: dial with c(ulaw)")
        call_id = event.channel_id or event.channel
        if not call_id:
            raise Refused(Fault.BAD_START, "MEDIA_START names no channel")
        parameters = {
            name.removeprefix(_PARAMETER).lower(): value
            for name, value in event.channel_variables.items()
            if name.startswith(_PARAMETER)
        }
        self.info = CallInfo(safe_id(call_id), safe_id(event.connection_id or call_id), parameters)
        return self.info

    def media(self, mulaw: bytes) -> bytes:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        return self._frames.take(mulaw)

    def rest(self) -> bytes:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        return self._frames.rest()

    def mark(self, name: str) -> str:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        self._marks[name] = None
        return write_command(Command("MARK_MEDIA", name), as_json=self._as_json)

    def clear(self) -> str:
        """See :class:`~adapters.carriers.websocket.Dialect`."""
        self._frames.drop()
        return write_command(Command("FLUSH_MEDIA"), as_json=self._as_json)

    def marks_lost(self) -> list[str]:
        """All that are not back: Asterisk forgets them with the sound. One that comes back in
        spite of it was on its way, and is known no more."""
        lost = list(self._marks)
        self._marks.clear()
        return lost
