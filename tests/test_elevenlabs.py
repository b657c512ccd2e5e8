"""ElevenLabs speaks: clauses in order, each with its end and its timings, and nothing left over."""

from __future__ import annotations

import gc
import json
import ssl
from functools import partial

import pytest
import trio
import trustme
from pydantic import SecretStr

from adapters import sockets
from adapters.elevenlabs import contexts
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from effects.ports import Clause, Speech
from effects.spoken import clause_of
from tests.elevenlabs_kit import ends_of, http_asked, letters_of, say, sockets_opened, speaking
from tests.sockets_kit import SOON_S, cancelled_after, until
from tests.twins.elevenlabs import LETTER_MS, ElevenLabsTwin, hum
from tests.twins.server import Conversation, Faults, open_twin

BOTH_WAYS = pytest.mark.parametrize("transport", ["websocket", "http"])


@BOTH_WAYS
async def test_clauses_are_said_in_order_and_each_ends_once(transport: str) -> None:
    """Digits are in words before the vendor sees them."""
    twin = ElevenLabsTwin()
    async with speaking(twin, transport=transport) as voice:
        said = await say(voice, "Hello, Ann.", "Order 42.", "Bye.", "No.")
    assert letters_of(said) == [8, 13, 3, 2]
    assert ends_of(said) == [0, 1, 2, 3]
    asked = ["Bye.", "Hello, Ann.", "No.", "Order forty two."]
    assert sorted(text.strip() for text in twin.said) == asked
    assert http_asked(twin) == (4 if transport == "http" else 0)


@BOTH_WAYS
@pytest.mark.parametrize("aligned_pieces", [1, 3])
async def test_timings_say_when_each_word_is_over(transport: str, aligned_pieces: int) -> None:
    """However the vendor cuts its alignments."""
    text = "Your order is on its way, Ann."
    twin = ElevenLabsTwin(aligned_pieces=aligned_pieces)
    async with speaking(twin, transport=transport) as voice:
        said = await say(voice, "Hello.", text)
    timings = [timing for piece in said if piece.clause == 1 for timing in piece.timings]
    words = {len(text[:at]) for at, char in enumerate(text) if char == " "} | {len(text)}
    assert words <= {timing.letters for timing in timings}
    for timing in timings:
        spoken = sum(char.isalnum() for char in text[: timing.letters])
        assert timing.until_ms == pytest.approx(spoken * LETTER_MS)


async def test_the_end_of_a_clause_does_not_wait_for_the_next() -> None:
    """A mark has to follow it at once."""
    said: list[Speech] = []
    ended = trio.Event()

    async def take(piece: Speech) -> None:
        said.append(piece)
        if piece.ends_clause:
            ended.set()

    async with speaking(ElevenLabsTwin()) as voice, trio.open_nursery() as nursery:
        send, clauses = trio.open_memory_channel[Clause](1)
        nursery.start_soon(voice.speak, clauses, take)
        await send.send(clause_of(0, "Hello."))
        with trio.fail_after(SOON_S):
            await ended.wait()
        await send.send(clause_of(1, "Bye."))
        send.close()
    assert ends_of(said) == [0, 1]


async def test_a_clause_of_punctuation_ends_without_asking_the_vendor() -> None:
    twin = ElevenLabsTwin()
    async with speaking(twin) as voice:
        said = [
            *await say(voice, "Well"),
            *await _say_clauses(voice, Clause(0, "…"), Clause(1, "Yes."), Clause(2, "- !")),
        ]
    assert ends_of(said) == [0, 0, 1, 2]
    assert [text.strip() for text in twin.said] == ["Well", "Yes."]


async def _say_clauses(voice: ElevenLabs, *clauses: Clause) -> list[Speech]:
    said: list[Speech] = []
    send, receive = trio.open_memory_channel[Clause](len(clauses))
    for clause in clauses:
        send.send_nowait(clause)
    send.close()

    async def take(piece: Speech) -> None:
        said.append(piece)

    await voice.speak(receive, take)
    return said


