"""Cartesia's voice against its twin: cancelled anywhere, refused, broken off."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest
import trio
import trio.testing

from adapters.cartesia import reply
from adapters.cartesia.settings import CartesiaSettings
from adapters.cartesia.voice import CartesiaVoice
from adapters.sockets import Socket
from effects.ports import (
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    Speech,
)
from tests.cartesia_kit import REPLY, assert_whole, clauses, refused, say, voice_of
from tests.sockets_kit import cancelled_after, until
from tests.twins.cartesia import CartesiaTwin
from tests.twins.server import Faults

# --- cancellation ---------------------------------------------------------------------------


@pytest.mark.parametrize("ends_cancelled", [True, False])
async def test_cancelled_anywhere(ends_cancelled: bool) -> None:
    """At whatever step, no context is left, and the next reply is whole, with nothing in it of
    the one before; whether the vendor says that it has stopped or not."""
    twin = CartesiaTwin(chunk_ms=200, faster=100, ends_cancelled=ends_cancelled)
    async with voice_of(twin) as voice:
        step, finished = 0, False
        while not finished:
            step += 1
            with cancelled_after(step) as scope:
                await say(voice, "Yes, and", "no.")
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
