"""Cartesia's voice against its twin: what is heard, in which order, and what is left behind."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, cast

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
from adapters.sockets import Socket
from effects.ports import (
    Clause,
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    Speech,
)
from effects.spoken import clause_of
from states import mulaw
from tests.twins.cartesia import LETTER_MS, CartesiaTwin
from tests.twins.server import Faults, open_twin

SOON_S = 5.0
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


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens on the other side of a socket."""
    with trio.fail_after(SOON_S):
        while not condition():  # noqa: ASYNC110  # it happens in another task's own time
            await trio.sleep(0.005)


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


# --- cancellation ---------------------------------------------------------------------------


class CancelAt(trio.abc.Instrument):
    """Cancels a scope when a task has taken so many steps."""

    def __init__(self, step: int, scope: trio.CancelScope) -> None:
        self._left, self._scope = step, scope
        self._task = trio.lowlevel.current_task()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


@pytest.mark.parametrize("ends_cancelled", [True, False])
async def test_cancelled_anywhere(ends_cancelled: bool) -> None:
    """At whatever step, no context is left, and the next reply is whole, with nothing in it of
    the one before; whether the vendor says that it has stopped or not."""
    twin = CartesiaTwin(chunk_ms=200, faster=100, ends_cancelled=ends_cancelled)
    async with voice_of(twin) as voice:
        step, finished = 0, False
        while not finished:
            step += 1
            with trio.CancelScope() as scope:
                instrument = CancelAt(step, scope)
                trio.lowlevel.add_instrument(instrument)
                try:
                    await say(voice, "Yes, and", "no.")
                finally:
                    trio.lowlevel.remove_instrument(instrument)
            finished = not scope.cancelled_caught
            await until(lambda: twin.contexts == 0)
            assert twin.sockets <= 1
        assert step > 10
        assert_whole(await say(voice, *REPLY), *REPLY)


async def interrupt(voice: CartesiaVoice, twin: CartesiaTwin) -> None:
    """Cancel a reply in the middle of its first clause."""
    with trio.CancelScope() as scope:

        async def speech(piece: Speech) -> None:
            scope.cancel()
            await trio.lowlevel.checkpoint()

        await voice.speak(clauses(*REPLY), speech)
    assert scope.cancelled_caught
    await until(lambda: twin.contexts == 0)


async def test_an_interrupted_reply_gives_its_socket_back() -> None:
    """Its vendor is told, and what still comes of it is not heard in the next reply."""
    twin = CartesiaTwin(chunk_ms=20, faster=100)
    async with voice_of(twin) as voice:
        await interrupt(voice, twin)
        assert {"context_id", "cancel"} == msgspec.json.decode(twin.received[-1]).keys()
        assert_whole(await say(voice, *REPLY), *REPLY)
        assert len(twin.requests) == 1


async def test_a_vendor_that_talks_on_loses_its_socket() -> None:
    """It finishes what it has begun (so it is documented); who does not stop at once would keep
    the next reply waiting."""
    twin = CartesiaTwin(chunk_ms=20, faster=1)
    async with voice_of(twin) as voice:
        await interrupt(voice, twin)
        await until(lambda: twin.sockets == 0)


class Jam:
    """A socket whose vendor does not read."""

    async def send(self, message: str | bytes) -> None:
        await trio.sleep_forever()


