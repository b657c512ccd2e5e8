"""What OpenAI's adapter adds beside a raw socket: time to the first token, CPU a token and a reply.

    python -m bench.vendors_openai

The twin is in a process of its own and says a word every 2 ms, so that each comes by itself, as
from OpenAI. The same reply, in a conversation of 20 lines with four tools, is read by the adapter
over both APIs, from a bare socket that only counts words, and with the SDK's own typed stream.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

import trio
from openai import AsyncOpenAI
from pydantic import BaseModel, SecretStr

from adapters.openai import chat
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings
from bench.report import Figure, at_most, finish, percentile, this_machine
from effects.ports import Message, Prompt, TextDelta, ToolCall, ToolSpec
from effects.toolkit import strict_schema
from tests.twins.openai import OpenAiTwin, Scripted
from tests.twins.server import open_twin

WORDS = 200
TOKEN_S = 0.002
REPLIES = 8
KEY = "twin-key"


class FindOrder(BaseModel):
    """Look an order up."""

    order_number: str


LINES = tuple(
    Message("caller" if at % 2 == 0 else "agent", f"What is said in line {at} of the call.")
    for at in range(20)
)
TOOLS = tuple(
    ToolSpec(f"find_order_{at}", "Look an order up.", strict_schema(FindOrder)) for at in range(4)
)
PROMPT = Prompt("You are the parcel desk. " * 80, LINES, TOOLS)

Ask = Callable[[Callable[[], None]], Awaitable[int]]
"""Asks for one reply, tells when its first word is there, and returns how many there were."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One reply: when its first word came, and the CPU of this process until its end."""

    first_ms: float
    cpu_us: float
    words: int


async def measure() -> list[Figure]:
    """The figures; takes about half a minute."""
    with _twin_elsewhere() as url:
        bare = await _costs(partial(_bare, url))
        async with AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
            typed = await _costs(partial(_typed, sdk))
        adapted = {api: await _adapted(url, api) for api in ("chat", "responses")}
    figures = _figures("a bare socket", bare, None)
    for api, costs in adapted.items():
        figures += _figures(f"the adapter, {api}", costs, bare)
    return [*figures, *_figures("the SDK's typed stream", typed, bare)]


async def _adapted(url: str, api: str) -> list[Cost]:
    kind: Literal["chat", "responses"] = "chat" if api == "chat" else "responses"
    settings = OpenAiSettings(base_url=url, api=kind)
    async with OpenAi(SecretStr(KEY), settings) as mind:

        async def ask(first: Callable[[], None]) -> int:
            words = 0

            def emit(piece: TextDelta | ToolCall) -> None:
                nonlocal words
                words += 1
                if words == 1:
                    first()

            await mind.reply(PROMPT, emit)
            return words

        return await _costs(ask)


async def _typed(sdk: AsyncOpenAI, first: Callable[[], None]) -> int:
    words = 0
    body = chat.request(PROMPT, OpenAiSettings())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the generators that it leaves
        async with await sdk.chat.completions.create(**body) as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    words += 1
                    if words == 1:
                        first()
    return words


async def _bare(url: str, first: Callable[[], None]) -> int:
    """Includes the connection, which on this machine costs next to nothing."""
    there = urlsplit(url)
    body = json.dumps(chat.request(PROMPT, OpenAiSettings())).encode()
    head = f"POST {there.path}/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
    head += f"authorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    words, received = 0, b""
    async with await trio.open_tcp_stream("127.0.0.1", there.port or 80) as stream:
        await stream.send_all(head.encode() + body)
        while b"[DONE]" not in received:
            received = await stream.receive_some(65536)
            before = words
            words += received.count(b'"content":"') - received.count(b'"content":""')
            if words and not before:
                first()
    return words


async def _costs(ask: Ask) -> list[Cost]:
    """Of several replies, after one that warms everything."""
    await ask(lambda: None)
    costs = []
    for _ in range(REPLIES):
        began, cpu, firsts = time.perf_counter(), time.process_time(), list[float]()
        words = await ask(lambda firsts=firsts: firsts.append(time.perf_counter()))  # type: ignore[misc]
        spent = time.process_time() - cpu
        costs.append(Cost((firsts[0] - began) * 1000, spent * 1e6, words))
    return costs


def _figures(name: str, costs: list[Cost], bare: list[Cost] | None) -> list[Figure]:
    first_ms = percentile((cost.first_ms for cost in costs), 50)
    word_us = percentile((cost.cpu_us / cost.words for cost in costs), 50)
    how = f"median of {len(costs)} replies of {costs[0].words} words"
    figures = [
        at_most(f"{name}: to the first token", first_ms, "ms", None, how),
        at_most(f"{name}: CPU a token", word_us, "µs", None, f"{how}, the request included"),
    ]
    if bare is not None:
        beyond_ms = first_ms - percentile((cost.first_ms for cost in bare), 50)
        figures.append(at_most(f"{name}: first token, beyond a bare socket", beyond_ms, "ms", None))
    return figures


@contextmanager
def _twin_elsewhere() -> Iterator[str]:
    """The URL of a twin in another process."""
    command = [sys.executable, "-m", "bench.vendors_openai", "twin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _serve() -> None:
    says = " ".join(f"word{at}" for at in range(WORDS))
    async with open_twin(OpenAiTwin(Scripted(says, token_s=TOKEN_S))) as twin:
        print(twin.base_url, flush=True)
        await trio.sleep_forever()


def main() -> None:
    """Measure, save and show; with ``twin``, be the vendor."""
    if sys.argv[1:] == ["twin"]:
        trio.run(_serve)
    else:
        finish("vendors_openai", this_machine(), trio.run(measure))


if __name__ == "__main__":
    main()
