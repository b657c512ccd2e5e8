"""OpenAI's streams without a wire: they become replies however they are cut, and errors that say
whose fault it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from adapters.openai import chat, responses
from adapters.openai.events import EVENT_BYTES_MAX, Events
from adapters.openai.failures import Exchange
from adapters.openai.language_model import Reply
from effects.ports import (
    ProviderBusy,
    ProviderDeclined,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    TextDelta,
    ToolCall,
    Usage,
)
from tests.openai_kit import ASKS, FINDS, FULL, Api, both, request
from tests.twins.openai_chat import ChatWriter
from tests.twins.openai_responses import ResponsesWriter

READERS: dict[Api, Callable[[Exchange], Reply]] = {
    "chat": chat.ChatReply,
    "responses": responses.ResponsesReply,
}
WRITERS: dict[Api, type[ChatWriter] | type[ResponsesWriter]] = {
    "chat": ChatWriter,
    "responses": ResponsesWriter,
}


def stream(
    api: Api, pieces: Iterable[TextDelta | ToolCall], *, refuses: bool = False, finish: str = ""
) -> bytes:
    """A whole body, as the twin sends it."""
    writer = WRITERS[api](request(api, FULL), 1, refuses, finish)
    events = [*writer.begin(), *writer.odd()]
    for piece in pieces:
        events += writer.piece(piece)
    return b"".join([*events, *writer.end(Usage(100, 7, 64))])


def read(api: Api, body: bytes, step: int = 1 << 20) -> tuple[list[TextDelta | ToolCall], Usage]:
    """A body, received so many bytes at a time."""
    events, reply, pieces = Events(), READERS[api](Exchange("req_1")), []
    for start in range(0, len(body), step):
        for data in events.feed(body[start : start + step]):
            pieces += reply.take(data)
    return pieces, reply.usage()


def text_of(pieces: Iterable[TextDelta | ToolCall]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


# --- streams --------------------------------------------------------------------------------


@both
def test_the_sdk_knows_what_the_twin_sends(api: Api) -> None:
    """Each message of the twin is one of the SDK's types, all required fields included."""
    kind: Any = ChatCompletionChunk if api == "chat" else ResponseStreamEvent
    adapter = TypeAdapter[Any](kind)
    for refuses in (False, True):
        writer = WRITERS[api](request(api, FULL), 1, refuses, "")
        sent = writer.begin()
        for piece in (TextDelta("It left"), TextDelta(" Memphis."), FINDS, ASKS):
            sent += writer.piece(piece)
        sent += writer.end(Usage(100, 7, 64))
        for data in Events().feed(b"".join(sent)):
            if data != b"[DONE]":
                adapter.validate_json(data)


@both
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_stream_becomes_a_reply_however_it_is_cut(api: Api, step: int) -> None:
    """Text as it comes, calls when they are whole though their pieces were mixed, what it cost;
    comments, unknown events and unknown fields are passed over."""
    said = [TextDelta("It left"), TextDelta(" München…")]
    pieces, usage = read(api, stream(api, [*said, FINDS, ASKS]), step)
    assert pieces == [*said, FINDS, ASKS]
    assert usage == Usage(100, 7, 64, "gpt-5.4-mini-2026-01-01", "req_1")


@both
def test_a_refusal_is_spoken(api: Api) -> None:
    """It is a polite sentence, and better than silence."""
    pieces, _ = read(api, stream(api, [TextDelta("I cannot help with that.")], refuses=True))
    assert text_of(pieces) == "I cannot help with that."


@both
def test_a_reply_that_met_its_limit_is_spoken_as_far_as_it_goes(api: Api) -> None:
    pieces, usage = read(api, stream(api, [TextDelta("It left")], finish="length"))
    assert text_of(pieces) == "It left"
    assert usage.tokens_out == 7


@both
def test_a_limit_that_leaves_nothing_to_say_is_an_error(api: Api) -> None:
    """All of it went into thoughts, perhaps; another try would end the same."""
    with pytest.raises(ProviderDeclined, match="met max_tokens before anything") as raised:
        read(api, stream(api, [], finish="length"))
    assert not raised.value.retryable


