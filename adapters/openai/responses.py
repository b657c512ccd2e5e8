"""Responses, without I/O: a prompt to a request, the events of its stream to a reply.

As in :mod:`adapters.openai.chat`, the request begins as the one before did. Nothing is stored at
OpenAI (by default, it keeps each response for 30 days): the conversation is sent each time.

Source: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.openai.failures import Exchange
from adapters.openai.parts import Cached, Error
from adapters.openai.settings import OpenAiSettings
from adapters.openai.tools import responses_tool
from effects.ports import Message, Prompt, TextDelta, ToolCall, Usage

if TYPE_CHECKING:
    from openai.types.responses import ResponseInputItemParam
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

PATH = "/responses"


def request(prompt: Prompt, settings: OpenAiSettings) -> ResponseCreateParamsStreaming:
    """What to post for a reply."""
    body: ResponseCreateParamsStreaming = {
        "model": prompt.model or settings.model,
        "input": [_item(message, settings) for message in prompt.messages],
        "stream": True,
        "store": False,
    }
    if prompt.instructions:
        body["instructions"] = prompt.instructions
    if prompt.tools:
        body["tools"] = [responses_tool(spec, settings.strict_tools) for spec in prompt.tools]
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.max_tokens is not None:
        body["max_output_tokens"] = settings.max_tokens
    if settings.reasoning_effort is not None:
        body["reasoning"] = {"effort": settings.reasoning_effort}
    if settings.service_tier is not None:
        body["service_tier"] = settings.service_tier
    if settings.prompt_cache_key:
        body["prompt_cache_key"] = settings.prompt_cache_key
    return body


def _item(message: Message, settings: OpenAiSettings) -> ResponseInputItemParam:
    call = message.call
    match message.role:
        case "caller":
            return {"role": "user", "content": message.text}
        case "agent" if call is not None:
            return {
                "type": "function_call",
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
            }
        case "agent":
            return {"role": "assistant", "content": message.text}
        case "tool":
            assert call is not None, "a tool's line names its call"
            return {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": message.text,
            }
        case "note":
            return {"role": settings.notes_as, "content": message.text}


class _Kind(msgspec.Struct):
    type: str = ""


class _Delta(msgspec.Struct):
    delta: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    status: str | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _ItemDone(msgspec.Struct):
    item: _Item


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: Cached | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    model: str = ""
    usage: _Usage | None = None
    error: Error | None = None
    incomplete_details: _Incomplete | None = None


class _Ended(msgspec.Struct):
    response: _Response


class _Failure(msgspec.Struct):
    """The reference has the code and message beside the type; what is sent has them in an error."""

    code: str | int | None = None
    message: str | None = None
    error: Error | None = None


_Event = _Delta | _ItemDone | _Ended | _Failure


class ResponsesReply:
    """One stream of events, as it becomes a reply. Refusals and ``max_tokens``: see
    :class:`~adapters.openai.chat.ChatReply`. Events of other types say nothing that matters here.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.done = False
        self._exchange = exchange
        self._usage = Usage()
        self._speaks = False
        self._asks = False

    def take(self, data: bytes) -> list[TextDelta | ToolCall]:
        """What the data of one event adds to the reply. Raises ProviderError for an error in the
        stream, and ValueError for what is no event."""
        match msgspec.json.decode(data, type=_Kind).type:
            case "response.output_text.delta" | "response.refusal.delta":
                return self._written(msgspec.json.decode(data, type=_Delta).delta)
            case "response.output_item.done":
                return self._item(msgspec.json.decode(data, type=_ItemDone).item)
            case "response.completed":
                self._end(msgspec.json.decode(data, type=_Ended).response)
            case "response.incomplete":
                response = msgspec.json.decode(data, type=_Ended).response
                self._end(response)
                self._check_incomplete(response.incomplete_details)
            case "response.failed":
                error = msgspec.json.decode(data, type=_Ended).response.error or Error()
                raise self._exchange.broken(error.code, error.message)
            case "error":
                failure = msgspec.json.decode(data, type=_Failure)
                error = failure.error or Error(failure.code, failure.message)
                raise self._exchange.broken(error.code, error.message)
        return []

    def usage(self) -> Usage:
        """What the reply cost, when the stream is at its end. Raises ProviderLost if the reply is
        not."""
        if not self.done:
            raise self._exchange.lost("broke off in the middle of a reply")
        return self._usage

    def _written(self, text: str) -> list[TextDelta | ToolCall]:
        if not text:
            return []
        self._speaks = True
        return [TextDelta(text)]

    def _item(self, item: _Item) -> list[TextDelta | ToolCall]:
        if item.type != "function_call" or item.status == "incomplete":
            return []
        self._asks = True
        return [ToolCall(item.call_id, item.name, item.arguments)]

    def _end(self, response: _Response) -> None:
        self.done = True
        spent = response.usage or _Usage()
        details = spent.input_tokens_details or Cached()
        self._usage = Usage(
            tokens_in=spent.input_tokens,
            tokens_out=spent.output_tokens,
            tokens_cached=details.cached_tokens or 0,
            model=response.model,
            request_id=self._exchange.request_id,
        )

    def _check_incomplete(self, details: _Incomplete | None) -> None:
        if details is not None and details.reason == "content_filter":
            raise self._exchange.will_not("stopped the reply by its content filter")
        if not self._speaks and not self._asks:
            raise self._exchange.will_not("met max_tokens before anything was said or asked")
