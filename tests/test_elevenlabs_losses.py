"""What becomes of a reply when ElevenLabs refuses, breaks off or falls silent."""

from __future__ import annotations

from functools import partial
from typing import Literal

import pytest
import trio
from pydantic import SecretStr

from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from adapters.front.http import Request
from effects.ports import (
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    Speech,
)
from tests.elevenlabs_kit import ends_of, http_asked, letters_of, say, speaking
from tests.sockets_kit import until
from tests.twins.elevenlabs import ElevenLabsTwin, hum
from tests.twins.server import Faults, Reply, open_twin

TEXTS = ("Hello, Ann.", "Bye now.", "No.")
LETTERS = [8, 6, 2]
BOTH_WAYS = pytest.mark.parametrize("transport", ["websocket", "http"])


class BreaksSockets(ElevenLabsTwin):
    """Its faults are over when HTTP is asked for."""

    async def http(self, request: Request, reply: Reply) -> None:
        self.faults = Faults()
        await super().http(request, reply)


# --- to HTTP ---


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_a_websocket_that_cannot_be_opened_is_done_without(status: int) -> None:
    """All of the reply is said over HTTP."""
    twin = ElevenLabsTwin()
    twin.refuse_sockets = status
    async with speaking(twin) as voice:
        said = await say(voice, *TEXTS)
    assert letters_of(said) == LETTERS
    assert ends_of(said) == [0, 1, 2]
    assert http_asked(twin) == 3


async def test_a_websocket_that_opens_too_late_is_done_without() -> None:
    """Whoever stalls the handshake stalls HTTP as well: the reply fails in time."""
    twin = ElevenLabsTwin()
    async with speaking(twin, connect_s=0.05, silence_s=0.2, ready=0) as voice:
        twin.faults = Faults(stall_s=60)
        with pytest.raises(ProviderTimeout):
            await say(voice, *TEXTS)
        assert http_asked(twin) > 0


@pytest.mark.parametrize("kept", range(1, 14))
async def test_a_socket_lost_at_any_message(kept: int) -> None:
    """Every clause is said once and whole, or the reply fails after the part of a clause that was
    heard: never is anything said twice or left out."""
    twin = BreaksSockets(piece_ms=120)
    twin.faults = Faults(lose_after=kept)
    said: list[Speech] = []
    async with speaking(twin) as voice:
        failed = False
        try:
            await say(voice, *TEXTS, into=said)
        except ProviderLost:
            failed = True
    heard = letters_of(said)
    whole = ends_of(said)
    assert whole == list(range(len(whole)))
    assert heard[: len(whole)] == LETTERS[: len(whole)]
    if failed:
        assert len(heard) == len(whole) + 1
        assert heard[-1] <= LETTERS[len(whole)]
    else:
        assert whole == [0, 1, 2]


async def test_a_socket_lost_before_a_clause_sounds() -> None:
    """That clause and the rest are said over HTTP."""
    twin = ElevenLabsTwin(piece_ms=1000)
    twin.error, twin.error_after = "input_timeout_exceeded", 2  # audio and end of the first
    async with speaking(twin, contexts=1) as voice:
        said = await say(voice, *TEXTS)
    assert letters_of(said) == LETTERS
    assert ends_of(said) == [0, 1, 2]
    assert http_asked(twin) == 2


async def test_a_socket_lost_in_mid_clause() -> None:
    """The part that was heard stays heard; the reply fails, and nothing else is said."""
    twin = ElevenLabsTwin()
    twin.error, twin.error_after = "input_timeout_exceeded", 2
    said: list[Speech] = []
    async with speaking(twin) as voice:
        with pytest.raises(ProviderLost, match="input_timeout_exceeded"):
            await say(voice, *TEXTS, into=said)
    assert letters_of(said)[0] < LETTERS[0]
    assert ends_of(said) == []
    assert http_asked(twin) == 0


async def test_what_was_only_buffered_of_a_clause_is_said_again() -> None:
    """Nobody has heard it: it comes whole, over HTTP."""
    first_is_over, gate = trio.Event(), trio.Event()

    async def brain(text: str) -> bytes:
        if text.startswith("Two"):
            await first_is_over.wait()
        return await hum(text)

    async def hold(piece: Speech) -> None:
        await gate.wait()

    twin = ElevenLabsTwin(brain=brain)
    said: list[Speech] = []
    async with speaking(twin) as voice, trio.open_nursery() as nursery:
        nursery.start_soon(partial(say, voice, "One.", "Two and three.", into=said, hold=hold))
        await until(lambda: any("isFinal" in message for message in twin.sent))
        twin.error, twin.error_after = "input_timeout_exceeded", len(twin.sent) + 1
        first_is_over.set()
        await until(lambda: http_asked(twin) == 1)
        gate.set()
    assert letters_of(said) == [3, 11]
    assert ends_of(said) == [0, 1]


