"""The protocol's two ends, held against its tables, real messages, and garbage."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.carriers.faults import ENDS_CALL, MESSAGE_BYTES_MAX, Fault, Refused
from adapters.twilio import protocol
from adapters.twilio.protocol import (
    AGENT_MESSAGE_BYTES_MAX,
    AgentAudio,
    AgentClear,
    AgentMark,
    CarrierStream,
    ServerStream,
)
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from tests.twilio_kit import CALL, SOUND, Message, message


def started() -> ServerStream:
    stream = ServerStream()
    stream.receive(json.dumps(message("start", sequence=1)))
    return stream


def stopped() -> ServerStream:
    stream = started()
    stream.receive(json.dumps(message("stop", sequence=2)))
    return stream


def refusal(stream: ServerStream, said: Message | str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        stream.receive(json.dumps(said) if isinstance(said, dict) else said)
    return caught.value


TAKEN: dict[str, CallInfo | CarrierMessage | None] = {
    "taken": None,
    "taken: CallInfo": CALL,
    "taken: Media": Media(SOUND),
    "taken: Dtmf": Dtmf("#"),
    "taken: Mark": Mark("m"),
    "taken: Stop": Stop("the carrier ended the call"),
}


def _rows() -> list[tuple[str, list[str]]]:
    """The rows of the first table in the module's documentation."""
    found = re.findall(
        r"^    (connected|start|media|dtmf|mark|stop)  +(.+)$", protocol.__doc__ or "", re.M
    )
    return [(kind, re.split(r"  +", cells)) for kind, cells in found]


@pytest.mark.parametrize(("kind", "cells"), _rows())
def test_the_table_is_what_happens(kind: str, cells: list[str]) -> None:
    """Each cell of the documented table says what the code does with that message there."""
    assert len(cells) == 3
    for stream, cell in zip((ServerStream(), started(), stopped()), cells, strict=True):
        said = message(kind)
        if cell in TAKEN:
            assert stream.receive(json.dumps(said)) == TAKEN[cell]
        else:
            refused = refusal(stream, said)
            assert refused.fault == Fault(cell.strip("*").lower())
            assert refused.ends_call == cell.isupper()


def test_the_table_names_every_message_and_every_fault() -> None:
    """The tables leave nothing out, and their capitals are the faults that end a call."""
    assert [kind for kind, _ in _rows()] == ["connected", "start", "media", "dtmf", "mark", "stop"]
    documented = protocol.__doc__ or ""
    for fault in Fault:
        name = fault.value.upper() if fault in ENDS_CALL else f"*{fault.value}*"
        assert name in documented, f"{fault} is not in the tables as {name}"


def test_a_start_says_who_calls() -> None:
    """The call's ids and the webhook's parameters come with `start`."""
    stream = ServerStream()
    assert stream.info is None
    assert stream.receive(json.dumps(message("start"))) == CALL
    assert stream.info == CALL


def _start_with(**changed: object) -> Message:
    start = message("start", sequence=1)
    start["start"] = {**start["start"], **changed}
    return start


@pytest.mark.parametrize(
    ("start", "fault", "says"),
    [
        (
            _start_with(mediaFormat={"encoding": "audio/l16", "sampleRate": 16000, "channels": 2}),
            Fault.BAD_FORMAT,
            "audio/l16, 16000 Hz, 2 channel(s); audio/x-mulaw, 8000 Hz, 1 is needed",
        ),
        (
            _start_with(
                mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}
            ),
            Fault.BAD_FORMAT,
            "16000 Hz",
        ),
        (_start_with(tracks=["inbound", "outbound"]), Fault.BAD_TRACKS, "<Connect><Stream>"),
        (_start_with(tracks=["outbound"]), Fault.BAD_TRACKS, "inbound"),
        (_start_with(tracks=[]), Fault.BAD_TRACKS, "inbound"),
        (_start_with(streamSid="MZ2"), Fault.BAD_START, "differ"),
        (_start_with(callSid="../../etc/passwd"), Fault.BAD_START, "$.start.callSid"),
        (_start_with(callSid="CA1\n"), Fault.BAD_START, "$.start.callSid"),
        (_start_with(callSid=""), Fault.BAD_START, "$.start.callSid"),
        (_start_with(customParameters={"a": 1}), Fault.BAD_START, "customParameters"),
        (_start_with(mediaFormat={}), Fault.BAD_START, "encoding"),
        ({**message("start"), "sequenceNumber": "one"}, Fault.BAD_START, "sequenceNumber"),
        ({"event": "start"}, Fault.BAD_START, "required field"),
    ],
)
def test_a_start_we_cannot_talk_to_ends_the_call(start: Message, fault: Fault, says: str) -> None:
    """A wrong format, a wrong track or a broken `start` refuses the call and says why."""
    stream = ServerStream()
    refused = refusal(stream, start)
    assert (refused.fault, refused.ends_call) == (fault, True)
    assert says in refused.detail
    assert stream.info is None


