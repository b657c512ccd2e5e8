"""OpenAI's twin: chat completions, responses, transcriptions and models, over HTTP.

    POST /v1/chat/completions, /v1/responses   streamed or whole; the brain composes
    POST /v1/audio/transcriptions              a WAV file as multipart; the ears listen
    GET  /v1/models, /v1/models/NAME

It is as strict as OpenAI about what it is asked, and has its caching of prompts. A client that
hangs up stops the brain.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

import numpy as np
import trio
from numpy.typing import NDArray

from adapters.front.http import Request
from effects.ports import Prompt, ProviderError, TextDelta, ToolCall, Usage
from tests.twins import openai_audio, openai_chat, openai_responses
from tests.twins.openai_chat import ChatWriter
from tests.twins.openai_requests import USUAL, ApiError, Json, check_model, parsed
from tests.twins.openai_responses import ResponsesWriter
from tests.twins.server import Reply, Twin

MODELS = ("gpt-5.4-mini", "gpt-5.6-luna", "gpt-4.1-mini", "whisper-1", "gpt-4o-mini-transcribe")
CACHED_FROM, CACHED_STEP = 1024, 128
"""A beginning is cached from so many tokens on, in steps of so many."""
TOKEN_CHARS = 4

Emit = Callable[[TextDelta | ToolCall], None]
Ears = Callable[[NDArray[np.int16], int], Awaitable[str]]
"""What hears the 16-bit samples of an utterance, at so many a second."""


class Brain(Protocol):
    """What composes the replies: any LanguageModel."""

    async def reply(self, prompt: Prompt, emit: Emit) -> Usage:
        """See :class:`effects.ports.LanguageModel`."""
        ...


class Scripted:
    """The brain where none is given: says ``says``, a word every ``token_s``. If it has ``calls``,
    it asks for these first, once for each time that the caller speaks."""

    def __init__(
        self,
        says: str = "Your parcel left Memphis this morning, and is due on Thursday.",
        calls: tuple[ToolCall, ...] = (),
        token_s: float = 0.01,
    ) -> None:
        self.says, self.calls, self.token_s = says, calls, token_s
        self.prompts: list[Prompt] = []

    async def reply(self, prompt: Prompt, emit: Emit) -> Usage:
        """See :class:`effects.ports.LanguageModel`."""
        self.prompts.append(prompt)
        if self.calls and prompt.messages[-1].role != "tool":
            for call in self.calls:
                await trio.sleep(self.token_s)
                emit(call)
            return Usage(0, len(self.calls))
        tokens = re.findall(r"\s*\S+", self.says)
        for token in tokens:
            await trio.sleep(self.token_s)
            emit(TextDelta(token))
        return Usage(0, len(tokens))


async def _deaf(samples: NDArray[np.int16], rate_hz: int) -> str:
    return "Where is my parcel?"


@dataclass(slots=True)
class Quirks:
    """What else goes wrong, or differs. Holds from the next request on.

    ``error_after``: an error in the stream after so many pieces of the reply, with ``error_code``.
    ``end_after``: the stream ends there, in form but with the reply unfinished. ``finish``: why
    the reply is over (``length``, ``content_filter``). ``refuses``: what it says is a refusal.
    ``odd``: there are comments, unknown events and unknown fields. ``lingers_s``: how long the body
    stays open after its last event.
    """

    error_after: int | None = None
    error_code: str = "server_error"
    end_after: int | None = None
    finish: str = ""
    refuses: bool = False
    odd: bool = False
    lingers_s: float = 0.0


class OpenAiTwin(Twin):
    """OpenAI, or with an empty ``key`` a compatible server that wants none.

    ``generating`` counts the replies under way, ``bodies`` holds what was posted as JSON.
    ``no_speech`` is how sure Whisper is that an utterance is none.
    """

    name = "openai"

    def __init__(
        self,
        brain: Brain | None = None,
        ears: Ears = _deaf,
        *,
        key: str = "twin-key",
        models: tuple[str, ...] = MODELS,
    ) -> None:
        super().__init__(key)
        self.brain: Brain = brain or Scripted()
        self.ears = ears
        self.models = models
        self.quirks = Quirks()
        self.generating = 0
        self.no_speech = 0.02
        self.bodies: list[Json] = []
        self._answers = 0
        self._cache: dict[str, str] = {}

    @property
    def base_url(self) -> str:
        """What a client is pointed at."""
        return f"{self.http_url}/v1"

    def headers(self, status: int) -> Mapping[str, str]:
        self._answers += 1
        named = {
            "x-request-id": f"req_{self._answers}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": "12",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": "0" if status == 429 else "9999",
            "x-ratelimit-reset-requests": "6ms",
        }
        return {**named, "retry-after": "20"} if status == 429 else named

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.key or given == self.key:
            return None
        wrong = ApiError(401, f"Incorrect API key provided: {given}.", "invalid_api_key")
        return 401, wrong.body

    def error_body(self, status: int) -> bytes:
        return USUAL.get(status, ApiError(status, "Something is wrong.")).body

    async def http(self, request: Request, reply: Reply) -> None:
        try:
            match (request.method, request.path):
                case ("GET", "/v1/models"):
                    listed = [_model(name) for name in self.models]
                    await _json(reply, {"object": "list", "data": listed})
                case ("GET", path) if path.startswith("/v1/models/"):
                    name = path.rpartition("/")[2]
                    await _json(reply, _model(check_model({"model": name}, self.models)))
                case ("POST", "/v1/chat/completions"):
                    body = self._body(request)
                    await self._compose(openai_chat.prompt_of(body), body, ChatWriter, reply)
                case ("POST", "/v1/responses"):
                    body = self._body(request)
                    prompt = openai_responses.prompt_of(body)
                    await self._compose(prompt, body, ResponsesWriter, reply)
                case ("POST", "/v1/audio/transcriptions"):
                    await self._transcribe(request, reply)
                case (method, path):
                    nowhere = ApiError(404, f"Invalid URL ({method} {path})")
                    await reply.whole(404, nowhere.body)
        except ApiError as error:
            await reply.whole(error.status, error.body)

    def _body(self, request: Request) -> Json:
        body = parsed(request.body)
        self.bodies.append(body)
        check_model(body, self.models)
        return body

    # --- composing ---

    async def _compose(
        self,
        prompt: Prompt,
        body: Json,
        writers: type[ChatWriter] | type[ResponsesWriter],
        reply: Reply,
    ) -> None:
        writer = writers(body, self._answers, self.quirks.refuses, self.quirks.finish)
        self.generating += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, reply, nursery.cancel_scope)
                if body.get("stream"):
                    await self._stream(prompt, body, writer, reply)
                else:
                    spent = await self.brain.reply(prompt, writer.keep)
                    await _json(reply, writer.whole(self._usage(body, spent)))
                nursery.cancel_scope.cancel()
        finally:
            self.generating -= 1

    async def _stream(
        self, prompt: Prompt, body: Json, writer: ChatWriter | ResponsesWriter, reply: Reply
    ) -> None:
        quirks = self.quirks
        await reply.begin(200, {"content-type": "text/event-stream; charset=utf-8"})
        await _send(reply, writer.begin())
        send, pieces = trio.open_memory_channel[TextDelta | ToolCall](math.inf)
        spent, failure = Usage(), ""

        async def think() -> None:
            nonlocal spent, failure
            with send:
                try:
                    spent = await self.brain.reply(prompt, send.send_nowait)
                except ProviderError as error:
                    failure = str(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(think)
            sent = 0
            async for piece in pieces:
                if sent in (quirks.error_after, quirks.end_after):
                    break
                await _send(reply, writer.odd() if quirks.odd else [])
                await _send(reply, writer.piece(piece))
                sent += 1
            nursery.cancel_scope.cancel()
        if quirks.error_after is not None:
            failure = "The server had an error while processing your request."
        if failure:
            await _send(reply, writer.error(failure, quirks.error_code))
        elif quirks.end_after is None:
            await _send(reply, writer.end(self._usage(body, spent)))
        await trio.sleep(quirks.lingers_s)
        await reply.end()

    def _usage(self, body: Json, spent: Usage) -> Usage:
        """With the tokens of the prompt, of which those are cached that began the last one with
        the same key."""
        told = [
            body.get("tools"),
            body.get("instructions"),
            body.get("messages", body.get("input")),
        ]
        prompt, key = json.dumps(told), body.get("prompt_cache_key", "")
        both = zip(prompt, self._cache.get(key, ""), strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both)) // TOKEN_CHARS
        self._cache[key] = prompt
        cached = shared // CACHED_STEP * CACHED_STEP if shared >= CACHED_FROM else 0
        return Usage(len(prompt) // TOKEN_CHARS, spent.tokens_out, cached)

    # --- listening ---

    async def _transcribe(self, request: Request, reply: Reply) -> None:
        utterance = openai_audio.utterance_of(request, self.models)
        heard = await self.ears(utterance.samples, utterance.rate_hz)
        await _json(reply, openai_audio.transcription(utterance, heard, self.no_speech))


async def _watch(reply: Reply, scope: trio.CancelScope) -> None:
    await reply.hung_up()
    scope.cancel()


async def _send(reply: Reply, events: list[bytes]) -> None:
    for event in events:
        await reply.piece(event)


async def _json(reply: Reply, value: Json) -> None:
    """In two pieces, so that it can break off between them."""
    body = json.dumps(value).encode()
    head = {"content-type": "application/json", "content-length": str(len(body))}
    await reply.begin(200, head)
    await _send(reply, [body[: len(body) // 2], body[len(body) // 2 :]])
    await reply.end()


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai"}
