"""OpenAI's twin is as strict as OpenAI, answers in its forms, and lends its voice to any brain."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from adapters.embedded.mind import ParcelMind
from adapters.embedded.parcel import parcel_tools
from tests.twins.openai import OpenAiTwin, Scripted
from tests.twins.server import Faults, open_twin

KEY = {"authorization": "Bearer twin-key"}
HELLO = {"role": "user", "content": "Hello"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
LOOSE = {"name": "f", "parameters": {"type": "object"}, "strict": True}


async def asked(path: str, body: dict[str, Any], twin: OpenAiTwin | None = None) -> httpx2.Response:
    """The twin's answer to a request of a client that is not ours."""
    async with (
        open_twin(twin or OpenAiTwin(Scripted("Hello there.", token_s=0))) as served,
        httpx2.AsyncClient(headers=KEY) as client,
    ):
        return await client.post(f"{served.base_url}{path}", json=body)


@pytest.mark.parametrize(
    ("change", "status", "code", "words"),
    [
        ({"messages": []}, 400, "empty_array", "empty array"),
        ({"messages": [{"role": "robot", "content": ""}]}, 400, "invalid_value", "'robot'"),
        ({"messages": [{"role": "user"}]}, 400, None, "got null"),
        (
            {"messages": [HELLO, {"role": "tool", "tool_call_id": "x", "content": ""}]},
            400,
            None,
            "must be a response to a preceeding message",
        ),
        ({"messages": [ASKED, HELLO]}, 400, None, "did not have response messages: call_1"),
        ({"messages": [HELLO, ASKED]}, 400, None, "did not have response messages: call_1"),
        (
            {"tools": [{"type": "function", "function": LOOSE}]},
            400,
            "invalid_function_parameters",
            "'additionalProperties' is required",
        ),
        ({"mood": "new"}, 400, None, "Unrecognized request argument supplied: mood"),
        ({"stream_options": {}}, 200, None, ""),
        ({"stream_options": {"include_usage": True}}, 400, None, "only allowed when"),
        ({"max_tokens": 5}, 400, "unsupported_parameter", "Use 'max_completion_tokens'"),
        ({"model": "gpt-4.1-mini", "max_tokens": 5}, 200, None, ""),
        ({"model": "gpt-4.1-mini", "reasoning_effort": "none"}, 400, None, "Unrecognized"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}], "reasoning_effort": "low"},
            400,
            None,
            "use /v1/responses or set",
        ),
        ({"model": "gpt-0"}, 404, "model_not_found", "`gpt-0` does not exist"),
        ({"model": None}, 400, None, "must provide a model"),
    ],
)
async def test_chat_completions_are_checked(
    change: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    """Each mistake is refused as OpenAI refuses it."""
    body = {"model": "gpt-5.4-mini", "messages": [HELLO], **change}
    answer = await asked("/chat/completions", body)
    assert answer.status_code == status
    error = answer.json().get("error", {"message": "", "code": None})
    assert error["code"] == code
    assert words in error["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": None}, "Missing required parameter: 'input'"),
        ({"input": [{"type": "picture"}]}, "'picture'"),
        ({"input": [{"role": "tool", "content": ""}]}, "'tool'"),
        (
            {"input": [{"type": "function_call_output", "call_id": "x", "output": ""}]},
            "No tool call found for function call output with call_id x",
        ),
        (
            {"input": [{"type": "function_call", "call_id": "x", "name": "f", "arguments": "{}"}]},
            "No tool output found for function call x",
        ),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, "Invalid schema"),
        ({"mood": "new"}, "Unknown parameter: 'mood'"),
        ({"max_output_tokens": 5}, "below minimum"),
    ],
)
async def test_responses_are_checked(change: dict[str, Any], words: str) -> None:
    answer = await asked("/responses", {"model": "gpt-5.4-mini", "input": "Hello", **change})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_a_reply_that_is_not_streamed() -> None:
    """Whole, and known to the SDK."""
    body = {"model": "gpt-5.4-mini", "messages": [HELLO], "input": [HELLO]}
    chat = {name: body[name] for name in ("model", "messages")}
    answer = await asked("/chat/completions", chat)
    completion = ChatCompletion.model_validate(answer.json())
    assert completion.choices[0].message.content == "Hello there."
    answer = await asked("/responses", {name: body[name] for name in ("model", "input")})
    assert Response.model_validate(answer.json()).output_text == "Hello there."


async def test_heads_say_what_openais_do() -> None:
    """The request's id in each, how long to wait in a refusal."""
    twin = OpenAiTwin(key="")
    twin.faults = Faults(refuse=429)
    answer = await asked("/chat/completions", {}, twin)
    assert answer.headers["x-request-id"] == "req_1"
    assert answer.headers["retry-after"] == "20"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_an_address_that_is_none() -> None:
    assert (await asked("/audio/songs", {})).status_code == 404


async def test_the_embedded_mind_can_be_its_brain() -> None:
    """It is given the prompt as the engine gives it, and its tools are asked for."""
    twin = OpenAiTwin(ParcelMind(first_token_delay_ms=0, word_delay_ms=0))
    tools = [
        {"type": "function", "function": {"name": spec.name, "parameters": dict(spec.parameters)}}
        for spec in (tool.spec for tool in parcel_tools(":memory:"))
    ]
    wants = {"role": "user", "content": "Where is my order 29340?"}
    body = {"model": "gpt-5.4-mini", "messages": [wants], "tools": tools}
    answer = ChatCompletion.model_validate((await asked("/chat/completions", body, twin)).json())
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert "29340" in calls[0].model_dump_json()