def test_a_call_that_met_its_limit_is_not_made() -> None:
    """Its arguments are not whole."""
    with pytest.raises(ProviderDeclined, match="met max_tokens"):
        read("chat", stream("chat", [TextDelta("Let me see."), FINDS], finish="length"))


@both
def test_the_content_filter_is_an_error(api: Api) -> None:
    """Somebody else may answer; the same request would be stopped again."""
    with pytest.raises(ProviderDeclined, match=r"openai \(request req_1\) stopped the reply"):
        read(api, stream(api, [TextDelta("It")], finish="content_filter"))


@both
def test_a_stream_that_ends_early_is_lost(api: Api) -> None:
    """Also when it ends in form: half a reply must not pass for one."""
    body = stream(api, [TextDelta("It left"), FINDS])
    marks = {"chat": b'"finish_reason":"tool_calls"', "responses": b"event: response.completed"}
    end = body.index(marks[api])
    whole = body[: body.rindex(b"\n\n", 0, end) + 2]
    with pytest.raises(ProviderLost, match="in the middle of a reply"):
        read(api, whole)


@pytest.mark.parametrize(
    ("code", "error", "retryable"),
    [
        ("server_error", ProviderLost, True),
        (None, ProviderLost, True),
        ("something_new", ProviderLost, True),
        ("rate_limit_exceeded", ProviderBusy, True),
        ("insufficient_quota", ProviderRefused, False),
        ("invalid_prompt", ProviderDeclined, False),
        ("context_length_exceeded", ProviderDeclined, False),
        ("content_filter", ProviderDeclined, False),
        ("bio_policy", ProviderDeclined, False),
        ("data_residency_mismatch", ProviderRefused, False),
        (400, ProviderRefused, False),
        (429, ProviderBusy, True),
        (503, ProviderLost, True),
    ],
)
@both
def test_an_error_in_a_stream(
    api: Api, code: str | int | None, error: type[ProviderError], retryable: bool
) -> None:
    """Told by its code, which compatible servers give as a status."""
    said = {"code": code, "message": "Sorry."}
    forms: list[dict[str, object]] = [{"type": "error", "error": said}]
    if api == "responses":
        forms += [
            {"type": "error", **said},
            {"type": "response.failed", "response": {"error": said}},
        ]
    for form in forms:
        with pytest.raises(error, match=r"openai \(request req_1\).*Sorry") as raised:
            READERS[api](Exchange("req_1")).take(json.dumps(form).encode())
        assert type(raised.value) is error
        assert raised.value.retryable is retryable


@both
@pytest.mark.parametrize("data", [b"", b"<html>", b"null", b"[]", b"5", b'{"type":5,"choices":5}'])
def test_what_is_no_message_is_an_error(api: Api, data: bytes) -> None:
    """A message that cannot be read may have held words."""
    with pytest.raises(ValueError, match=r"."):
        READERS[api](Exchange()).take(data)


@both
def test_what_has_nothing_in_it_is_passed_over(api: Api) -> None:
    reply = READERS[api](Exchange())
    nothing: tuple[object, ...] = (
        {},
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
    )
    for odd in nothing:
        assert reply.take(json.dumps(odd).encode()) == []


def test_a_plain_server_is_understood() -> None:
    """No ids, no usage, no role, no end mark: a small server's stream is a reply all the same."""
    chunks: list[object] = [{"choices": [{"delta": {"content": "Hello"}}]}]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    body = b"".join(b"data:%s\r\n\r\n" % json.dumps(chunk).encode() for chunk in chunks)
    assert read("chat", body) == ([TextDelta("Hello")], Usage(request_id="req_1"))


def test_an_event_of_many_lines_is_one() -> None:
    """As the standard says, though nobody sends it."""
    assert Events().feed(b'event: x\ndata: {"a":\ndata:  1}\n\ndata: half') == [b'{"a":\n 1}']


def test_an_event_without_end_is_not_kept() -> None:
    events = Events()
    assert events.feed(b"data: " + b"x" * (EVENT_BYTES_MAX - 10)) == []
    with pytest.raises(ValueError, match="more than"):
        events.feed(b"x" * 10)
