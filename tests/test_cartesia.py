"""Cartesia's voice against its twin: what is heard, in which order, and what is left behind."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
import pytest
import trio
import trio.testing
import trustme
from pydantic import SecretStr

from adapters import sockets
from adapters.cartesia import reply
from adapters.cartesia.settings import CartesiaSettings
from adapters.cartesia.voice import CartesiaVoice
from effects.ports import (
    Clause,
    Speech,
)
from effects.spoken import clause_of
from tests.cartesia_kit import REPLY, assert_whole, clauses, say, voice_of
from tests.sockets_kit import until
from tests.twins.cartesia import LETTER_MS, CartesiaTwin
from tests.twins.server import Faults

# --- a reply --------------------------------------------------------------------------------


@pytest.mark.parametrize("marks", ["flushes", "texts", "both"])
async def test_a_reply_is_said_clause_by_clause(
    marks: Literal["flushes", "texts", "both"],
) -> None:
    """In one context; whatever the service marks the end of (its documentation says a flush,
    its users have seen one for each text), each clause ends after its own audio."""
    async with voice_of(CartesiaTwin(marks=marks)) as voice:
        assert_whole(await say(voice, *REPLY), *REPLY)


async def test_a_reply_has_one_context_and_leaves_none() -> None:
    """The texts come in order, with the space that keeps them apart, and the context is ended."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        await say(voice, *REPLY)
        await until(lambda: twin.contexts == 0)
        assert twin.texts == [f"{text} " for text in REPLY]
        asked = [msgspec.json.decode(message) for message in twin.received]
        assert len({one["context_id"] for one in asked}) == 1
        assert [one["continue"] for one in asked] == [True] * 6 + [False]


async def test_what_is_said_are_words() -> None:
    """The voice is given what is to be spoken, not what is written."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        await say(voice, "It costs $5.")
        assert twin.texts == ["It costs five dollars. "]


async def test_the_next_clause_is_asked_for_while_one_sounds() -> None:
    """So that no gap is heard between the two; a third is not asked for yet."""
    twin = CartesiaTwin(chunk_ms=50, faster=5)
    async with voice_of(twin) as voice, trio.open_nursery() as nursery:
        sounds, go_on = trio.Event(), trio.Event()

        async def speech(piece: Speech) -> None:
            sounds.set()
            await go_on.wait()

        nursery.start_soon(voice.speak, clauses(*REPLY), speech)
        await sounds.wait()
        await until(lambda: len(twin.received) == 4)
        asked = [msgspec.json.decode(message)["transcript"] for message in twin.received]
        assert asked == [f"{REPLY[0]} ", "", f"{REPLY[1]} ", ""]
        go_on.set()


async def test_a_clause_with_nothing_to_say_ends() -> None:
    """In its place, without troubling the vendor, wherever it comes."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        heard = await say(voice, "…", "Yes.", "—", "Really.")
        assert [one.clause for one in heard if one.ends_clause] == [0, 1, 2, 3]
        assert [one.clause for one in heard] == sorted(one.clause for one in heard)
        assert twin.texts == ["Yes. ", "Really. "]


async def test_a_reply_of_nothing() -> None:
    """Costs no context, and its socket is as good as new."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        assert await say(voice) == []
        assert await say(voice, "…") == [Speech(0, b"", ends_clause=True)]
        assert twin.received == []
        assert len(twin.requests) == 1


@pytest.mark.parametrize("times_from", ["context", "text"])
async def test_words_are_timed(times_from: Literal["context", "text"]) -> None:
    """By letters of what is said, with the marks after each word, and by the clause's own audio:
    a word that is over by then has been heard."""
    async with voice_of(CartesiaTwin(times_from=times_from)) as voice:
        heard = await say(voice, *REPLY)
        for index, text in enumerate(REPLY):
            timings = [one for piece in heard if piece.clause == index for one in piece.timings]
            ends = [len(" ".join(text.split()[: n + 1])) for n in range(len(text.split()))]
            assert [one.letters for one in timings] == ends
            assert [one.until_ms for one in timings] == [
                pytest.approx(letters * LETTER_MS) for letters in ends
            ]


@asynccontextmanager
async def a_clause_that_waits(
    voice: CartesiaVoice, heard: list[Speech]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A reply whose first clause has been said; gives what sends the second, and ends it."""
    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[Clause](0)

        async def speech(piece: Speech) -> None:
            heard.append(piece)

        async def go_on() -> None:
            await send.send(clause_of(1, "Here it is."))

        nursery.start_soon(voice.speak, receive, speech)
        async with send:
            await send.send(clause_of(0, "One moment."))
            await until(lambda: any(one.ends_clause for one in heard))
            yield go_on


