"""OpenAI's requests without a wire: what is sent is what OpenAI and its SDK take, as little of it
changes from turn to turn as can be, and errors repeat nothing that was said."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from openai.types.responses import FunctionToolParam, ResponseInputItemParam
from pydantic import TypeAdapter

from adapters.openai.failures import Exchange, words_of
from adapters.openai.settings import OpenAiSettings
from adapters.openai.tools import chat_tool, is_strict
from effects.ports import Message, Prompt, ToolSpec
from tests.openai_kit import FINDS, FULL, TALK, TOOLS, Api, both, request
from tests.twins import openai_chat, openai_responses
from tests.twins.openai_requests import ApiError, tool_spec

# --- requests -------------------------------------------------------------------------------


def test_a_conversation_for_chat() -> None:
    """Instructions first, each call with its result, notes as what the system says."""
    body = request("chat", FULL)
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
                    "function": {"name": "find_order", "arguments": FINDS.arguments},
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
    body = request("responses", FULL)
    assert body["instructions"] == "Be kind."
    assert body["input"][2:4] == [
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "find_order",
            "arguments": FINDS.arguments,
        },
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": '{"status":"left Memphis"}',
        },
    ]
    assert body["input"][-1] == {"role": "system", "content": TALK[-1].text}
    assert body["store"] is False


@both
def test_a_request_begins_as_the_one_before(api: Api) -> None:
    """Byte by byte, so that OpenAI's prompt cache has it: a note is the last that is said, and a
    turn is appended."""
    earlier = request(api, Prompt("Be kind.", TALK[:5], TOOLS))
    later = request(api, FULL)
    conversation = "messages" if api == "chat" else "input"
    told, tells = earlier.pop(conversation), later.pop(conversation)
    assert json.dumps(tells).startswith(json.dumps(told).removesuffix("]"))
    assert json.dumps(earlier) == json.dumps(later)


@both
def test_the_twin_reads_the_prompt_that_was_sent(api: Api) -> None:
    """Nothing is lost or reordered on the way."""
    read_prompt = openai_chat.prompt_of if api == "chat" else openai_responses.prompt_of
    there = read_prompt(request(api, FULL))
    assert (there.instructions, there.messages) == (FULL.instructions, FULL.messages)
    assert there.tools[0].parameters == TOOLS[0].parameters
    assert there.model == "gpt-5.4-mini"


def test_the_sdk_knows_what_is_sent() -> None:
    """Each message and tool is one of the SDK's own types, with nothing beside."""
    body, other = request("chat", FULL), request("responses", FULL)
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
    sent = request("chat", FULL, settings)
    assert sent.items() >= {**common, "max_completion_tokens": 150}.items()
    assert sent["reasoning_effort"] == "low"
    sent = request("responses", FULL, settings)
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
    sent = request("chat", FULL, settings)
    assert "stream_options" not in sent
    assert "strict" not in sent["tools"][0]["function"]
    assert sent["max_tokens"] == 50
    assert sent["messages"][-1]["role"] == "user"
    assert request("responses", FULL, settings)["input"][-1]["role"] == "user"


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
