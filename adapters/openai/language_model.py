"""The LanguageModel port over OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Self

import trio
from pydantic import SecretStr

from adapters.openai import chat, responses
from adapters.openai.client import Client
from adapters.openai.events import Events
from adapters.openai.failures import Exchange, words_of
from adapters.openai.settings import OpenAiSettings
from effects.ports import Prompt, TextDelta, ToolCall, Usage

if TYPE_CHECKING:
    from httpx2 import Response

END_S = 0.1
"""How long a complete reply is waited for to end, so that its connection can be used again."""

Reply = chat.ChatReply | responses.ResponsesReply

_APIS: Mapping[
    str, tuple[str, Callable[[Prompt, OpenAiSettings], Mapping[str, object]], type[Reply]]
] = {
    "chat": (chat.PATH, chat.request, chat.ChatReply),
    "responses": (responses.PATH, responses.request, responses.ResponsesReply),
}


class OpenAi:
    """Composes with OpenAI, or with a server that speaks its protocol.

    Entered once per process; the calls share its connections. How long a reply may take is the
    engine's business: only the making of a connection is bounded here.
    """

    name = "openai"

    def __init__(self, key: SecretStr, settings: OpenAiSettings | None = None) -> None:
        self._settings = settings or OpenAiSettings()
        self._client = Client(key, self._settings, answer_s=None)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__()

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Stream one generation into ``emit``; see :class:`effects.ports.LanguageModel`.

        Raises ProviderError with OpenAI's name for the request. Cancelling closes the connection
        at once, which stops the generation.
        """
        path, request, reader = _APIS[self._settings.api]
        exchange = Exchange(words=words_of(prompt))
        body = request(prompt, self._settings)
        async with self._client.streamed(path, body, exchange) as response:
            reply = reader(exchange)
            await _read(response, reply, exchange, emit)
            return reply.usage()


async def _read(
    response: Response,
    reply: Reply,
    exchange: Exchange,
    emit: Callable[[TextDelta | ToolCall], None],
) -> None:
    """Read a stream to its end. Raises ProviderError for an error in it.

    An error is raised only when reading has ended, by a cancellation where need be: the body is
    async generators inside others, which close in order only if they are not left half-way.
    """
    events = Events()
    failure: Exception | None = None
    with trio.CancelScope() as reading:
        async for received in response.aiter_bytes():
            if failure is not None:
                continue  # to where the cancellation is met
            try:
                for piece in _pieces(received, events, reply, exchange):
                    emit(piece)
            except Exception as error:
                failure = error
                reading.cancel()
            if reply.done:
                reading.deadline = min(reading.deadline, trio.current_time() + END_S)
    if failure is not None:
        raise failure


def _pieces(
    received: bytes, events: Events, reply: Reply, exchange: Exchange
) -> Iterator[TextDelta | ToolCall]:
    try:
        for data in events.feed(received):
            yield from reply.take(data)
    except ValueError as error:
        raise exchange.lost(f"sent what cannot be read: {error}") from None
