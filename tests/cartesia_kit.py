"""Cartesia's voice and its twin, for tests."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from pydantic import SecretStr

from adapters.cartesia.settings import CartesiaSettings
from adapters.cartesia.voice import CartesiaVoice
from effects.ports import (
    Clause,
    ProviderError,
    Speech,
)
from effects.spoken import clause_of
from states import mulaw
from tests.sockets_kit import until
from tests.twins.cartesia import LETTER_MS, CartesiaTwin
from tests.twins.server import open_twin

REPLY = ("Sure,", "it is on its way,", "and will be with you by noon.")


@asynccontextmanager
async def voice_of(
    twin: CartesiaTwin,
    *,
    key: str = "twin-key",
    tls: ssl.SSLContext | None = None,
    ready_sockets: int = 0,
    connect_s: float = 1.0,
    answer_s: float = 2.0,
) -> AsyncIterator[CartesiaVoice]:
    """A voice and its twin. Afterwards no socket, no context and no task is left of them."""
    tasks = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(30):
        async with open_twin(twin, tls=tls):
            settings = CartesiaSettings(
                base_url=twin.ws_url,
                ready_sockets=ready_sockets,
                connect_s=connect_s,
                answer_s=answer_s,
            )
            async with CartesiaVoice(SecretStr(key), settings) as voice:
                yield voice
            await until(lambda: twin.connections == 0)
    assert twin.contexts == 0
    assert trio.lowlevel.current_statistics().tasks_living == tasks


def clauses(*texts: str) -> trio.MemoryReceiveChannel[Clause]:
    send, receive = trio.open_memory_channel[Clause](len(texts))
    with send:
        for index, text in enumerate(texts):
            send.send_nowait(clause_of(index, text))
    return receive


async def say(voice: CartesiaVoice, *texts: str) -> list[Speech]:
    """Everything that comes of these clauses."""
    heard: list[Speech] = []

    async def speech(piece: Speech) -> None:
        heard.append(piece)

    await voice.speak(clauses(*texts), speech)
    return heard


async def refused(voice: CartesiaVoice) -> ProviderError:
    """The error that a reply ends with."""
    with pytest.raises(ProviderError) as raised:
        await say(voice, *REPLY)
    return raised.value


def audio_ms(heard: Sequence[Speech], clause: int) -> float:
    return sum(len(one.mulaw) for one in heard if one.clause == clause) / mulaw.BYTES_PER_MS


def assert_whole(heard: Sequence[Speech], *texts: str) -> None:
    """Each clause is there with its audio, in order, and ends once, with its last piece."""
    assert [one.clause for one in heard if one.ends_clause] == list(range(len(texts)))
    assert [one.clause for one in heard] == sorted(one.clause for one in heard)
    for index, text in enumerate(texts):
        last = [one for one in heard if one.clause == index][-1]
        assert last.ends_clause
        said = clause_of(index, text).spoken
        assert audio_ms(heard, index) == len(said) * LETTER_MS, text
