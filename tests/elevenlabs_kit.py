"""What the tests of ElevenLabs share: a voice at its twin, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
from pydantic import SecretStr

from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from effects.ports import Clause, Speech
from effects.spoken import clause_of
from tests.sockets_kit import SOON_S, until
from tests.twins.elevenlabs import LETTER_MS, ElevenLabsTwin
from tests.twins.server import open_twin


@asynccontextmanager
async def speaking(
    twin: ElevenLabsTwin, *, key: str = "", **changes: Any
) -> AsyncIterator[ElevenLabs]:
    """A voice at a twin that serves; both are gone afterwards, within a moment."""
    with trio.fail_after(30):
        async with open_twin(twin):
            settings = ElevenLabsSettings(base_url=twin.http_url, **changes)
            async with ElevenLabs(SecretStr(key or twin.key), settings) as voice:
                yield voice
            await until(lambda: twin.sockets == 0)


async def say(
    voice: ElevenLabs,
    *texts: str,
    into: list[Speech] | None = None,
    hold: Callable[[Speech], Awaitable[None]] | None = None,
) -> list[Speech]:
    """One reply, of clauses that are all known. What is said goes ``into`` a list, each piece
    after ``hold`` has let it."""
    said = [] if into is None else into
    send, clauses = trio.open_memory_channel[Clause](len(texts))
    for index, text in enumerate(texts):
        send.send_nowait(clause_of(index, text))
    send.close()

    async def take(piece: Speech) -> None:
        if hold is not None:
            await hold(piece)
        said.append(piece)

    with trio.fail_after(SOON_S):
        await voice.speak(clauses, take)
    return said


def letters_of(said: Sequence[Speech]) -> list[int]:
    """How many letters each clause was heard to have, in the twin's hum."""
    lengths: dict[int, int] = {}
    for piece in said:
        lengths[piece.clause] = lengths.get(piece.clause, 0) + len(piece.mulaw)
    return [length // (LETTER_MS * 8) for length in lengths.values()]


def ends_of(said: Sequence[Speech]) -> list[int]:
    """The clauses that ended, in order."""
    return [piece.clause for piece in said if piece.ends_clause]


def sockets_opened(twin: ElevenLabsTwin) -> int:
    """How often a websocket was asked for."""
    return sum(request.path.endswith("multi-stream-input") for request in twin.requests)


def http_asked(twin: ElevenLabsTwin) -> int:
    """How many clauses were asked for over HTTP."""
    return len(twin.requests) - sockets_opened(twin)