async def test_a_message_that_is_broken_off_spoils_its_socket(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Half of it is out, so that nothing can follow."""

    async def speech(piece: Speech) -> None:
        raise AssertionError("there was no audio")

    jammed = reply.Reply(cast(Socket, Jam()), CartesiaSettings(), speech)
    with trio.move_on_after(1):
        await jammed.say(clauses(*REPLY))
    assert not await jammed.cancel()
    assert trio.current_time() == 1.0


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, ProviderRefused, "check CARTESIA_API_KEY"),
        (402, ProviderRefused, "credit"),
        (403, ProviderRefused, "check CARTESIA_API_KEY"),
        (429, ProviderBusy, "concurrency_limited"),
        (503, ProviderLost, "503"),
    ],
)
async def test_a_refused_handshake(status: int, error: type[ProviderError], words: str) -> None:
    """Says whose fault it is."""
    twin = CartesiaTwin()
    twin.faults = Faults(refuse=status)
    async with voice_of(twin) as voice:
        told = await refused(voice)
        assert type(told) is error
        assert words in str(told)


async def test_a_wrong_key() -> None:
    """Is refused by the vendor, and shown to nobody."""
    async with voice_of(CartesiaTwin(), key="sk_car_secret") as voice:
        told = await refused(voice)
        assert "check CARTESIA_API_KEY" in str(told)
        assert "secret" not in f"{told!r} {voice!r} {vars(voice)} {voice.identity}"


@pytest.mark.parametrize(
    ("complaint", "error", "words"),
    [
        ((429, "concurrency_limited", "Too many concurrent requests"), ProviderBusy, "at once"),
        ((429, "quota_exceeded", "Credit limit reached"), ProviderRefused, "used up"),
        ((402, "quota_exceeded", "Credit limit reached"), ProviderRefused, "paid"),
        ((404, "model_not_found", "Invalid model"), ProviderRefused, "Invalid model"),
        ((500, "internal", "Something broke"), ProviderLost, "trouble"),
    ],
)
async def test_an_error_event(
    complaint: tuple[int, str, str], error: type[ProviderError], words: str
) -> None:
    """Becomes one of the ports' errors; the next reply may do better."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:
        twin.complaint = complaint
        told = await refused(voice)
        assert type(told) is error
        assert words in str(told)
        assert_whole(await say(voice, *REPLY), *REPLY)


async def test_too_many_contexts() -> None:
    """The plan's limit is told as such: another voice can take over, and later this one again."""
    twin = CartesiaTwin(limit=1, faster=1)
    async with voice_of(twin) as voice, trio.open_nursery() as nursery:
        nursery.start_soon(say, voice, *REPLY)
        await until(lambda: twin.contexts == 1)
        assert isinstance(await refused(voice), ProviderBusy)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "faults", [Faults(lose_after=3), Faults(close_after=3, close_code=1011, close_reason="oops")]
)
async def test_a_connection_that_is_lost(faults: Faults) -> None:
    """In mid-clause; a new reply gets a new one."""
    twin = CartesiaTwin()
    twin.faults = faults
    async with voice_of(twin) as voice:
        assert isinstance(await refused(voice), ProviderLost)
        twin.faults = Faults()
        assert_whole(await say(voice, *REPLY), *REPLY)


async def test_a_vendor_that_says_nothing() -> None:
    """Is given up after a while, in the opening and in the middle of a reply."""
    twin = CartesiaTwin(first_byte_s=60)
    async with voice_of(twin, answer_s=0.1) as voice:
        told = await refused(voice)
        assert isinstance(told, ProviderTimeout)
        assert "silent for 0.1 s" in str(told)
    twin = CartesiaTwin()
    twin.faults = Faults(stall_s=0.5)
    async with voice_of(twin, connect_s=0.1) as voice:
        assert isinstance(await refused(voice), ProviderTimeout)


async def test_a_text_without_a_sound() -> None:
    """Is not passed over in silence: what the caller was to hear is still to be said."""

    async def mute(text: str) -> bytes:
        return b""

    async with voice_of(CartesiaTwin(brain=mute, expires_s=0.1)) as voice:
        assert isinstance(await refused(voice), ProviderLost)


async def test_an_error_of_ours_closes_the_socket() -> None:
    """What is wrong with the listener is not hidden, and leaves no context."""
    twin = CartesiaTwin()
    async with voice_of(twin) as voice:

        async def speech(piece: Speech) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await voice.speak(clauses(*REPLY), speech)
        await until(lambda: twin.sockets == 0 and twin.contexts == 0)


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
