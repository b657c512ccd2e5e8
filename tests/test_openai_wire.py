"""OpenAI's wire formats without a wire: requests that OpenAI and its SDK take, streams that become
replies however they are cut, errors that say whose fault it is and repeat nothing said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Literal

import msgspec
import pytest
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageParam,
)
from openai.types.responses import (
    FunctionToolParam,
    ResponseInputItemParam,
    ResponseStreamEvent,
)
from pydantic import BaseModel, Field, TypeAdapter

from adapters.openai import chat, responses
from adapters.openai.events import EVENT_BYTES_MAX, Events
from adapters.openai.failures import Exchange, words_of
from adapters.openai.settings import OpenAiSettings
from adapters.openai.tools import chat_tool, is_strict
from effects.ports import (
    Message,
    Prompt,
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from effects.toolkit import strict_schema
from tests.twins import openai_chat, openai_responses
from tests.twins.openai_chat import ChatWriter
from tests.twins.openai_requests import ApiError, tool_spec
from tests.twins.openai_responses import ResponsesWriter

Api = Literal["chat", "responses"]
Reply = chat.ChatReply | responses.ResponsesReply
APIS: tuple[Api, ...] = ("chat", "responses")
READERS: dict[Api, Callable[[Exchange], Reply]] = {
    "chat": chat.ChatReply,
    "responses": responses.ResponsesReply,
}
WRITERS: dict[Api, type[ChatWriter] | type[ResponsesWriter]] = {
    "chat": ChatWriter,
    "responses": ResponsesWriter,
}

FIND = ToolCall("call_1", "find_order", '{"order_number":"29340"}')
ASK = ToolCall("call_2", "depot_hours", "{}")


class Size(BaseModel):
    """A part of a tool's arguments."""

    width_cm: float = Field(gt=0, le=200)


class FindOrder(BaseModel):
    """Look an order up, with everything in it that pydantic can say."""

    order_number: str = Field(pattern=r"^[0-9]{5}$", min_length=5, description="five digits")
    day: date
    kind: Literal["parcel", "letter"] = "parcel"
    sizes: list[Size] = Field(min_length=1, max_length=4)
    note: str | None = None
    count: int = Field(default=1, ge=1, multiple_of=1)


TOOLS = (ToolSpec("find_order", "Look an order up.", strict_schema(FindOrder)),)
TALK = (
    Message("agent", "Parcel desk."),
    Message("caller", "Where is my order 29340?"),
    Message("agent", "", FIND),
    Message("tool", '{"status":"left Memphis"}', FIND),
    Message("agent", "It left Memphis."),
    Message("caller", "And when does it come?"),
    Message("note", "The caller did not hear: Anything else?"),
)
PROMPT = Prompt("Be kind.", TALK, TOOLS)


def request(api: Api, prompt: Prompt, settings: OpenAiSettings | None = None) -> dict[str, Any]:
    """A request as it crosses the wire."""
    make = chat.request if api == "chat" else responses.request
    body: dict[str, Any] = json.loads(json.dumps(make(prompt, settings or OpenAiSettings())))
    return body


def stream(
    api: Api, pieces: Iterable[TextDelta | ToolCall], *, refuses: bool = False, finish: str = ""
) -> bytes:
    """A whole body, as the twin sends it."""
    writer = WRITERS[api](request(api, PROMPT), 1, refuses, finish)
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


# --- requests -------------------------------------------------------------------------------


def test_a_conversation_for_chat() -> None:
    """Instructions first, each call with its result, notes as what the system says."""
    body = request("chat", PROMPT)
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": "Parcel desk."},
        {"role": "user", "content": "Where is my order 29340?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "find_order", "arguments": FIND.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"status":"left Memphis"}'},
        {"role": "assistant", "content": "It left Memphis."},
        {"role": "user", "content": "And when does it come?"},
        {"role": "system", "content": "The caller did not hear: Anything else?"},
    ]
    assert body["model"] == "gpt-5.4-mini"
    assert body["stream_options"] == {"include_usage": True}


def test_a_conversation_for_responses() -> None:
    """Nothing of it is stored at OpenAI."""
    body = request("responses", PROMPT)
    assert body["instructions"] == "Be kind."
    assert body["input"][2:4] == [
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "find_order",
            "arguments": FIND.arguments,
        },
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": '{"status":"left Memphis"}',
        },
    ]
    assert body["input"][-1] == {"role": "system", "content": TALK[-1].text}
    assert body["store"] is False


@pytest.mark.parametrize("api", APIS)
def test_a_request_begins_as_the_one_before(api: Api) -> None:
    """Byte by byte, so that OpenAI's prompt cache has it: a note is the last that is said, and a
    turn is appended."""
    earlier = request(api, Prompt("Be kind.", TALK[:5], TOOLS))
    later = request(api, PROMPT)
    conversation = "messages" if api == "chat" else "input"
    told, tells = earlier.pop(conversation), later.pop(conversation)
    assert json.dumps(tells).startswith(json.dumps(told).removesuffix("]"))
    assert json.dumps(earlier) == json.dumps(later)