def _media_with(**changed: object) -> Message:
    media = message("media")
    media["media"] = {**media["media"], **changed}
    return media


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("", Fault.MALFORMED),
        ("{", Fault.MALFORMED),
        ("[]", Fault.MALFORMED),
        ("null", Fault.MALFORMED),
        ('{"event":7}', Fault.MALFORMED),
        ("{}", Fault.MALFORMED),
        ("\ud800", Fault.MALFORMED),
        ('{"event":"media","x":' + "[" * 60_000, Fault.MALFORMED),
        (b'{"event":"media"}', Fault.BINARY),
        ("x" * (MESSAGE_BYTES_MAX + 1), Fault.OVERSIZED),
        ({"event": "video"}, Fault.UNKNOWN_EVENT),
        ({"event": "media"}, Fault.MALFORMED),
        ({**message("media"), "sequenceNumber": 9}, Fault.MALFORMED),
        ({**message("media"), "sequenceNumber": "-9"}, Fault.MALFORMED),
        ({**message("media"), "sequenceNumber": "٩"}, Fault.MALFORMED),
        ({**message("media"), "sequenceNumber": "9" * 5000}, Fault.MALFORMED),
        (_media_with(payload="A"), Fault.MALFORMED),
        (_media_with(payload="AA"), Fault.MALFORMED),
        (_media_with(payload="AA=A"), Fault.MALFORMED),
        (_media_with(payload="A A="), Fault.MALFORMED),
        (_media_with(payload="-_=="), Fault.MALFORMED),
        (_media_with(payload=None), Fault.MALFORMED),
        (_media_with(timestamp=20), Fault.MALFORMED),
        (_media_with(track="outbound"), Fault.OTHER_TRACK),
        ({**message("dtmf"), "dtmf": {"digit": "A"}}, Fault.MALFORMED),
        ({**message("dtmf"), "dtmf": {"digit": "12"}}, Fault.MALFORMED),
        (message("media", stream_sid="MZ2"), Fault.OTHER_STREAM),
        (message("mark", stream_sid="MZ2"), Fault.OTHER_STREAM),
        (message("stop", stream_sid="MZ2"), Fault.OTHER_STREAM),
        (message("media", sequence=1), Fault.SEQUENCE),
        (message("mark", sequence=0), Fault.SEQUENCE),
    ],
)
def test_a_bad_message_is_refused_by_name(said: Message | str | bytes, fault: Fault) -> None:
    """Each kind of bad message has its fault, and the stream goes on as if it had not come."""
    stream = started()
    refused = refusal(stream, said)
    assert refused.fault == fault
    assert refused.ends_call == (fault in ENDS_CALL)
    assert stream.receive(json.dumps(message("media", sequence=10))) == Media(SOUND)


def test_a_refusal_never_quotes_the_audio() -> None:
    """Refusals go into the log, where no caller's voice belongs."""
    secret = base64.b64encode(b"what the caller said").decode() + "!"
    assert secret not in str(refusal(started(), _media_with(payload=secret)))
    assert len(str(refusal(started(), {"event": secret * 1000}))) < 200


def test_sequence_numbers_may_skip_but_not_repeat() -> None:
    """A gap is a loss somewhere and is taken; what comes twice or late is not."""
    stream = started()
    stream.receive(json.dumps(message("media", sequence=5)))
    assert refusal(stream, message("media", sequence=5)).fault == Fault.SEQUENCE
    assert refusal(stream, message("dtmf", sequence=4)).fault == Fault.SEQUENCE
    stream.receive(json.dumps(message("media", sequence=80)))


def test_a_late_stop_still_ends_the_call() -> None:
    """Whatever its number: there is no use in waiting for a better one."""
    stream = started()
    stream.receive(json.dumps(message("media", sequence=5)))
    assert isinstance(stream.receive(json.dumps(message("stop", sequence=2))), Stop)


def test_fields_we_do_not_know_are_skipped() -> None:
    """Twilio may add fields."""
    said = message("media")
    said["media"]["loudness"] = {"dB": [-20.5, None]}
    said["new"] = True
    assert started().receive(json.dumps(said)) == Media(SOUND)