async def test_a_reply_without_clauses_says_nothing() -> None:
    async with speaking(ElevenLabsTwin()) as voice:
        assert await say(voice) == []


async def test_a_context_is_closed_after_its_first_sound_and_not_before() -> None:
    """The vendor drops the text of one that is closed earlier; the twin does, too."""
    twin = ElevenLabsTwin(first_byte_s=0.05)
    async with speaking(twin) as voice:
        assert letters_of(await say(voice, "Hello there.", "Bye.")) == [10, 3]
    assert sum('"close_context"' in message for message in twin.received) == 2


async def test_so_many_clauses_are_asked_for_ahead_and_no_more() -> None:
    """An interruption would throw them away; the vendor allows five contexts on a socket."""
    twin = ElevenLabsTwin()
    gate = trio.Event()

    async def hold(piece: Speech) -> None:
        await gate.wait()

    async with speaking(twin, contexts=3) as voice, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: say(voice, *["One."] * 7, hold=hold))
        await until(lambda: len(twin.said) == 3)
        await until(lambda: twin.contexts == 0)
        assert len(twin.said) == 3
        gate.set()
    assert len(twin.said) == 7
    assert twin.contexts_most <= 3


async def test_replies_share_sockets_that_are_kept_open() -> None:
    """No caller waits for a handshake, and none is made for each reply."""
    twin = ElevenLabsTwin()
    async with speaking(twin, ready=1) as voice:
        await until(lambda: twin.sockets == 1)
        for _ in range(5):
            assert letters_of(await say(voice, "Hello.", "Bye.")) == [5, 3]
        assert sockets_opened(twin) == 2


async def test_calls_speak_at_once() -> None:
    """Each on a socket of its own, and none hears another."""
    said: dict[int, list[Speech]] = {number: [] for number in range(4)}
    async with speaking(ElevenLabsTwin()) as voice, trio.open_nursery() as nursery:
        for number, into in said.items():
            texts = ["la " * (number + 1), "li " * (2 * number + 1)]
            nursery.start_soon(partial(say, voice, *texts, into=into))
    for number, into in said.items():
        assert letters_of(into) == [2 * (number + 1), 2 * (2 * number + 1)]


async def test_what_holds_for_the_voice_is_sent_both_ways() -> None:
    twin = ElevenLabsTwin()
    async with speaking(twin, stability=0.3, model="m") as voice:
        await say(voice, "Hello.")
    async with speaking(twin, stability=0.3, model="m", transport="http") as voice:
        await say(voice, "Hello.")
    opening, body = json.loads(twin.received[0]), json.loads(twin.requests[-1].body)
    assert opening["voice_settings"] == body["voice_settings"]
    assert body["model_id"] == "m"
    assert body["apply_text_normalization"] == "off"
    assert body["language_code"] == "en"
    assert twin.requests[-1].query == "output_format=ulaw_8000"


@BOTH_WAYS
async def test_torn_messages_are_whole(transport: str) -> None:
    twin = ElevenLabsTwin()
    async with speaking(twin, transport=transport) as voice:
        twin.faults = Faults(torn=True)
        assert letters_of(await say(voice, "Hello, Ann.")) == [8]


async def test_odd_messages_are_passed_over() -> None:
    """And what comes of contexts that nobody knows."""
    odd = ["{}", "[]", "7", '{"new": 1}', '{"isFinal": true}', '{"audio": "////"}']
    odd.append('{"audio": "////", "contextId": "nobody"}')

    class Odd(ElevenLabsTwin):
        async def converse(self, conversation: Conversation) -> None:
            for message in odd:
                await conversation.send(message)
            await super().converse(conversation)

    async with speaking(Odd()) as voice:
        assert letters_of(await say(voice, "Hello.", "Bye.")) == [5, 3]


# --- interruptions ---


