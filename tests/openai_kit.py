"""What the tests of OpenAI's adapter share: the twin and a mind that talks to it, and things to
say."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Literal

import pytest
import trio
from pydantic import BaseModel, Field, SecretStr

from adapters.openai import chat, responses
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings
from effects.ports import Message, Prompt, TextDelta, ToolCall, ToolSpec, Usage
from effects.toolkit import strict_schema
from tests.sockets_kit import SOON_S, cancelled_after, until
from tests.twins.openai import OpenAiTwin, Scripted
from tests.twins.server import open_twin

KEY = "twin-key"
Api = Literal["chat", "responses"]
APIS: tuple[Api, ...] = ("chat", "responses")
both = pytest.mark.parametrize("api", APIS)

SAYS = "Your parcel left Memphis this morning."


class FindOrder(BaseModel):
    """Look an order up."""

    order_number: str


FIND = ToolSpec("find_order", "Look an order up.", strict_schema(FindOrder))


class Halting(Scripted):
    """Says one word, and then nothing for ever."""

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        emit(TextDelta("Your"))
        await trio.sleep_forever()
        raise AssertionError


PROMPT = Prompt("Be kind.", (Message("caller", "Where is my order 29340?"),), (FIND,))


@asynccontextmanager
async def desk(
    api: Api = "chat", *, brain: Scripted | None = None, key: str = KEY, ready: int = 0
) -> AsyncIterator[tuple[OpenAiTwin, OpenAi]]:
    """The twin and a mind that talks to it. No connection is made before it is needed, unless
    ``ready`` says so. Afterwards nothing is left of it."""
    async with open_twin(OpenAiTwin(brain or Scripted(SAYS, token_s=0))) as twin:
        settings = OpenAiSettings(api=api, base_url=twin.base_url, ready=ready, max_tokens=100)
        async with OpenAi(SecretStr(key), settings) as mind:
            yield twin, mind
        gc.collect()  # async generators that were left half-way would be told of here
        await until(lambda: twin.connections == 0 and twin.generating == 0)


async def say(mind: OpenAi, prompt: Prompt = PROMPT) -> str:
    """The text of a reply."""
    pieces: list[TextDelta | ToolCall] = []
    with trio.fail_after(SOON_S):
        await mind.reply(prompt, pieces.append)
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


def ignore(piece: TextDelta | ToolCall) -> None:
    """For a reply that is not listened to."""


async def cancelled_at(step: int, act: Callable[[], Awaitable[object]]) -> bool:
    """Do something, cancelled at that step of this task; whether it was."""
    with trio.fail_after(SOON_S), cancelled_after(step) as scope:
        await act()
    return scope.cancelled_caught


# --- a conversation with everything in it ---------------------------------------------------

FINDS = ToolCall("call_1", "find_order", '{"order_number":"29340"}')
ASKS = ToolCall("call_2", "depot_hours", "{}")


class Size(BaseModel):
    """A part of a tool's arguments."""

    width_cm: float = Field(gt=0, le=200)


class BookCourier(BaseModel):
    """Book a courier, with everything in it that pydantic can say."""

    order_number: str = Field(pattern=r"^[0-9]{5}$", min_length=5, description="five digits")
    day: date
    kind: Literal["parcel", "letter"] = "parcel"
    sizes: list[Size] = Field(min_length=1, max_length=4)
    note: str | None = None
    count: int = Field(default=1, ge=1, multiple_of=1)


TOOLS = (ToolSpec("book_courier", "Book a courier.", strict_schema(BookCourier)),)
TALK = (
    Message("agent", "Parcel desk."),
    Message("caller", "Where is my order 29340?"),
    Message("agent", "", FINDS),
    Message("tool", '{"status":"left Memphis"}', FINDS),
    Message("agent", "It left Memphis."),
    Message("caller", "And when does it come?"),
    Message("note", "The caller did not hear: Anything else?"),
)
FULL = Prompt("Be kind.", TALK, TOOLS)


def request(api: Api, prompt: Prompt, settings: OpenAiSettings | None = None) -> dict[str, Any]:
    """A request as it crosses the wire."""
    make = chat.request if api == "chat" else responses.request
    body: dict[str, Any] = json.loads(json.dumps(make(prompt, settings or OpenAiSettings())))
    return body