def contexts_of(twin: CartesiaTwin) -> set[str]:
    return {msgspec.json.decode(message)["context_id"] for message in twin.received}


async def test_a_context_that_has_expired() -> None:
    """Its end is found out when the next clause is asked for, which is then said in another."""
    twin, heard = CartesiaTwin(expires_s=0.05), list[Speech]()
    async with voice_of(twin) as voice, a_clause_that_waits(voice, heard) as go_on:
        await until(lambda: twin.contexts == 0)
        await go_on()
    assert_whole(heard, "One moment.", "Here it is.")
    assert len(contexts_of(twin)) == 2


async def test_a_context_that_is_about_to_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not gone on with, and not ended either: both might come too late."""
    monkeypatch.setattr(reply, "CONTEXT_S", 0.05)
    twin, heard = CartesiaTwin(), list[Speech]()
    async with voice_of(twin) as voice, a_clause_that_waits(voice, heard) as go_on:
        await trio.sleep(0.1)
        assert twin.contexts == 1
        await go_on()
    assert_whole(heard, "One moment.", "Here it is.")
    assert len(contexts_of(twin)) == 2


# --- sockets --------------------------------------------------------------------------------


async def test_sockets_serve_again() -> None:
    """One after the other, replies need one socket."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        for _ in range(3):
            assert_whole(await say(voice, *REPLY), *REPLY)
        assert len(twin.requests) == 1
        head = twin.requests[0]
        assert head.path == "/tts/websocket"
        assert head.headers["cartesia-version"] == "2026-03-01"


async def test_a_socket_is_there_before_it_is_needed() -> None:
    """The first reply finds it open."""
    twin = CartesiaTwin()
    async with voice_of(twin, ready_sockets=1) as voice:
        await until(lambda: twin.sockets == 1)
        await say(voice, "Yes.")
        assert len(twin.requests) >= 1


async def test_replies_at_once_do_not_mix() -> None:
    """Each has its socket and its contexts."""
    twin = CartesiaTwin(faster=50, chunk_ms=20)
    async with voice_of(twin) as voice, trio.open_nursery() as nursery:

        async def one(text: str) -> None:
            assert_whole(await say(voice, text, text), text, text)

        for text in ("No.", "Well, yes.", "That is hard to say."):
            nursery.start_soon(one, text)


async def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is in earnest: the socket is a secure one."""
    authority = trustme.CA()
    server, client = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    monkeypatch.setattr(sockets, "_tls", lambda: client)
    async with voice_of(CartesiaTwin(), tls=server) as voice:
        assert_whole(await say(voice, *REPLY), *REPLY)


async def test_torn_messages() -> None:
    """TCP may deliver a few bytes at a time."""
    twin = CartesiaTwin()
    twin.faults = Faults(torn=True)
    async with voice_of(twin) as voice:
        assert_whole(await say(voice, "Yes.", "No."), "Yes.", "No.")


def test_the_identity_is_what_can_be_heard() -> None:
    """Two voices that sound alike have one identity, whatever their key and their server."""
    key = SecretStr("key")
    plain = CartesiaVoice(key).identity
    assert plain == CartesiaVoice(SecretStr("other"), CartesiaSettings(base_url="ws://x")).identity
    assert "cartesia" in plain
    for other in (
        CartesiaSettings(voice="v"),
        CartesiaSettings(model="sonic-3"),
        CartesiaSettings(language="de"),
        CartesiaSettings(speed=1.1),
        CartesiaSettings(emotion="calm"),
    ):
        assert CartesiaVoice(key, other).identity != plain