async def interrupted(voice: ElevenLabs, *texts: str) -> list[Speech]:
    """A reply that is cancelled when its first piece is heard."""
    said: list[Speech] = []
    with trio.CancelScope() as scope:

        async def hold(piece: Speech) -> None:
            if said:
                scope.cancel()
                await trio.lowlevel.checkpoint()

        await say(voice, *texts, into=said, hold=hold)
    assert scope.cancelled_caught
    return said


async def test_an_interrupted_reply_leaves_its_socket_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its contexts are closed, and what still comes of them is not heard again."""
    monkeypatch.setattr(contexts, "CLOSE_S", SOON_S)  # however slow the machine is
    twin = ElevenLabsTwin()
    async with speaking(twin, ready=1) as voice:
        for _ in range(8):
            assert len(await interrupted(voice, "Hello there, Ann.", "How are you?")) == 1
            assert twin.contexts == 0
            assert letters_of(await say(voice, "Bye.")) == [3]
        assert sockets_opened(twin) == 2
    assert twin.contexts_most <= 2


async def test_a_context_that_goes_on_costs_its_socket() -> None:
    """The vendor says what it was asked for to the end; nobody waits for that."""
    twin = ElevenLabsTwin(speed=0.5)
    async with speaking(twin, ready=1) as voice:
        await interrupted(voice, "Hello there, my good old friend Ann.")
        await until(lambda: twin.contexts == 0 and twin.sockets == 1)
        assert sockets_opened(twin) == 2


async def test_an_interruption_before_the_first_sound() -> None:
    """The context is closed and says nothing."""
    twin = ElevenLabsTwin(first_byte_s=0.05)
    async with speaking(twin) as voice:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: say(voice, "Hello."))
                await until(lambda: twin.contexts == 1)
                scope.cancel()
        await until(lambda: twin.contexts == 0)
        assert twin.said == []


# httpx reads the body of a request from a generator, which a cancelled request leaves behind: bytes
# that nothing hangs on.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
@BOTH_WAYS
async def test_cancelling_anywhere_leaves_nothing(transport: str) -> None:
    """No context, no task, no half-read socket; and the next reply is as it should be."""
    twin = ElevenLabsTwin(speed=500.0)
    before = trio.lowlevel.current_statistics().tasks_living
    async with speaking(twin, transport=transport) as voice:
        whole = False
        for steps in range(1, 400, 3):
            if whole:
                break
            with cancelled_after(steps, counts=lambda task: True) as scope:
                await say(voice, "Hello, Ann.", "Bye.")
            whole = not scope.cancelled_caught
            await until(lambda: twin.contexts == 0)
        assert whole, "it was never let finish"
        assert twin.contexts_most <= 4  # two replies' at most: one closing, one beginning
        assert letters_of(await say(voice, "Hello, Ann.", "Bye.")) == [8, 3]
    await until(lambda: trio.lowlevel.current_statistics().tasks_living == before)
    gc.collect()


# --- the rest ---


async def test_it_can_be_left_as_soon_as_it_is_entered() -> None:
    """Sockets that are still being opened are given up."""
    for _ in range(5):
        async with speaking(ElevenLabsTwin(), ready=3):
            pass


async def test_it_speaks_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    monkeypatch.setattr(sockets, "_tls", lambda: client)
    twin = ElevenLabsTwin()
    async with open_twin(twin, tls=server):
        settings = ElevenLabsSettings(base_url=twin.http_url)
        assert settings.base_url.startswith("https:")
        async with ElevenLabs(SecretStr(twin.key), settings) as voice:
            assert letters_of(await say(voice, "Hello.")) == [5]
    assert http_asked(twin) == 0


async def test_a_brain_says_what_the_twin_says() -> None:
    """So the embedded voice can speak for the vendor."""

    async def loud(text: str) -> bytes:
        return b"\x00" * len(await hum(text))

    async with speaking(ElevenLabsTwin(brain=loud)) as voice:
        said = await say(voice, "Hello.")
    assert b"".join(piece.mulaw for piece in said) == b"\x00" * 5 * LETTER_MS * 8
