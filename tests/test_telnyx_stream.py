"""Our end of a Telnyx media stream, held against its tables, and the proof that it is Telnyx."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.carriers.faults import MESSAGE_BYTES_MAX, Fault, Refused
from adapters.telnyx.carrier import is_telnyx
from adapters.telnyx.protocol import ServerStream
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from states.mulaw import SILENCE
from tests.twins.telnyx import CONTROL_ID, STREAM_ID, TelnyxEnd

SOUND = bytes(range(160))

# As the documentation shows them.
START = {
    "event": "start",
    "sequence_number": "1",
    "stream_id": STREAM_ID,
    "start": {
        "user_id": "3e6f995f-85f7-4705-9741-53b116d28237",
        "call_control_id": CONTROL_ID,
        "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
        "from": "+13122010094",
        "to": "+13122123456",
        "tags": ["TAG1", "TAG2"],
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"customer_id": "customer_123", "from": "not so"},
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    },
}


def media(chunk: str | int = "1", payload: bytes = SOUND, **fields: str) -> dict[str, Any]:
    body = {"track": "inbound", "chunk": chunk, "timestamp": "5", **fields}
    body["payload"] = base64.b64encode(payload).decode()
    return {"event": "media", "sequence_number": "4", "stream_id": STREAM_ID, "media": body}


def dtmf(digit: str) -> dict[str, Any]:
    at = "2026-06-05T08:54:19.698408Z"
    return {"event": "dtmf", "stream_id": STREAM_ID, "occurred_at": at, "dtmf": {"digit": digit}}


MARK = {"event": "mark", "stream_id": STREAM_ID, "mark": {"name": "1.0.1"}}
STOP = {"event": "stop", "stream_id": STREAM_ID, "stop": {"call_control_id": CONTROL_ID}}
CONNECTED = {"event": "connected", "version": "1.0.0"}


def take(stream: ServerStream, message: object) -> CallInfo | CarrierMessage | None:
    return stream.receive(json.dumps(message))


def started() -> ServerStream:
    stream = ServerStream()
    take(stream, START)
    return stream


def refused(stream: ServerStream, message: object) -> Refused:
    with pytest.raises(Refused) as caught:
        take(stream, message)
    return caught.value


def test_what_the_documentation_shows_is_understood() -> None:
    """Who calls whom stands in the start; what it says itself comes before what was added."""
    stream = ServerStream()
    assert take(stream, CONNECTED) is None
    assert take(stream, START) == CallInfo(
        CONTROL_ID.replace(":", "-"),
        STREAM_ID,
        {
            "customer_id": "customer_123",
            "from": "+13122010094",
            "to": "+13122123456",
            "call_control_id": CONTROL_ID,
        },
    )
    assert take(stream, media()) == Media(SOUND)
    assert take(stream, media("2", track="inbound_track")) == Media(SOUND)
    assert take(stream, dtmf("#")) == Dtmf("#")
    assert take(stream, MARK) == Mark("1.0.1")
    assert take(stream, STOP) == Stop("the carrier ended the call")


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (media(track="outbound"), Fault.OTHER_TRACK),
        (media() | {"stream_id": "another"}, Fault.OTHER_STREAM),
        (dtmf("A"), Fault.MALFORMED),
        (CONNECTED, Fault.OUT_OF_ORDER),
        (START, Fault.SECOND_START),
        ({"event": "start", "stream_id": STREAM_ID}, Fault.BAD_START),
        ({"event": "media", "stream_id": STREAM_ID}, Fault.MALFORMED),
        ({"event": "error", "payload": {"code": 100002, "title": "bad"}}, Fault.MALFORMED),
        ({"event": "news"}, Fault.UNKNOWN_EVENT),
    ],
)
def test_what_is_refused_in_the_stream(message: object, fault: Fault) -> None:
    """By its fault; the call goes on, but for a second start and a start that is none."""
    refusal = refused(started(), message)
    assert refusal.fault == fault
    assert refusal.ends_call == (fault in (Fault.SECOND_START, Fault.BAD_START))


@pytest.mark.parametrize("message", [media(), dtmf("1"), MARK])
def test_before_the_start_nothing_is_taken(message: object) -> None:
    """It is out of order, and may have belonged to anybody."""
    assert refused(ServerStream(), message).fault == Fault.OUT_OF_ORDER


@pytest.mark.parametrize(
    "form",
    [
        {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        {"encoding": "L16", "sample_rate": 16000, "channels": 1},
    ],
)
def test_only_telephone_sound_is_taken(form: dict[str, Any]) -> None:
    """The refusal says what to set."""
    body = {**START["start"], "media_format": form}  # type: ignore[dict-item]
    refusal = refused(ServerStream(), START | {"start": body})
    assert refusal.fault == Fault.BAD_FORMAT
    assert refusal.ends_call
    assert "stream_codec PCMU" in str(refusal)


def test_after_the_stop_nothing_is_taken() -> None:
    """Whatever it is."""
    stream = started()
    take(stream, STOP)
    for message in (media(), dtmf("1"), MARK, STOP, CONNECTED, START):
        assert refused(stream, message).fault == Fault.AFTER_STOP


def frame(number: int) -> bytes:
    return bytes([number]) * 160


def heard(stream: ServerStream, numbers: list[int]) -> list[bytes | None]:
    """What comes of frames with these numbers, each in turn."""
    came: list[bytes | None] = []
    for number in numbers:
        taken = None
        with suppress(Refused):
            taken = take(stream, media(str(number), frame(number)))
        came.append(taken.mulaw if isinstance(taken, Media) else None)
    return came


def test_frames_out_of_order_are_put_in_order() -> None:
    """One that is early waits for the one before it, and they come together."""
    assert heard(started(), [7, 9, 8, 10]) == [frame(7), None, frame(8) + frame(9), frame(10)]


def test_a_lost_frame_is_not_waited_for_long() -> None:
    """40 ms; it is late garbage then, as a repeated one is."""
    came = heard(started(), [1, 3, 4, 5, 2, 5, 6])
    assert came == [frame(1), None, None, frame(3) + frame(4) + frame(5), None, None, frame(6)]


def test_frames_without_numbers_are_heard_as_they_come() -> None:
    """It may count in words or not at all."""
    stream = started()
    assert take(stream, media("")) == take(stream, media("x")) == Media(SOUND)
    assert take(stream, media(5)) == Media(SOUND)


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_no_order_of_frames_is_heard_out_of_order(order: list[int], lost: set[int]) -> None:
    """Whatever is late, lost or early: what is heard goes forwards, and nothing is heard twice."""
    came = heard(started(), [number for number in order if number not in lost])
    sound = b"".join(one for one in came if one)
    numbers = list(sound[::160])
    assert numbers == sorted(set(numbers))


def test_short_pieces_are_kept_until_they_fill_a_frame() -> None:
    """Telnyx takes 20 ms at least; before a mark the rest goes out, filled up with silence."""
    stream, telnyx = started(), TelnyxEnd()
    assert stream.media(SOUND[:100]) == ""
    assert "AgentAudio" in repr(telnyx.receive(stream.media(SOUND[100:] + SOUND[:60])))
    assert json.loads(stream.rest()) == {
        "event": "media",
        "media": {"payload": base64.b64encode(SOUND[:60].ljust(160, SILENCE)).decode()},
    }
    assert stream.rest() == ""
    assert stream.media(SOUND[:10]) == ""
    assert json.loads(stream.clear()) == {"event": "clear"}
    assert stream.rest() == ""
    assert json.loads(stream.mark("m")) == {"event": "mark", "mark": {"name": "m"}}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text() | st.binary() | st.just(json.dumps(media()))))
def test_garbage_raises_nothing_but_refusals(garbage: list[str | bytes]) -> None:
    """Neither before the start nor after it."""
    for stream in (ServerStream(), started()):
        for message in [*garbage, "x" * (MESSAGE_BYTES_MAX + 1), "[" * 20_000]:
            with suppress(Refused):
                stream.receive(message)


def test_only_who_was_told_the_token_is_telnyx() -> None:
    """An empty token lets nobody in."""
    token = SecretStr("a-long-token")
    assert is_telnyx({"x-telnyx-streaming-auth-token": "a-long-token"}, token)
    assert not is_telnyx({"x-telnyx-streaming-auth-token": "a-long-toke\u00f1"}, token)
    assert not is_telnyx({}, token)
    assert not is_telnyx({}, SecretStr(""))