async def test_a_vendor_that_is_silent_on_the_socket() -> None:
    """HTTP is tried; that socket is used no more."""
    twin = ElevenLabsTwin()
    twin.is_mute = True
    async with speaking(twin, silence_s=0.1) as voice:
        said = await say(voice, *TEXTS)
        await until(lambda: twin.contexts == 0)
    assert letters_of(said) == LETTERS
    assert http_asked(twin) == 3


async def test_a_context_that_ends_without_a_sound_is_said_over_http() -> None:
    """The vendor drops texts when it is busy."""
    twin = ElevenLabsTwin()
    twin.is_hasty = True
    async with speaking(twin) as voice:
        assert letters_of(await say(voice, *TEXTS)) == LETTERS
    assert http_asked(twin) == 3


async def test_the_next_reply_has_a_websocket_again() -> None:
    """One loss is no reason to stay with HTTP."""
    twin = ElevenLabsTwin()
    twin.is_hasty = True
    async with speaking(twin) as voice:
        await say(voice, "Hello.")
        twin.is_hasty = False
        before = http_asked(twin)
        assert letters_of(await say(voice, *TEXTS)) == LETTERS
        assert http_asked(twin) == before


async def test_a_warm_socket_that_died_unnoticed() -> None:
    """It costs the reply nothing but the way."""

    class Dies(ElevenLabsTwin):
        async def converse(self, conversation: object) -> None:
            await trio.sleep(0.02)

    async with speaking(Dies()) as voice:
        await trio.sleep(0.05)
        assert letters_of(await say(voice, *TEXTS)) == LETTERS


# --- refusals ---


@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, ProviderRefused, "check ELEVENLABS_API_KEY"),
        (403, ProviderRefused, "check ELEVENLABS_API_KEY"),
        (402, ProviderRefused, "credit"),
        (429, ProviderBusy, "too much at once"),
    ],
)
async def test_a_refusal_is_told_at_once(
    transport: str, status: int, kind: type[ProviderError], words: str
) -> None:
    """HTTP is not tried after a websocket: the answer would be the same."""
    twin = ElevenLabsTwin()
    twin.faults = Faults(refuse=status)
    async with speaking(twin, transport=transport) as voice:
        with pytest.raises(kind, match=words) as raised:
            await say(voice, *TEXTS)
        assert type(raised.value) is kind
    if transport == "websocket":
        assert http_asked(twin) == 0


@BOTH_WAYS
async def test_a_wrong_key_is_told_and_not_shown(transport: str) -> None:
    async with speaking(ElevenLabsTwin(), key="a-secret", transport=transport) as voice:
        with pytest.raises(ProviderRefused, match="check ELEVENLABS_API_KEY") as raised:
            await say(voice, *TEXTS)
        assert "a-secret" not in f"{raised.value!r} {voice!r} {vars(voice)!r}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("quota_exceeded", ProviderRefused),
        ("detected_unusual_activity", ProviderRefused),
        ("too_many_concurrent_requests", ProviderBusy),
        ("max_active_conversations", ProviderBusy),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_frame_ends_the_reply(
    name: str, kind: type[ProviderError], after: int
) -> None:
    """Before a clause sounds and while it does; it is no end of a clause."""
    twin = ElevenLabsTwin()
    twin.error, twin.error_after = name, after
    said: list[Speech] = []
    async with speaking(twin) as voice:
        with pytest.raises(kind) as raised:
            await say(voice, *TEXTS, into=said)
        assert type(raised.value) is kind
    assert ends_of(said) == []
    assert http_asked(twin) == 0


@BOTH_WAYS
async def test_a_voice_that_does_not_exist(transport: str) -> None:
    twin = ElevenLabsTwin(voices=frozenset({"george"}))
    async with speaking(twin, voice="georg", transport=transport) as voice:
        with pytest.raises(ProviderRefused, match="voice_"):
            await say(voice, *TEXTS)
    async with speaking(ElevenLabsTwin(voices=frozenset({"george"})), voice="george") as voice:
        assert letters_of(await say(voice, *TEXTS)) == LETTERS


