"""Why a message of a carrier's is refused, and whether the call can go on without it."""

from __future__ import annotations

import enum

MESSAGE_BYTES_MAX = 64 * 1024
"""The longest message taken from a carrier; their own are under 1 kB."""

KEYS = frozenset("0123456789*#")
"""Those of a telephone."""

_DETAIL_CHARS_MAX = 120


class Fault(enum.StrEnum):
    """What is wrong with a message; each protocol's module says what it does with which."""

    OVERSIZED = "oversized"
    BINARY = "binary"
    MALFORMED = "malformed"
    BAD_START = "bad_start"
    BAD_FORMAT = "bad_format"
    BAD_TRACKS = "bad_tracks"
    SECOND_START = "second_start"
    OTHER_STREAM = "other_stream"
    OTHER_TRACK = "other_track"
    SEQUENCE = "sequence"
    OUT_OF_ORDER = "out_of_order"
    AFTER_STOP = "after_stop"
    UNKNOWN_EVENT = "unknown_event"


ENDS_CALL = frozenset(
    {
        Fault.OVERSIZED,
        Fault.BAD_START,
        Fault.BAD_FORMAT,
        Fault.BAD_TRACKS,
        Fault.SECOND_START,
    }
)
"""The faults after which a call cannot go on; all others cost one message."""


class Refused(Exception):
    """The other side sent what this protocol does not allow. ``detail`` never holds audio."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault = fault
        self.detail = detail[:_DETAIL_CHARS_MAX]
        super().__init__(f"{fault}: {self.detail}")

    @property
    def ends_call(self) -> bool:
        """Whether this call must end; otherwise the message is ignored."""
        return self.fault in ENDS_CALL


def text_of(message: str | bytes, bytes_max: int = MESSAGE_BYTES_MAX) -> str:
    """A message that has to be text, and no longer than this. Raises :class:`Refused`."""
    if not isinstance(message, str):
        raise Refused(Fault.BINARY, f"{len(message)} bytes in a binary frame")
    if len(message) > bytes_max:
        raise Refused(Fault.OVERSIZED, f"{len(message)} characters, at most {bytes_max}")
    return message