@pytest.mark.parametrize("api", APIS)
def test_the_twin_reads_the_prompt_that_was_sent(api: Api) -> None:
    """Nothing is lost or reordered on the way."""
    read_prompt = openai_chat.prompt_of if api == "chat" else openai_responses.prompt_of
    there = read_prompt(request(api, PROMPT))
    assert (there.instructions, there.messages) == (PROMPT.instructions, PROMPT.messages)
    assert there.tools[0].parameters == TOOLS[0].parameters
    assert there.model == "gpt-5.4-mini"


def test_the_sdk_knows_what_is_sent() -> None:
    """Each message and tool is one of the SDK's own types, with nothing beside."""
    body, other = request("chat", PROMPT), request("responses", PROMPT)
    kinds: list[tuple[Any, list[Any]]] = [
        (ChatCompletionMessageParam, body["messages"]),
        (ChatCompletionFunctionToolParam, body["tools"]),
        (ResponseInputItemParam, other["input"]),
        (FunctionToolParam, other["tools"]),
    ]
    for kind, values in kinds:
        adapter = TypeAdapter[Any](kind)
        for value in values:
            adapter.validate_python(value, extra="forbid")


def test_the_agent_may_name_another_model() -> None:
    assert request("chat", Prompt("", TALK, model="gpt-5.6-luna"))["model"] == "gpt-5.6-luna"


def test_settings_are_sent_where_they_are_set_only() -> None:
    """Servers refuse what they do not know."""
    settings = OpenAiSettings(
        temperature=0.2,
        max_tokens=150,
        reasoning_effort="low",
        service_tier="priority",
        prompt_cache_key="desk",
    )
    common = {"temperature": 0.2, "service_tier": "priority", "prompt_cache_key": "desk"}
    sent = request("chat", PROMPT, settings)
    assert sent.items() >= {**common, "max_completion_tokens": 150}.items()
    assert sent["reasoning_effort"] == "low"
    sent = request("responses", PROMPT, settings)
    assert sent.items() >= {**common, "max_output_tokens": 150}.items()
    assert sent["reasoning"] == {"effort": "low"}
    assert request("chat", Prompt("", TALK)).keys() == {
        "model",
        "messages",
        "stream",
        "stream_options",
    }


def test_what_a_compatible_server_does_not_know_can_be_left_out() -> None:
    settings = OpenAiSettings(
        strict_tools=False,
        stream_usage=False,
        max_tokens=50,
        max_tokens_field="max_tokens",
        notes_as="user",
    )
    sent = request("chat", PROMPT, settings)
    assert "stream_options" not in sent
    assert "strict" not in sent["tools"][0]["function"]
    assert sent["max_tokens"] == 50
    assert sent["messages"][-1]["role"] == "user"
    assert request("responses", PROMPT, settings)["input"][-1]["role"] == "user"


def test_settings_know_their_fields() -> None:
    """A misspelt setting is an error, not a silent default."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"modle": "gpt"}, OpenAiSettings)


# --- strict tools ---------------------------------------------------------------------------


def test_what_pydantic_can_say_is_taken_strictly() -> None:
    """The twin checks it by OpenAI's rules."""
    sent = chat_tool(TOOLS[0], ask_strict=True)["function"]
    assert sent["strict"] is True
    tool_spec(dict(sent), "tools[0].function")


def closed(**properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {**closed(a={"type": "string"}), "required": []},
        closed(a={"type": "string", "minLength": 3}),
        closed(a={"type": "string", "format": "uri"}),
        closed(a={"type": "string", "default": "x"}),
        closed(a={"type": "array", "items": {"type": "object"}}),
        closed(a={"anyOf": [{"type": "null"}, {"type": "object", "properties": {}}]}),
        closed(a={"allOf": [{"type": "string"}]}),
        closed(a={"type": ["object", "null"]}),
        closed(a={}),
        {"anyOf": [closed()]},
    ],
)
def test_what_strict_mode_cannot_hold_is_not_strict(schema: dict[str, object]) -> None:
    """OpenAI would refuse the whole request, as the twin does; sent without, the tool works."""
    assert not is_strict(schema)
    with pytest.raises(ApiError) as refused:
        tool_spec({"name": "f", "parameters": schema, "strict": True}, "tools[0].function")
    assert refused.value.error["code"] == "invalid_function_parameters"
    sent = chat_tool(ToolSpec("f", "", schema), ask_strict=True)["function"]
    assert "strict" not in sent
    assert (
        request("responses", Prompt("", TALK, (ToolSpec("f", "", schema),)))["tools"][0]["strict"]
        is False
    )