async def test_a_refusal_comes_after_what_was_said_before_it() -> None:
    """Whole clauses are heard first."""
    twin = ElevenLabsTwin(piece_ms=1000)
    twin.error, twin.error_after = "quota_exceeded", 2
    said: list[Speech] = []
    async with speaking(twin, contexts=1) as voice:
        with pytest.raises(ProviderRefused, match="quota"):
            await say(voice, *TEXTS, into=said)
    assert letters_of(said) == LETTERS[:1]
    assert ends_of(said) == [0]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Maximum simultaneous contexts exceeded (5).", ProviderBusy),
        ("A model with this id does not exist.", ProviderRefused),
    ],
)
async def test_a_close_code_without_an_error_frame(reason: str, kind: type[ProviderError]) -> None:
    twin = BreaksSockets()
    twin.faults = Faults(close_after=1, close_code=1008, close_reason=reason)
    async with speaking(twin) as voice:
        with pytest.raises(kind) as raised:
            await say(voice, *TEXTS)
        assert type(raised.value) is kind


# --- HTTP alone ---


async def test_an_answer_that_breaks_off_over_http() -> None:
    twin = ElevenLabsTwin()
    twin.faults = Faults(lose_after=2)
    said: list[Speech] = []
    async with speaking(twin, transport="http") as voice:
        with pytest.raises(ProviderLost, match="cannot be reached"):
            await say(voice, *TEXTS, into=said)
    assert letters_of(said)[0] < LETTERS[0]
    assert ends_of(said) == []


@BOTH_WAYS
async def test_nobody_is_there(transport: Literal["websocket", "http"]) -> None:
    """Neither for a websocket nor for HTTP."""
    twin = ElevenLabsTwin()
    async with open_twin(twin):
        settings = ElevenLabsSettings(base_url=twin.http_url, transport=transport)
    async with ElevenLabs(SecretStr("key"), settings) as voice:
        with pytest.raises(ProviderLost, match="elevenlabs cannot be reached"):
            await say(voice, *TEXTS)


async def test_silence_over_http_is_given_up() -> None:
    twin = ElevenLabsTwin()
    async with speaking(twin, transport="http", silence_s=0.1) as voice:
        twin.faults = Faults(stall_s=60)
        with pytest.raises(ProviderTimeout):
            await say(voice, *TEXTS)


class Says(ElevenLabsTwin):
    """Answers over HTTP with these lines, whatever it is asked for."""

    def __init__(self, *lines: bytes) -> None:
        super().__init__()
        self._lines = lines

    async def http(self, request: Request, reply: Reply) -> None:
        await reply.begin(200, {"content-type": "application/json"})
        for line in self._lines:
            await reply.piece(line + b"\n")
        await reply.end()


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"{}",),
        (b"<html>Bad gateway</html>", b'{"audio_base64": "VVV'),
        (b"17", b"null", b'"hm"'),
        (b'{"audio_base64": "VVVVV"}',),
        (b'{"audio_base64": 17}',),
        (b'{"audio_base64": "VVVV", "alignment": "Hello"}',),
        (b'{"audio_base64": "VVVV", "alignment": {"characters": [1]}}',),
        (
            b'{"audio_base64": "VVVV", "alignment": {"characters": ["H"],'
            b' "character_end_times_seconds": ["soon"]}}',
        ),
    ],
)
async def test_an_answer_that_is_none_is_no_clause(lines: tuple[bytes, ...]) -> None:
    """With a status of 200: another voice may say the clause."""
    said: list[Speech] = []
    async with speaking(Says(*lines), transport="http") as voice:
        with pytest.raises(ProviderLost, match="elevenlabs sent"):
            await say(voice, TEXTS[0], into=said)
    assert ends_of(said) == []


async def test_what_has_nothing_to_say_is_not_asked_for() -> None:
    """Without letters and digits a clause ends as it is."""
    twin = Says()
    async with speaking(twin, transport="http") as voice:
        assert ends_of(await say(voice, "…", "!")) == [0, 1]
    assert http_asked(twin) == 0


async def test_a_text_that_sounds_like_nothing_is_lost() -> None:
    """What the vendor has no sound for on the websocket it is asked for over HTTP; then another
    voice may say it."""

    async def mute(text: str) -> bytes:
        return b""

    twin = ElevenLabsTwin(brain=mute)
    async with speaking(twin, silence_s=0.1) as voice:
        with pytest.raises(ProviderLost, match="sent no sound"):
            await say(voice, "Hm.")
