"""Chat completions, without I/O: a prompt to a request, the chunks of its stream to a reply.

The instructions and tools come first and stay as they are, the conversation is appended to, and
notes come where they are made: what OpenAI has in its prompt cache is the longest beginning that
two requests share.

The chunks are read as the few fields that matter. The SDK's own types would do (a test holds them
against these), but take 80 µs to build, or where they are validated refuse what compatible servers
leave out.

Source: https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.openai.failures import Exchange
from adapters.openai.parts import Cached, Error
from adapters.openai.settings import OpenAiSettings
from adapters.openai.tools import chat_tool
from effects.ports import Message, Prompt, TextDelta, ToolCall, Usage

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

PATH = "/chat/completions"
_END = b"[DONE]"


def request(prompt: Prompt, settings: OpenAiSettings) -> CompletionCreateParamsStreaming:
    """What to post for a reply."""
    messages: list[ChatCompletionMessageParam] = []
    if prompt.instructions:
        messages.append({"role": "system", "content": prompt.instructions})
    messages += [_message(message, settings) for message in prompt.messages]
    body: CompletionCreateParamsStreaming = {
        "model": prompt.model or settings.model,
        "messages": messages,
        "stream": True,
    }
    if prompt.tools:
        body["tools"] = [chat_tool(spec, settings.strict_tools) for spec in prompt.tools]
    if settings.stream_usage:
        body["stream_options"] = {"include_usage": True}
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.max_tokens is not None:
        body[settings.max_tokens_field] = settings.max_tokens
    if settings.reasoning_effort is not None:
        body["reasoning_effort"] = settings.reasoning_effort
    if settings.service_tier is not None:
        body["service_tier"] = settings.service_tier
    if settings.prompt_cache_key:
        body["prompt_cache_key"] = settings.prompt_cache_key
    return body


def _message(message: Message, settings: OpenAiSettings) -> ChatCompletionMessageParam:
    call = message.call
    match message.role:
        case "caller":
            return {"role": "user", "content": message.text}
        case "agent" if call is not None:
            return {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": call.call_id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                ],
            }
        case "agent":
            return {"role": "assistant", "content": message.text}
        case "tool":
            assert call is not None, "a tool's line names its call"
            return {"role": "tool", "tool_call_id": call.call_id, "content": message.text}
        case "note" if settings.notes_as == "developer":
            return {"role": "developer", "content": message.text}
        case "note" if settings.notes_as == "user":
            return {"role": "user", "content": message.text}
        case "note":
            return {"role": "system", "content": message.text}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: Cached | None = None


class _Chunk(msgspec.Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Error | None = None


class ChatReply:
    """One stream of chunks, as it becomes a reply.

    A refusal is spoken: it is a polite sentence to the caller. A reply that met ``max_tokens`` is
    spoken as far as it goes. The calls of tools come interleaved, so they are complete when the
    choice is finished.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.done = False
        self._exchange = exchange
        self._decoder = msgspec.json.Decoder(_Chunk)
        self._calls: dict[int, ToolCall] = {}
        self._finished = ""
        self._speaks = False
        self._model = ""
        self._spent = _Usage()

    def take(self, data: bytes) -> list[TextDelta | ToolCall]:
        """What the data of one event adds to the reply. Raises ProviderError for an error in the
        stream, and ValueError for what is no chunk."""
        if data == _END:
            self.done = True
            return []
        chunk = self._decoder.decode(data)
        if chunk.error is not None:
            raise self._exchange.broken(chunk.error.code, chunk.error.message)
        self._model = chunk.model or self._model
        self._spent = chunk.usage or self._spent
        added: list[TextDelta | ToolCall] = []
        for choice in (chunk.choices or ())[:1]:  # more than one is never asked for
            if choice.delta is not None:
                added += self._written(choice.delta)
            if choice.finish_reason and not self._finished:
                added += self._finish(choice.finish_reason)
        return added

    def usage(self) -> Usage:
        """What the reply cost, when the stream is at its end. Raises ProviderLost if the reply is
        not."""
        if not self._finished:
            raise self._exchange.lost("broke off in the middle of a reply")
        details = self._spent.prompt_tokens_details or Cached()
        return Usage(
            tokens_in=self._spent.prompt_tokens,
            tokens_out=self._spent.completion_tokens,
            tokens_cached=details.cached_tokens or 0,
            model=self._model,
            request_id=self._exchange.request_id,
        )

    def _written(self, delta: _Delta) -> list[TextDelta]:
        for call in delta.tool_calls or ():
            self._add(call)
        text = delta.content or delta.refusal
        if not text:
            return []
        self._speaks = True
        return [TextDelta(text)]

    def _add(self, piece: _Call) -> None:
        function = piece.function or _Function()
        known = self._calls.get(piece.index, ToolCall("", "", ""))
        self._calls[piece.index] = ToolCall(
            known.call_id or piece.id or "",
            known.name or function.name or "",
            known.arguments + (function.arguments or ""),
        )

    def _finish(self, reason: str) -> list[ToolCall]:
        self._finished = reason
        if reason == "content_filter":
            raise self._exchange.will_not("stopped the reply by its content filter")
        if reason == "length":
            if self._calls or not self._speaks:
                raise self._exchange.will_not("met max_tokens before anything was said or asked")
            return []
        return [self._calls[index] for index in sorted(self._calls)]
