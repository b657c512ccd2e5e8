"""The messages of Telnyx Media Streaming as typed structs, and JSON both ways.

Shapes only: what is allowed when is :mod:`adapters.telnyx.protocol`'s business. A missing or a
mistyped field does not decode; one that is not listed here is skipped.
"""

from __future__ import annotations

import msgspec

# --- from Telnyx to the server ---------------------------------------------------------------


class MediaFormat(msgspec.Struct, frozen=True):
    """What the audio is."""

    encoding: str
    sample_rate: int
    channels: int


TELEPHONE = MediaFormat("PCMU", 8000, 1)
"""The one format taken."""


class StartBody(msgspec.Struct, frozen=True):
    call_control_id: str
    media_format: MediaFormat
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    custom_parameters: dict[str, str] | None = None


class MediaBody(msgspec.Struct, frozen=True):
    payload: bytes  # base64 in JSON, decoded strictly: alphabet, padding and length
    track: str = "inbound"
    chunk: str | int = ""


class DtmfBody(msgspec.Struct, frozen=True):
    digit: str


class MarkBody(msgspec.Struct, frozen=True):
    name: str


class ErrorBody(msgspec.Struct, frozen=True):
    code: int | str = ""
    title: str = ""
    detail: str = ""


class InEvent(msgspec.Struct, frozen=True, tag_field="event"):
    """One kind of message from Telnyx; the tag is the value of ``event``."""

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)


class Connected(InEvent, frozen=True, tag="connected"):
    version: str = ""


class Start(InEvent, frozen=True, tag="start"):
    stream_id: str
    start: StartBody


class Media(InEvent, frozen=True, tag="media"):
    stream_id: str
    media: MediaBody


class Dtmf(InEvent, frozen=True, tag="dtmf"):
    stream_id: str
    dtmf: DtmfBody


class Mark(InEvent, frozen=True, tag="mark"):
    mark: MarkBody
    stream_id: str = ""


class Stop(InEvent, frozen=True, tag="stop"):
    stream_id: str = ""


class Error(InEvent, frozen=True, tag="error"):
    payload: ErrorBody = ErrorBody()
    stream_id: str = ""


# --- from the server to Telnyx ---------------------------------------------------------------


class Payload(msgspec.Struct, frozen=True):
    payload: bytes


class OutEvent(msgspec.Struct, frozen=True, tag_field="event"):
    """What Telnyx takes. It names no stream: a websocket is one."""


class OutMedia(OutEvent, frozen=True, tag="media"):
    media: Payload


class OutMark(OutEvent, frozen=True, tag="mark"):
    mark: MarkBody


class OutClear(OutEvent, frozen=True, tag="clear"):
    pass


# --- JSON ------------------------------------------------------------------------------------


class Kind(msgspec.Struct, frozen=True):
    """Just enough of a message to say what it was meant to be."""

    event: str


INBOUND_KINDS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop", "error"})

# Each raises ValueError (msgspec's errors and those of text that is not Unicode are both
# ValueErrors) or RecursionError (a message nested thousands deep), and nothing else.
decode_inbound = msgspec.json.Decoder(Connected | Start | Media | Dtmf | Mark | Stop | Error).decode
decode_outbound = msgspec.json.Decoder(OutMedia | OutMark | OutClear).decode
decode_kind = msgspec.json.Decoder(Kind).decode

_encode = msgspec.json.Encoder().encode


def encode(message: InEvent | OutEvent) -> str:
    """One message as the text of one websocket frame."""
    return _encode(message).decode()
