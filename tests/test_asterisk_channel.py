"""Our end of Asterisk's chan_websocket, in both forms of its control messages."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from trio.testing import MockClock

from adapters.asterisk.channel import is_asterisk
from adapters.asterisk.control import ServerStream
from adapters.carriers.faults import Fault, Refused
from effects.ports import CallInfo, Carrier, Dtmf, Mark, Media
from states.mulaw import SILENCE
from tests.carrier_contract import CASES
from tests.twilio_kit import wait_for_stop

# As the channel driver writes them.
WORDS = (
    "MEDIA_START connection_id:media_connection1 channel:WebSocket/media_connection1/0x5140001a0040"
    " channel_id:1761245643.1 format:ulaw optimal_frame_size:160 ptime:20"
)
JSON = json.dumps(
    {
        "event": "MEDIA_START",
        "connection_id": "media_connection1",
        "channel": "WebSocket/media_connection1/0x5140001a0040",
        "channel_id": "1761245643.1",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {
            "ANTIPHON_FROM": "+15550100",
            "ANTIPHON_TO": "+15550123",
            "DIALEDPEERNUMBER": "media_connection1/c(ulaw)f(json)",
        },
    }
)
FRAME = bytes(range(160))


def started(start: str = WORDS) -> ServerStream:
    stream = ServerStream()
    stream.receive(start)
    return stream


def refused(stream: ServerStream, message: str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        stream.receive(message)
    return caught.value


def test_who_calls_is_a_variable_of_the_channel() -> None:
    """JSON carries them; words carry the ids alone, made safe for file names."""
    parameters = {"from": "+15550100", "to": "+15550123"}
    said = ServerStream().receive(JSON)
    assert said == CallInfo("1761245643-1", "media_connection1", parameters)
    assert ServerStream().receive(WORDS) == CallInfo("1761245643-1", "media_connection1")
    older = WORDS.replace(" channel_id:1761245643.1", "")
    told = ServerStream().receive(older)
    assert isinstance(told, CallInfo)
    assert told.call_id == "WebSocket-media_connection1-0x5140001a0040"


@pytest.mark.parametrize(
    ("start", "events", "commands"),
    [
        (
            WORDS,
            ["DTMF_END digit:# channel_id:1761245643.1", "MEDIA_MARK_PROCESSED 1.0.1"],
            ["MARK_MEDIA 1.0.1", "FLUSH_MEDIA"],
        ),
        (
            JSON,
            [
                '{"event":"DTMF_END","channel_id":"1761245643.1","digit":"#"}',
                '{"event":"MEDIA_MARK_PROCESSED","channel_id":"1","correlation_id":"1.0.1"}',
            ],
            ['{"command":"MARK_MEDIA","correlation_id":"1.0.1"}', '{"command":"FLUSH_MEDIA"}'],
        ),
    ],
    ids=["words", "json"],
)
def test_control_is_spoken_as_it_came(start: str, events: list[str], commands: list[str]) -> None:
    """In words to one who speaks words, in JSON to the other."""
    stream = started(start)
    assert [stream.mark("1.0.1"), stream.clear()] == commands
    assert [stream.receive(event) for event in events] == [Dtmf("#"), Mark("1.0.1")]
    assert stream.receive(FRAME) == Media(FRAME)
    for idle in ("QUEUE_DRAINED", "STATUS queue_length:4 queue_full:false"):
        assert stream.receive(idle) is None


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (WORDS, Fault.SECOND_START),
        (JSON, Fault.SECOND_START),
        ("DTMF_END digit:A", Fault.MALFORMED),
        ("DTMF_END", Fault.MALFORMED),
        ("ERROR channel_id:1 error_text:not supported", Fault.MALFORMED),
        ('{"event":"ERROR","error_text":"not supported"}', Fault.MALFORMED),
        ('{"event":5}', Fault.MALFORMED),
        ("", Fault.MALFORMED),
        ("hello there", Fault.UNKNOWN_EVENT),
        (bytes(65_537), Fault.OVERSIZED),
    ],
)
def test_what_is_refused_in_the_call(message: str | bytes, fault: Fault) -> None:
    """By its fault."""
    assert refused(started(), message).fault == fault


def test_what_a_call_cannot_begin_with() -> None:
    """Sound and keys before it began, another format, no name."""
    for message in (FRAME, "DTMF_END digit:1", "MEDIA_XOFF", "MEDIA_MARK_PROCESSED m"):
        assert refused(ServerStream(), message).fault == Fault.OUT_OF_ORDER
    other = refused(ServerStream(), WORDS.replace("ulaw", "slin16"))
    assert (other.fault, other.ends_call) == (Fault.BAD_FORMAT, True)
    assert "c(ulaw)" in str(other)
    assert refused(ServerStream(), "MEDIA_START format:ulaw").fault == Fault.BAD_START


def test_flushed_marks_come_back_once() -> None:
    """Asterisk forgets them, so they are brought back here; one that was on its way is no other."""
    stream = started()
    for name in ("a", "b", "c"):
        stream.mark(name)
    assert stream.receive("MEDIA_MARK_PROCESSED a") == Mark("a")
    stream.clear()
    assert stream.marks_lost() == ["b", "c"]
    assert stream.receive("MEDIA_MARK_PROCESSED b") is None
    assert stream.marks_lost() == []


def test_sound_goes_out_in_whole_frames() -> None:
    """Asterisk drops what does not fill one."""
    stream = started()
    assert stream.media(FRAME) == FRAME
    assert stream.media(FRAME[:100]) == b""
    assert stream.media(FRAME[100:] + FRAME + b"x") == FRAME * 2
    assert stream.rest() == b"x".ljust(160, SILENCE)
    assert stream.rest() == b""


async def test_no_sound_goes_out_while_asterisk_has_enough(autojump_clock: MockClock) -> None:
    """Between MEDIA_XOFF and MEDIA_XON; a clear goes out all the same."""
    (case,) = [case for case in CASES if case.name == "chan_websocket in words"]

    async def session(carrier: Carrier) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_stop, carrier)
            await trio.sleep(1)
            carrier.send_audio(FRAME)
            carrier.send_mark("kept")
            await trio.sleep(1)
            carrier.send_clear()
            await trio.sleep(1)
            carrier.send_audio(FRAME)

    came: list[tuple[float, str | bytes]] = []
    async with case.dialled(session) as wire, trio.open_nursery() as nursery:
        began = trio.current_time()

        async def note() -> None:
            while True:
                message = await wire.get_message()
                came.append((trio.current_time() - began, message))

        nursery.start_soon(note)
        for message in (WORDS, "MEDIA_XOFF"):
            await wire.send_message(message)
        await trio.sleep(5)
        await wire.send_message("MEDIA_XON")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert came == [(2.0, "FLUSH_MEDIA"), (2.0, "MARK_MEDIA kept"), (5.0, FRAME)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text() | st.binary() | st.sampled_from(["STATUS", "MEDIA_XOFF", "{}"])))
def test_garbage_raises_nothing_but_refusals(garbage: list[str | bytes]) -> None:
    """Neither before the start nor after it, in neither form."""
    for stream in (ServerStream(), started(WORDS), started(JSON)):
        for message in [*garbage, "{" * 20_000, '{"event":' + "[" * 20_000]:
            with suppress(Refused):
                stream.receive(message)


def test_only_who_knows_the_password_is_our_asterisk() -> None:
    """HTTP's basic authentication, as websocket_client.conf has it; an empty one lets nobody in."""
    password = SecretStr("open sesame")
    shown = {"authorization": "Basic YW50aXBob246b3BlbiBzZXNhbWU="}
    assert is_asterisk(shown, "antiphon", password)
    assert not is_asterisk(shown, "another", password)
    assert not is_asterisk(shown, "antiphon", SecretStr("another"))
    assert not is_asterisk({}, "antiphon", password)
    assert not is_asterisk({"authorization": "Basic YW50aXBob246"}, "antiphon", SecretStr(""))
