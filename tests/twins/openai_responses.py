"""Responses as OpenAI's server sees them: requests to prompts, replies to events, in their order.

    response.created, response.in_progress,
    for the text    output_item.added, content_part.added, output_text.delta …, output_text.done,
                    content_part.done, output_item.done
    for each call   output_item.added, function_call_arguments.delta …,
                    function_call_arguments.done, output_item.done
    response.completed (or .incomplete, .failed)

Source: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from __future__ import annotations

import json
from typing import Any

from effects.ports import Message, Prompt, TextDelta, ToolCall, Usage
from tests.twins.openai_requests import Json, bad, one_of, text, tool_spec

_KNOWN = frozenset(
    "model input instructions stream stream_options tools tool_choice parallel_tool_calls "
    "temperature top_p max_output_tokens reasoning service_tier prompt_cache_key metadata store "
    "safety_identifier include previous_response_id text truncation user background".split()
)
_ROLES = ("assistant", "system", "developer", "user")
_CALL_PIECE = 5
_TOKENS_MIN = 16


def prompt_of(body: Json) -> Prompt:
    """The prompt in a request. Raises ApiError for what OpenAI refuses."""
    for name in body.keys() - _KNOWN:
        raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if body.get("max_output_tokens", _TOKENS_MIN) < _TOKENS_MIN:
        raise bad(
            "Invalid 'max_output_tokens': integer below minimum value. "
            f"Expected a value >= {_TOKENS_MIN}.",
            "max_output_tokens",
            "integer_below_min_value",
        )
    tools = []
    for index, tool in enumerate(body.get("tools") or ()):
        one_of(tool.get("type"), ("function", "web_search", "mcp"), f"tools[{index}].type")
        tools.append(tool_spec({"strict": True, **tool}, f"tools[{index}]"))
    given = body.get("input")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise bad("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    return Prompt(body.get("instructions") or "", tuple(_read(given)), tuple(tools), body["model"])


def _read(items: list[Json]) -> list[Message]:
    lines: list[Message] = []
    asked: dict[str, ToolCall] = {}
    for index, item in enumerate(items):
        kind = one_of(
            item.get("type", "message"),
            ("message", "function_call", "function_call_output", "reasoning"),
            f"input[{index}].type",
        )
        if kind == "message":
            role = one_of(item.get("role"), _ROLES, f"input[{index}].role")
            said = text(item.get("content"), f"input[{index}].content")
            match role:
                case "user":
                    lines.append(Message("caller", said))
                case "assistant":
                    lines.append(Message("agent", said))
                case _:
                    lines.append(Message("note", said))
        elif kind == "function_call":
            arguments = text(item.get("arguments"), f"input[{index}].arguments")
            asked[item["call_id"]] = ToolCall(item["call_id"], item["name"], arguments)
        elif kind == "function_call_output":
            call = asked.pop(item.get("call_id", ""), None)
            if call is None:
                raise bad(
                    "No tool call found for function call output with call_id "
                    f"{item.get('call_id')}.",
                    "input",
                )
            found = text(item.get("output"), f"input[{index}].output")
            lines += [Message("agent", "", call), Message("tool", found, call)]
    for call_id in asked:
        raise bad(f"No tool output found for function call {call_id}.", "input")
    return lines


class ResponsesWriter:
    """One reply as events, or as one object."""

    def __init__(self, body: Json, number: int, refuses: bool, finish: str) -> None:
        self._body, self._number = body, number
        self._refuses, self._finish = refuses, finish
        self._sequence = 0
        self._text = ""
        self._output: list[Json] = []
        self._open = False

    def begin(self) -> list[bytes]:
        """The response, before there is anything in it."""
        response = self._response("in_progress")
        return [
            self._event("response.created", response=response),
            self._event("response.in_progress", response=response),
        ]

    def piece(self, piece: TextDelta | ToolCall) -> list[bytes]:
        """What follows for a piece of the reply."""
        if isinstance(piece, ToolCall):
            return [*self._close_message(), *self._call(piece)]
        events = [] if self._open else self._open_message()
        self._text += piece.text
        kind = "response.refusal.delta" if self._refuses else "response.output_text.delta"
        extra: Json = {} if self._refuses else {"logprobs": [], "obfuscation": "aBc3"}
        return [*events, self._event(kind, **self._place, delta=piece.text, **extra)]

    def end(self, usage: Usage) -> list[bytes]:
        """What is still open is closed, and the response with it."""
        status = {"": "completed", "failed": "failed"}.get(self._finish, "incomplete")
        closing = self._close_message("incomplete" if status == "incomplete" else "completed")
        response = self._response(status, usage)
        return [*closing, self._event(f"response.{status}", response=response)]

    def error(self, message: str, code: str) -> list[bytes]:
        """An error instead of the next event: what is sent has it one level deeper than the
        reference says, and a failed response follows."""
        error = {"type": code, "code": code, "message": message, "param": None}
        self._finish = "failed"
        failed = {**self._response("failed"), "error": {"code": code, "message": message}}
        return [
            self._event("error", error=error),
            self._event("response.failed", response=failed),
        ]

    def odd(self) -> list[bytes]:
        """What a client has to ignore."""
        return [
            b": keep-alive\n\n",
            self._event("response.reasoning_summary_text.delta", delta={"text": "hm"}),
            self._event("response.mood.changed", mood=["new"]),
        ]

    def keep(self, piece: TextDelta | ToolCall) -> None:
        """Take a piece of a reply that is not streamed."""
        self.piece(piece)

    def whole(self, usage: Usage) -> Json:
        """The reply to a request without ``stream``."""
        self._close_message()
        return self._response("completed", usage)

    # --- the message ---

    @property
    def _place(self) -> Json:
        return {
            "item_id": f"msg_{self._number}",
            "output_index": len(self._output),
            "content_index": 0,
        }

    def _part(self, said: str) -> Json:
        if self._refuses:
            return {"type": "refusal", "refusal": said}
        return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}

    def _message(self, status: str, content: list[Json]) -> Json:
        item = {"id": f"msg_{self._number}", "type": "message", "role": "assistant"}
        return {**item, "status": status, "content": content}

    def _open_message(self) -> list[bytes]:
        self._open = True
        item, index = self._message("in_progress", []), len(self._output)
        return [
            self._event("response.output_item.added", output_index=index, item=item),
            self._event("response.content_part.added", **self._place, part=self._part("")),
        ]

    def _close_message(self, status: str = "completed") -> list[bytes]:
        if not self._open:
            return []
        self._open = False
        place, part, index = self._place, self._part(self._text), len(self._output)
        item = self._message(status, [part])
        done = (
            self._event("response.refusal.done", **place, refusal=self._text)
            if self._refuses
            else self._event("response.output_text.done", **place, text=self._text, logprobs=[])
        )
        self._output.append(item)
        return [
            done,
            self._event("response.content_part.done", **place, part=part),
            self._event("response.output_item.done", output_index=index, item=item),
        ]

    # --- calls, and the response around it all ---

    def _call(self, call: ToolCall) -> list[bytes]:
        index = len(self._output)
        item = {"id": f"fc_{call.call_id}", "type": "function_call", "call_id": call.call_id}
        item["name"] = call.name
        place = {"item_id": item["id"], "output_index": index}
        done = {**item, "status": "completed", "arguments": call.arguments}
        self._output.append(done)
        begun = {**item, "status": "in_progress", "arguments": ""}
        starts = range(0, len(call.arguments), _CALL_PIECE)
        pieces = [call.arguments[start : start + _CALL_PIECE] for start in starts]
        return [
            self._event("response.output_item.added", output_index=index, item=begun),
            *(
                self._event("response.function_call_arguments.delta", **place, delta=piece)
                for piece in pieces
            ),
            self._event(
                "response.function_call_arguments.done",
                **place,
                name=call.name,
                arguments=call.arguments,
            ),
            self._event("response.output_item.done", output_index=index, item=done),
        ]

    def _response(self, status: str, usage: Usage | None = None) -> Json:
        body = self._body
        reason = "content_filter" if self._finish == "content_filter" else "max_output_tokens"
        return {
            "id": f"resp_{self._number}",
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if status == "incomplete" else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "metadata": {},
            "model": f"{body['model']}-2026-01-01",
            "output": list(self._output),
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "store": body.get("store", True),
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": body.get("tools") or [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": _usage(usage) if usage else None,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.tokens_in,
        "input_tokens_details": {"cached_tokens": usage.tokens_cached, "cache_write_tokens": 0},
        "output_tokens": usage.tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.tokens_in + usage.tokens_out,
    }
