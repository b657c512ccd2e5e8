"""The messages of Twilio Media Streams as typed structs, and JSON both ways.

Shapes only: what is allowed when is :mod:`adapters.twilio.protocol`'s business. The names are
Twilio's in snake case. A missing or a mistyped field does not decode. A field that is not
listed here is skipped on the way in, and does not decode on the way out, as at Twilio's.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
"""An id that is safe in a file name and a log line; Twilio's are two letters and 32 hex digits."""


# --- from Twilio to the server ---------------------------------------------------------------


class MediaFormat(msgspec.Struct, frozen=True, rename="camel"):
    """What the audio is; here alone numbers are numbers."""

    encoding: str
    sample_rate: int
    channels: int


TELEPHONE = MediaFormat("audio/x-mulaw", 8000, 1)
"""The one format Twilio streams."""


class StartBody(msgspec.Struct, frozen=True, rename="camel"):
    stream_sid: Id
    call_sid: Id
    tracks: list[str]
    media_format: MediaFormat
    account_sid: str = ""
    custom_parameters: dict[str, str] = {}


class MediaBody(msgspec.Struct, frozen=True):
    payload: bytes  # base64 in JSON, decoded strictly: alphabet, padding and length
    track: str = "inbound"
    chunk: str = ""
    timestamp: str = ""


class DtmfBody(msgspec.Struct, frozen=True):
    digit: str
    track: str = "inbound_track"


class MarkBody(msgspec.Struct, frozen=True):
    name: str


class StopBody(msgspec.Struct, frozen=True, rename="camel"):
    call_sid: str = ""
    account_sid: str = ""


class InEvent(msgspec.Struct, frozen=True, tag_field="event", rename="camel"):
    """One kind of message from Twilio; the tag is the value of ``event``."""

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)


class Connected(InEvent, frozen=True, tag="connected"):
    protocol: str = "Call"
    version: str = "1.0.0"


class Start(InEvent, frozen=True, tag="start"):
    sequence_number: str
    start: StartBody
    stream_sid: Id


class Media(InEvent, frozen=True, tag="media"):
    sequence_number: str
    media: MediaBody
    stream_sid: str


class Dtmf(InEvent, frozen=True, tag="dtmf"):
    sequence_number: str
    dtmf: DtmfBody
    stream_sid: str


class Mark(InEvent, frozen=True, tag="mark"):
    sequence_number: str
    mark: MarkBody
    stream_sid: str


class Stop(InEvent, frozen=True, tag="stop"):
    sequence_number: str
    stop: StopBody
    stream_sid: str


# --- from the server to Twilio ---------------------------------------------------------------


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: bytes


class MarkName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class OutEvent(
    msgspec.Struct, frozen=True, tag_field="event", rename="camel", forbid_unknown_fields=True
):
    """What Twilio takes: the event, the stream, and nothing beside its one body."""

    stream_sid: str


class OutMedia(OutEvent, frozen=True, tag="media"):
    media: Payload


class OutMark(OutEvent, frozen=True, tag="mark"):
    mark: MarkName


class OutClear(OutEvent, frozen=True, tag="clear"):
    pass


# --- JSON ------------------------------------------------------------------------------------


class Kind(msgspec.Struct, frozen=True):
    """Just enough of a message to say what it was meant to be."""

    event: str


INBOUND_KINDS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})
OUTBOUND_KINDS = frozenset({"media", "mark", "clear"})

# Each raises ValueError (msgspec's errors and those of text that is not Unicode are both
# ValueErrors) or RecursionError (a message nested thousands deep), and nothing else.
decode_inbound = msgspec.json.Decoder(Connected | Start | Media | Dtmf | Mark | Stop).decode
decode_outbound = msgspec.json.Decoder(OutMedia | OutMark | OutClear).decode
decode_kind = msgspec.json.Decoder(Kind).decode

_encode = msgspec.json.Encoder().encode


def encode(message: InEvent | OutEvent) -> str:
    """One message as the text of one websocket frame."""
    return _encode(message).decode()
