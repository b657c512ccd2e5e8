"""Deepgram's twin does what the documentation says Deepgram does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from adapters.deepgram.settings import DeepgramSettings
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.sockets import Endpoint, Socket, SocketClosed, open_socket
from effects.ports import ProviderRefused
from states import mulaw
from tests.deepgram_kit import FLUX, NOVA, Caller, calling
from tests.sockets_kit import SOON_S
from tests.speech import two_cities
from tests.twins.deepgram import DeepgramTwin, spoken
from tests.twins.server import open_twin

NOVA_PATH = "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000"
FLUX_PATH = "/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000"
QUIET = mulaw.SILENCE * 8 * 1000


@asynccontextmanager
async def connected(twin: DeepgramTwin, path: str = NOVA_PATH) -> AsyncIterator[Socket]:
    headers = {"Authorization": f"Token {twin.key}"}
    async with open_twin(twin):
        at = Endpoint("deepgram", twin.ws_url + path, "DEEPGRAM_API_KEY", headers)
        with trio.fail_after(SOON_S):
            async with open_socket(at) as socket:
                yield socket


async def message(socket: Socket, kind: str, **having: object) -> dict[str, object]:
    """The next message of a type that has all of this in it."""
    while True:
        found: dict[str, object] = json.loads(await socket.receive())
        if found["type"] == kind and having.items() <= found.items():
            return found


async def hung_up(socket: Socket) -> SocketClosed:
    try:
        while True:
            await socket.receive()
    except SocketClosed as closed:
        return closed


async def test_finalize_is_answered_with_the_final_words() -> None:
    async with connected(DeepgramTwin()) as socket:
        await socket.send(spoken("one"))
        await socket.send('{"type": "Finalize"}')
        found = await message(socket, "Results", is_final=True)
        assert found["from_finalize"]
        assert "one" in json.dumps(found["channel"])


async def test_close_stream_is_answered_with_the_rest_and_a_summary() -> None:
    async with connected(DeepgramTwin()) as socket:
        await socket.send(spoken("one"))
        await socket.send('{"type": "CloseStream"}')
        await message(socket, "Results", is_final=True)
        assert (await message(socket, "Metadata"))["duration"] == 0.2
        assert (await hung_up(socket)).code == 1000


async def test_an_utterance_ends_a_while_after_its_last_word() -> None:
    async with connected(DeepgramTwin(), NOVA_PATH + "&utterance_end_ms=1000") as socket:
        await socket.send(spoken("one") + QUIET + QUIET)
        final = await message(socket, "Results", is_final=True, speech_final=True)
        ended = await message(socket, "UtteranceEnd")
        assert ended["last_word_end"] == final["duration"]


async def test_silence_is_final_too() -> None:
    async with connected(DeepgramTwin()) as socket:
        await socket.send(QUIET * 3)
        assert (await message(socket, "Results", is_final=True))["duration"] == 3.0


@pytest.mark.parametrize("idle", [[], ['{"type": "KeepAlive"}']])
async def test_a_client_without_audio_is_hung_up_on(idle: list[str]) -> None:
    """KeepAlive alone does not help."""
    async with connected(DeepgramTwin(idle_s=0.1)) as socket:
        for keep_alive in idle:
            await socket.send(keep_alive)
        closed = await hung_up(socket)
        assert (closed.code, "net0001" in closed.reason) == (1011, True)


@pytest.mark.parametrize("audio", [b"", b"RIFF" + bytes(100)])
async def test_what_is_no_raw_audio_is_not_decoded(audio: bytes) -> None:
    async with connected(DeepgramTwin()) as socket:
        await socket.send(audio)
        closed = await hung_up(socket)
        assert (closed.code, "data0000" in closed.reason) == (1008, True)


async def test_nova_takes_what_it_does_not_understand_with_an_error() -> None:
    async with connected(DeepgramTwin()) as socket:
        await socket.send("what?")
        assert (await message(socket, "Error"))["variant"] == "SchemaError"
        await socket.send('{"type": "CloseStream"}')
        await message(socket, "Metadata")


async def test_flux_hangs_up_over_what_it_does_not_understand() -> None:
    """A KeepAlive is such a thing."""
    async with connected(DeepgramTwin(), FLUX_PATH) as socket:
        await socket.send('{"type": "KeepAlive"}')
        await message(socket, "Error")
        await hung_up(socket)


async def test_flux_does_not_end_the_turn_when_the_stream_is_closed() -> None:
    """And closes without a status."""
    async with connected(DeepgramTwin(), FLUX_PATH) as socket:
        assert (await message(socket, "Connected"))["sequence_id"] == 0
        await socket.send(spoken("one two"))
        await socket.send('{"type": "CloseStream"}')
        await message(socket, "TurnInfo", event="StartOfTurn", transcript="one")
        await message(socket, "TurnInfo", event="Update", transcript="one two")
        closed = await hung_up(socket)
        assert closed.code == 1005


async def test_flux_ends_a_turn_when_it_is_told_to() -> None:
    async with connected(DeepgramTwin(), FLUX_PATH) as socket:
        await socket.send(spoken("one two"))
        await socket.send('{"type": "ForceEndTurn"}')
        ended = await message(socket, "TurnInfo", event="EndOfTurn")
        assert (ended["transcript"], ended["trigger"]) == ("one two", "manual")
        await socket.send('{"type": "ForceEndTurn"}')
        await message(socket, "Warning")


@pytest.mark.parametrize(
    ("path", "key", "words"),
    [
        (NOVA_PATH, "wrong", "DEEPGRAM_API_KEY"),
        (FLUX_PATH.replace("v2", "v1"), "twin-key", "No such model"),
        (NOVA_PATH.replace("v1", "v2"), "twin-key", "No such model"),
    ],
)
async def test_who_it_refuses(path: str, key: str, words: str) -> None:
    async with open_twin(DeepgramTwin()) as twin:
        headers = {"Authorization": f"Token {key}"}
        at = Endpoint("deepgram", twin.ws_url + path, "DEEPGRAM_API_KEY", headers)
        with pytest.raises(ProviderRefused, match=words):
            async with open_socket(at):
                pass


@pytest.mark.parametrize("settings", [NOVA, FLUX])
async def test_any_gated_recogniser_can_be_its_brain(settings: DeepgramSettings) -> None:
    """Here the embedded one, which hears real speech."""
    async with EmbeddedSpeechToText() as recogniser:
        twin = DeepgramTwin(brain=recogniser.transcribe)
        async with open_twin(twin), calling(twin, settings) as caller:
            await says(caller, two_cities(4000))
    assert "best of times" in caller.text.lower()


async def says(caller: Caller, audio: bytes) -> None:
    caller.sounds(audio)
    caller.speech_over()
    with trio.fail_after(30):
        await caller.over.wait()
