"""AudioSocket, as functions from bytes to typed messages and back; no I/O.

A call is one TCP connection that Asterisk opens. Both sides send packets: a kind (1 byte), a
length (2 bytes, big-endian) and so many bytes. The first holds the id that the dialplan gave the
call, then comes audio, 16-bit linear at 8 kHz, little-endian, 20 ms a packet, and keys between it.
(https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/)

What our end does with each packet, in each state (a fault in italics is ignored, one in capitals
ends this call, and no other):

    packet          before the id       in the call         after the end
    =============   =================   =================   ==============
    0x01 id         taken: CallInfo     SECOND_START        *after_stop*
    0x10 audio      *out_of_order*      taken: Media        *after_stop*
    0x03 key        *out_of_order*      taken: Dtmf         *after_stop*
    0x00 hang-up    taken: Stop         taken: Stop         *after_stop*
    0xff error      taken: Stop         taken: Stop         *after_stop*

and with each fault, whatever the state:

    OVERSIZED         a packet over 16 kB (1 s); it is no AudioSocket then
    BAD_START         an id that is not of 16 bytes
    BAD_FORMAT        audio at another rate (kinds 0x11 to 0x18)
    *malformed*       half a sample, no such key on a telephone
    *unknown_event*   another kind of packet
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

import numpy as np

from adapters.carriers.faults import KEYS, Fault, Refused
from effects.ports import CallInfo, CarrierMessage, Dtmf, Media, Stop
from states import mulaw

HANG_UP = 0x00
ID = 0x01
KEY = 0x03
AUDIO = 0x10
ERROR = 0xFF

PACKET_BYTES_MAX = 16_000

_OTHER_RATES = range(0x11, 0x19)
_HEAD = struct.Struct(">BH")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; ``content`` is what follows its head."""

    kind: int
    content: bytes = b""


def encode(packet: Packet) -> bytes:
    """A packet as it goes over the wire. To be written in one piece: Asterisk wants heads whole."""
    return _HEAD.pack(packet.kind, len(packet.content)) + packet.content


def audio(sound: bytes) -> Packet:
    """µ-law as a packet of linear samples."""
    return Packet(AUDIO, mulaw.to_pcm16(sound).astype("<i2", copy=False).tobytes())


class Packets:
    """Cuts what comes over the wire into packets."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def add(self, data: bytes | bytearray) -> None:
        """This came."""
        self._unread += data

    def next(self) -> Packet | None:
        """The next whole packet, if there is one. Raises :class:`Refused` for one that is too
        long, after which nothing can be read any more."""
        unread = self._unread
        if len(unread) < _HEAD.size:
            return None
        kind, length = _HEAD.unpack_from(unread)
        if length > PACKET_BYTES_MAX:
            raise Refused(Fault.OVERSIZED, f"a packet of {length} bytes")
        end = _HEAD.size + length
        if len(unread) < end:
            return None
        content = bytes(unread[_HEAD.size : end])
        del unread[:end]
        return Packet(kind, content)


class ServerStream:
    """Our end of one connection."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        """Which call it is; None until that was said. Who calls is never said."""
        self._stopped = False

    def receive(self, packet: Packet) -> CallInfo | CarrierMessage:
        """Take one packet. Raises :class:`Refused` for what the tables do not take, and nothing
        else."""
        kind, content = packet.kind, packet.content
        if self._stopped:
            raise Refused(Fault.AFTER_STOP, f"packet {kind:#04x} after the end")
        if kind == AUDIO:
            self._check_begun(kind)
            if len(content) % 2:
                raise Refused(Fault.MALFORMED, "audio: half a sample")
            return Media(mulaw.from_pcm16(np.frombuffer(content, "<i2")))
        if kind == KEY:
            self._check_begun(kind)
            key = content.decode("latin-1")
            if key not in KEYS:
                raise Refused(Fault.MALFORMED, "key: not one of the telephone's")
            return Dtmf(key)
        if kind == ID:
            return self._begin(content)
        if kind in (HANG_UP, ERROR):
            self._stopped = True
            said = f"Asterisk reports error {content.hex()}" if kind == ERROR else ""
            return Stop(said or "the carrier ended the call")
        if kind in _OTHER_RATES:
            raise Refused(Fault.BAD_FORMAT, f"audio of kind {kind:#04x}; 0x10 (slin) is needed")
        raise Refused(Fault.UNKNOWN_EVENT, f"packet {kind:#04x}")

    def _check_begun(self, kind: int) -> None:
        if self.info is None:
            raise Refused(Fault.OUT_OF_ORDER, f"packet {kind:#04x} before the id")

    def _begin(self, content: bytes) -> CallInfo:
        if self.info is not None:
            raise Refused(Fault.SECOND_START, "a call has one id")
        if len(content) != 16:
            raise Refused(Fault.BAD_START, f"an id of {len(content)} bytes; 16 are needed")
        call_id = str(uuid.UUID(bytes=content))
        self.info = CallInfo(call_id, call_id)
        return self.info