# --- streams --------------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_the_sdk_knows_what_the_twin_sends(api: Api) -> None:
    """Each message of the twin is one of the SDK's types, all required fields included."""
    kind: Any = ChatCompletionChunk if api == "chat" else ResponseStreamEvent
    adapter = TypeAdapter[Any](kind)
    for refuses in (False, True):
        writer = WRITERS[api](request(api, PROMPT), 1, refuses, "")
        sent = writer.begin()
        for piece in (TextDelta("It left"), TextDelta(" Memphis."), FIND, ASK):
            sent += writer.piece(piece)
        sent += writer.end(Usage(100, 7, 64))
        for data in Events().feed(b"".join(sent)):
            if data != b"[DONE]":
                adapter.validate_json(data)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_stream_becomes_a_reply_however_it_is_cut(api: Api, step: int) -> None:
    """Text as it comes, calls when they are whole though their pieces were mixed, what it cost;
    comments, unknown events and unknown fields are passed over."""
    said = [TextDelta("It left"), TextDelta(" München…")]
    pieces, usage = read(api, stream(api, [*said, FIND, ASK]), step)
    assert pieces == [*said, FIND, ASK]
    assert usage == Usage(100, 7, 64, "gpt-5.4-mini-2026-01-01", "req_1")


@pytest.mark.parametrize("api", APIS)
def test_a_refusal_is_spoken(api: Api) -> None:
    """It is a polite sentence, and better than silence."""
    pieces, _ = read(api, stream(api, [TextDelta("I cannot help with that.")], refuses=True))
    assert text_of(pieces) == "I cannot help with that."


@pytest.mark.parametrize("api", APIS)
def test_a_reply_that_met_its_limit_is_spoken_as_far_as_it_goes(api: Api) -> None:
    pieces, usage = read(api, stream(api, [TextDelta("It left")], finish="length"))
    assert text_of(pieces) == "It left"
    assert usage.tokens_out == 7


@pytest.mark.parametrize("api", APIS)
def test_a_limit_that_leaves_nothing_to_say_is_an_error(api: Api) -> None:
    """All of it went into thoughts, perhaps; another try would end the same."""
    with pytest.raises(ProviderRefused, match="met max_tokens before anything") as raised:
        read(api, stream(api, [], finish="length"))
    assert not raised.value.retryable


def test_a_call_that_met_its_limit_is_not_made() -> None:
    """Its arguments are not whole."""
    with pytest.raises(ProviderRefused, match="met max_tokens"):
        read("chat", stream("chat", [TextDelta("Let me see."), FIND], finish="length"))


@pytest.mark.parametrize("api", APIS)
def test_the_content_filter_is_an_error(api: Api) -> None:
    """Somebody else may answer; the same request would be stopped again."""
    with pytest.raises(ProviderRefused, match=r"openai \(request req_1\) stopped the reply"):
        read(api, stream(api, [TextDelta("It")], finish="content_filter"))


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_ends_early_is_lost(api: Api) -> None:
    """Also when it ends in form: half a reply must not pass for one."""
    body = stream(api, [TextDelta("It left"), FIND])
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
        ("invalid_prompt", ProviderRefused, False),
        ("context_length_exceeded", ProviderRefused, False),
        (400, ProviderRefused, False),
        (429, ProviderBusy, True),
        (503, ProviderLost, True),
    ],
)
@pytest.mark.parametrize("api", APIS)
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


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("data", [b"", b"<html>", b"null", b"[]", b"5", b'{"type":5,"choices":5}'])
def test_what_is_no_message_is_an_error(api: Api, data: bytes) -> None:
    """A message that cannot be read may have held words."""
    with pytest.raises(ValueError, match=r"."):
        READERS[api](Exchange()).take(data)


@pytest.mark.parametrize("api", APIS)
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


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Invalid value: 'My card is 4111 1111 1111 1111'.",
        "[{'input': {'role': 'user', 'content': 'My card is 4111 1111 11...",
        'bad arguments: {\\"order_number\\":\\"29340\\"}',
        "my CARD is: 4111-1111-1111-1111",
    ],
)
def test_an_error_does_not_repeat_what_was_said(said: str) -> None:
    """Some servers quote what they refuse, in whole or in part, escaped or not."""
    prompt = Prompt("Be kind.", (Message("caller", "My card is 4111 1111 1111 1111."), *TALK))
    error = Exchange("req_1", words_of(prompt)).refused(400, "bad_value", said)
    assert str(error) == "openai (request req_1) refused the request (400): bad_value"


def test_an_error_says_what_is_wrong() -> None:
    """A short word of the caller's is in any sentence, and no quotation."""
    exchange = Exchange("req_1", words_of(Prompt("", (Message("caller", "a"), *TALK))))
    message = "The model `x` does not exist or you do not have access to it."
    error = exchange.refused(404, "model_not_found", message)
    assert str(error).endswith(f"(404): model_not_found: {message}")
