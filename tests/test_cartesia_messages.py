"""Cartesia's messages, and where a clause is read: without sockets; held against the vendor's
own types."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from cartesia.types.generation_request import GenerationRequest
from cartesia.types.websocket_client_event import CancelContextRequest
from cartesia.types.websocket_response import WebsocketResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from adapters.cartesia.messages import (
    Chunk,
    Done,
    Failed,
    FlushDone,
    Timestamps,
    Words,
    cancel,
    end,
    flush,
    parse,
    say,
)
from adapters.cartesia.reading import Reading
from adapters.cartesia.settings import CartesiaSettings
from effects.ports import Timing
from tests.cartesia_kit import REPLY, refused, voice_of
from tests.cartesia_kit import say as say_all
from tests.twins.cartesia import CartesiaTwin

CALM = CartesiaSettings(speed=1.1, volume=1.2, emotion="calm", language="de")
VENDORS = TypeAdapter[Any](WebsocketResponse)


# --- held against the vendor's types --------------------------------------------------------


@pytest.mark.parametrize("settings", [CartesiaSettings(), CALM])
def test_our_requests_are_the_vendors(settings: CartesiaSettings) -> None:
    """Each parses as a generation request that means what we mean, with no field that the
    vendor does not have."""
    for message, text, goes_on, flushes in (
        (say(settings, "c1", "Hello."), "Hello. ", True, False),
        (flush(settings, "c1"), "", True, True),
        (end(settings, "c1"), "", False, False),
    ):
        request = GenerationRequest.model_validate_json(message)
        assert request.transcript == text
        assert (request.continue_, request.flush) == (goes_on, flushes)
        assert request.context_id == "c1"
        assert request.llm_model_id == settings.model
        assert request.voice.id == settings.voice
        assert request.language == settings.language
        assert request.max_buffer_delay_ms == 0
        assert request.add_timestamps
        assert request.output_format.encoding == "pcm_mulaw"
        assert request.output_format.sample_rate == 8000
        assert request.generation_config is not None
        assert request.generation_config.speed == settings.speed
        assert request.generation_config.volume == settings.volume
        assert request.generation_config.emotion == settings.emotion
        assert not request.model_extra


def test_our_cancellation_is_the_vendors() -> None:
    """Likewise."""
    request = CancelContextRequest.model_validate_json(cancel("c1"))
    assert (request.context_id, request.cancel) == ("c1", True)
    assert not request.model_extra


async def test_what_the_twin_says_is_the_vendors() -> None:
    """Every kind of message of the twin's parses with the vendor's types, and with ours."""
    twin = CartesiaTwin(marks="both")
    async with voice_of(twin) as voice:
        await say_all(voice, *REPLY)
        with trio.fail_after(5):
            while twin.contexts:  # noqa: ASYNC110  # it happens in another task's own time
                await trio.sleep(0.005)
        twin.complaint = (404, "model_not_found", "Invalid model")
        await refused(voice)
    kinds = set()
    for message in twin.sent:
        theirs, ours = VENDORS.validate_json(message), parse(message)
        kinds.add(theirs.type)
        assert ours is not None
        assert theirs.context_id == ours.context_id
        match ours:
            case Chunk():
                assert theirs.audio == ours.data
            case Timestamps():
                assert theirs.word_timestamps.words == ours.word_timestamps.words
                assert theirs.word_timestamps.end == ours.word_timestamps.end
            case Failed():
                assert theirs.status_code == ours.status_code
                assert f"{theirs.error_code}: {theirs.title}" == ours.reason
    assert kinds == {"chunk", "timestamps", "flush_done", "done", "error"}


# --- what is taken and what is not ----------------------------------------------------------


def test_messages_with_more_than_we_need() -> None:
    """Fields that we do not know are passed over."""
    for text, message in (
        (
            '{"type":"chunk","data":"/38=","done":false,"status_code":206,"step_time":1.2,'
            '"context_id":"c","flush_id":1,"new":{"a":[1]}}',
            Chunk(context_id="c", data=b"\xff\x7f"),
        ),
        (
            '{"type":"flush_done","context_id":"c","data":"","flush_id":2,"flush_done":true}',
            FlushDone(context_id="c"),
        ),
        ('{"type":"done","done":true,"status_code":206,"context_id":"c"}', Done(context_id="c")),
        ('{"type":"error","title":null,"error_code":null,"done":true}', Failed()),
    ):
        assert parse(text) == message


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no",
        b"\xff\xfe",
        "[]",
        "{}",
        '{"type":"phoneme_timestamps","context_id":"c"}',
        '{"type":"from_tomorrow","context_id":"c"}',
        '{"type":"chunk","context_id":"c"}',
        '{"type":"chunk","context_id":"c","data":"no base64!"}',
        '{"type":"timestamps","context_id":"c","word_timestamps":null}',
    ],
)
def test_messages_that_we_have_no_use_for(message: str | bytes) -> None:
    """Are none: the reply goes on without them."""
    assert parse(message) is None


def test_an_error_does_not_quote_what_was_said() -> None:
    """The vendor's message may; its title does not."""
    failed = parse(
        '{"type":"error","status_code":400,"error_code":"invalid_transcript",'
        '"title":"Invalid transcript","message":"cannot say: Mrs Miller, PIN 4711"}'
    )
    assert isinstance(failed, Failed)
    assert failed.reason == "invalid_transcript: Invalid transcript"


def test_settings_are_checked() -> None:
    """What the vendor would refuse, and a misspelt name, are refused when they are read."""
    for wrong in ('{"speed": 3}', '{"volume": 0}', '{"voise": "v"}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=CartesiaSettings)


# --- reading --------------------------------------------------------------------------------


def words(*said: str, first_s: float = 0.0) -> Words:
    """Words of half a second each."""
    starts = [first_s + n / 2 for n in range(len(said))]
    return Words(list(said), starts, [start + 0.5 for start in starts])


def test_words_become_letters() -> None:
    """Up to the end of each word and of the marks after it; messages follow one another."""
    reading = Reading("Well, it is.", 0.0)
    assert reading.follow(words("Well")) == (Timing(5, 500.0),)
    assert reading.follow(words("it", "is", first_s=0.5)) == (Timing(8, 1000.0), Timing(12, 1500.0))


def test_words_that_are_not_in_the_clause() -> None:
    """What the vendor says otherwise than it is written is passed over, also where the same
    letters come much later."""
    reading = Reading("four, five, and then much later it is again the number 4", 0.0)
    assert reading.follow(words("4", "five")) == (Timing(11, 1000.0),)


def test_times_are_the_clauses_own() -> None:
    """Whether the vendor counts from the beginning of the context or of the clause."""
    assert Reading("yes", 2000.0).follow(words("yes", first_s=1.98))[0].until_ms == pytest.approx(
        480
    )
    assert Reading("yes", 2000.0).follow(words("yes", first_s=0.02))[0].until_ms == pytest.approx(
        520
    )


@given(
    st.text("ab ,.", max_size=40),
    st.lists(st.tuples(st.text("ab ,.", max_size=3), st.floats(0, 9), st.floats(0, 9))),
)
def test_readings_only_go_on(spoken: str, said: list[tuple[str, float, float]]) -> None:
    """Whatever the vendor sends, letters grow and stay within the clause, times are not
    negative."""
    reading = Reading(spoken, 1000.0)
    timings = reading.follow(Words(*map(list, zip(*said, strict=True)))) if said else ()
    letters = [one.letters for one in timings]
    assert letters == sorted(set(letters))
    assert all(0 < one <= len(spoken) for one in letters)
    assert all(one.until_ms >= 0 for one in timings)