def test_what_we_send_has_the_stream_and_nothing_else() -> None:
    """Outbound messages have exactly Twilio's fields: one more or less is its error 31951."""
    stream = started()
    assert json.loads(stream.media(b"\x00\xff")) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "AP8="},
    }
    assert json.loads(stream.mark('"ü')) == {
        "event": "mark",
        "streamSid": "MZ1",
        "mark": {"name": '"ü'},
    }
    assert json.loads(stream.clear()) == {"event": "clear", "streamSid": "MZ1"}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"event": "media", "media": {"payload": ""}}, Fault.MALFORMED),
        ({"event": "media", "streamSid": "MZ1", "media": {"payload": "A"}}, Fault.MALFORMED),
        ({"event": "clear", "streamSid": "MZ1", "sequenceNumber": "1"}, Fault.MALFORMED),
        (
            {"event": "media", "streamSid": "MZ1", "media": {"payload": "", "track": "outbound"}},
            Fault.MALFORMED,
        ),
        ({"event": "clear", "streamSid": "MZ2"}, Fault.OTHER_STREAM),
        ({"event": "stop", "streamSid": "MZ1"}, Fault.UNKNOWN_EVENT),
        (b"{}", Fault.BINARY),
        ("x" * (AGENT_MESSAGE_BYTES_MAX + 1), Fault.OVERSIZED),
    ],
)
def test_twilios_end_is_as_strict_as_twilio(said: Message | bytes | str, fault: Fault) -> None:
    """A simulated caller refuses what Twilio would warn of, so that no test misses it."""
    caller = CarrierStream(CALL, account_sid="AC1")
    with pytest.raises(Refused) as caught:
        caller.receive(json.dumps(said) if isinstance(said, dict) else said)
    assert caught.value.fault == fault


def test_twilios_end_looks_like_the_recordings() -> None:
    """What a simulated caller sends has the shape of what Twilio sends."""
    caller = CarrierStream(CALL, account_sid="AC1", first_timestamp_ms=155)
    assert json.loads(caller.connected()) == message("connected")
    assert json.loads(caller.start()) == message("start", sequence=1)
    assert json.loads(caller.media(SOUND)) == message("media", sequence=2)
    second = json.loads(caller.media(SOUND))
    assert second["media"]["chunk"] == "2"
    assert second["media"]["timestamp"] == "175"
    assert json.loads(caller.dtmf("#")) == message("dtmf", sequence=4)
    assert json.loads(caller.mark("m")) == message("mark", sequence=5)
    assert json.loads(caller.stop()) == message("stop", sequence=6)


@settings(deadline=None)
@given(sound=st.binary(max_size=2000), name=st.text(max_size=40))
def test_both_ends_understand_each_other(sound: bytes, name: str) -> None:
    """Whatever one end encodes, the other decodes to the same."""
    caller = CarrierStream(CALL, account_sid="AC1")
    server = ServerStream()
    assert server.receive(caller.connected()) is None
    assert server.receive(caller.start()) == CALL
    assert server.receive(caller.media(sound)) == Media(sound)
    assert server.receive(caller.dtmf("7")) == Dtmf("7")
    assert server.receive(caller.mark(name)) == Mark(name)
    assert caller.receive(server.media(sound)) == AgentAudio(sound)
    assert caller.receive(server.mark(name)) == AgentMark(name)
    assert caller.receive(server.clear()) == AgentClear()
    assert isinstance(server.receive(caller.stop()), Stop)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=8,
)


@st.composite
def almost_messages(draw: st.DrawFn) -> str:
    """A good message with one of its values, at any depth, replaced by anything."""
    kind = draw(st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop"]))
    said = message(kind)
    at: Message = said
    while True:
        key = draw(st.sampled_from(sorted(at)))
        if isinstance(at[key], dict) and at[key] and draw(st.booleans()):
            at = at[key]
            continue
        at[key] = draw(JSON_VALUES)
        return json.dumps(said)


@settings(deadline=None)
@given(st.text() | st.binary() | JSON_VALUES.map(json.dumps) | almost_messages())
def test_garbage_raises_only_refusals(garbage: str | bytes) -> None:
    """Whatever arrives, at whatever moment, nothing but a refusal comes out of the protocol."""
    caller = CarrierStream(CALL, account_sid="AC1")
    for end in (ServerStream(), started(), stopped(), caller):
        with suppress(Refused):
            end.receive(garbage)
