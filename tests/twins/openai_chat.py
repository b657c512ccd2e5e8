"""Chat completions as OpenAI's server sees them: requests to prompts, replies to chunks.

Source: https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any

from effects.ports import Message, Prompt, TextDelta, ToolCall, Usage
from tests.twins.openai_requests import Json, bad, one_of, reasons, text, tool_spec

_KNOWN = frozenset(
    "model messages stream stream_options tools tool_choice parallel_tool_calls temperature top_p "
    "max_tokens max_completion_tokens reasoning_effort service_tier prompt_cache_key metadata "
    "safety_identifier user n stop seed response_format store logprobs".split()
)
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_CALL_PIECE = 5
"""Arguments come so many characters at a time."""


def prompt_of(body: Json) -> Prompt:
    """The prompt in a request. Raises ApiError for what OpenAI refuses."""
    for name in body.keys() - _KNOWN:
        raise bad(f"Unrecognized request argument supplied: {name}")
    _check_options(body)
    tools = tuple(
        tool_spec(tool.get("function") or {}, f"tools[{index}].function")
        for index, tool in enumerate(body.get("tools") or ())
    )
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad("Invalid 'messages': empty array.", "messages", "empty_array")
    instructions, rest = "", messages
    if messages[0].get("role") in ("system", "developer"):
        instructions, rest = text(messages[0].get("content"), "messages[0].content"), messages[1:]
    return Prompt(
        instructions, tuple(_Reader(len(messages) - len(rest)).read(rest)), tools, body["model"]
    )


def _check_options(body: Json) -> None:
    model = body["model"]
    if body.get("stream_options") and not body.get("stream"):
        raise bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if "reasoning_effort" in body and not reasons(model):
        raise bad("Unrecognized request argument supplied: reasoning_effort")
    if reasons(model) and "max_tokens" in body:
        raise bad(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    if body.get("tools") and body.get("reasoning_effort", "none") != "none":
        raise bad(
            f"Function tools with reasoning_effort are not supported for {model} in "
            "/v1/chat/completions. To use function tools, use /v1/responses or set "
            "reasoning_effort to 'none'.",
            "reasoning_effort",
        )


class _Reader:
    """Reads messages; ``skipped`` is how many came before."""

    def __init__(self, skipped: int) -> None:
        self._at = skipped
        self._asked: dict[str, ToolCall] = {}

    def read(self, messages: list[Json]) -> list[Message]:
        """The lines of the conversation, each call of a tool before its result."""
        lines: list[Message] = []
        for message in messages:
            role = one_of(message.get("role"), _ROLES, f"messages[{self._at}].role")
            if role != "tool":
                self._check_answered()
            lines += self._lines(role, message)
            self._at += 1
        self._check_answered()
        return lines

    def _lines(self, role: str, message: Json) -> list[Message]:
        content = message.get("content")
        param = f"messages[{self._at}].content"
        if role == "tool":
            call = self._asked.pop(message.get("tool_call_id", ""), None)
            if call is None:
                raise bad(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceeding message with 'tool_calls'.",
                    f"messages.[{self._at}].role",
                )
            return [Message("agent", "", call), Message("tool", text(content, param), call)]
        if role == "assistant":
            for call in message.get("tool_calls") or ():
                function = call["function"]
                name, arguments = function["name"], text(function["arguments"], param)
                self._asked[call["id"]] = ToolCall(call["id"], name, arguments)
            if content is None and self._asked:
                return []
            return [Message("agent", text(content, param))]
        return [Message("caller" if role == "user" else "note", text(content, param))]

    def _check_answered(self) -> None:
        if self._asked:
            raise bad(
                "An assistant message with 'tool_calls' must be followed by tool messages "
                "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                f"response messages: {', '.join(self._asked)}",
                f"messages.[{self._at}].role",
            )


class ChatWriter:
    """One reply as chunks, or as one object."""

    def __init__(self, body: Json, number: int, refuses: bool, finish: str) -> None:
        self._told = bool((body.get("stream_options") or {}).get("include_usage"))
        self._said = "refusal" if refuses else "content"
        self._finish = finish
        self._text = ""
        self._calls: list[ToolCall] = []
        self._head = {
            "id": f"chatcmpl-{number}",
            "created": 1_700_000_000,
            "model": f"{body['model']}-2026-01-01",
            "service_tier": "default",
            "system_fingerprint": "fp_twin",
        }

    def begin(self) -> list[bytes]:
        """The first chunk has the role."""
        return [self._chunk({"role": "assistant", "content": "", "refusal": None})]

    def piece(self, piece: TextDelta | ToolCall) -> list[bytes]:
        """What follows for a piece of the reply. Calls wait for the end, to come interleaved."""
        if isinstance(piece, ToolCall):
            self._calls.append(piece)
            return []
        self._text += piece.text
        return [self._chunk({self._said: piece.text})]

    def end(self, usage: Usage) -> list[bytes]:
        """The calls, why it ends, and what it cost."""
        chunks = [
            self._chunk({"tool_calls": [_call(index, call, "")]})
            for index, call in enumerate(self._calls)
        ]
        cut = [_pieces(index, call) for index, call in enumerate(self._calls)]
        for turn in zip_longest(*cut):
            chunks += [self._chunk({"tool_calls": [piece]}) for piece in turn if piece]
        chunks.append(self._chunk({}, self._reason))
        if self._told:
            chunks.append(_data({**self._streamed, "choices": [], "usage": _usage(usage)}))
        return [*chunks, b"data: [DONE]\n\n"]

    def error(self, message: str, code: str) -> list[bytes]:
        """An error instead of the next chunk."""
        error = {"message": message, "type": code, "param": None, "code": code}
        return [_data({"error": error})]

    def odd(self) -> list[bytes]:
        """What a client has to ignore."""
        return [
            b": OPENROUTER PROCESSING\n\n",
            b"event: ping\n\n",
            b"id: 7\nretry: 100\n\n",
            _data({**self._streamed, "choices": [], "prompt_filter_results": [{"severity": 0}]}),
            _data({"object": "chat.completion.surprise", "mood": ["new"]}),
        ]

    def keep(self, piece: TextDelta | ToolCall) -> None:
        """Take a piece of a reply that is not streamed."""
        self.piece(piece)

    def whole(self, usage: Usage) -> Json:
        """The reply to a request without ``stream``."""
        message: Json = {"role": "assistant", "content": None, "refusal": None}
        message[self._said] = self._text or None
        if self._calls:
            calls = [_call(index, call, call.arguments) for index, call in enumerate(self._calls)]
            message["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"} for call in calls
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._reason,
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(usage),
        }

    @property
    def _streamed(self) -> Json:
        return {**self._head, "object": "chat.completion.chunk"}

    @property
    def _reason(self) -> str:
        return self._finish or ("tool_calls" if self._calls else "stop")

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._streamed, "choices": [choice], "obfuscation": "aBc3"}
        if self._told:
            chunk["usage"] = None
        return _data(chunk)


def _call(index: int, call: ToolCall, arguments: str) -> Json:
    function = {"name": call.name, "arguments": arguments}
    return {"index": index, "id": call.call_id, "type": "function", "function": function}


def _pieces(index: int, call: ToolCall) -> list[Json]:
    starts = range(0, len(call.arguments), _CALL_PIECE)
    pieces = [call.arguments[start : start + _CALL_PIECE] for start in starts]
    return [{"index": index, "function": {"arguments": piece}} for piece in pieces]


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.tokens_cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _data(value: Any) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"
