"""ElevenLabs' twin keeps to the vendor's rules, by which the adapter is judged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.types import FinalOutputMulti

from adapters.elevenlabs.errors import VENDOR
from adapters.elevenlabs.messages import close_context, open_context, send_text, socket_url
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.sockets import Endpoint, Socket, SocketClosed, open_socket
from tests.twins.elevenlabs import ElevenLabsTwin, hum
from tests.twins.server import open_twin


@asynccontextmanager
async def talking(twin: ElevenLabsTwin, **changes: Any) -> AsyncIterator[Socket]:
    """A raw socket to a twin."""
    async with open_twin(twin):
        settings = ElevenLabsSettings(base_url=twin.http_url, **changes)
        endpoint = Endpoint(VENDOR, socket_url(settings), "KEY", {"xi-api-key": twin.key})
        async with open_socket(endpoint) as socket:
            yield socket


async def heard(socket: Socket) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.receive())
    return message


def opening(context: str) -> str:
    return open_context(context, ElevenLabsSettings())


async def close_reason(socket: Socket) -> str:
    with pytest.raises(SocketClosed) as closed:
        await socket.receive()
    assert closed.value.code == 1008
    return closed.value.reason


async def test_a_flush_is_not_answered_and_a_close_is() -> None:
    """One ``isFinal``, after the audio: so the end of a text within a context is not known."""
    twin = ElevenLabsTwin(piece_ms=1000)
    async with talking(twin) as socket:
        await socket.send(opening("a"))
        await socket.send(send_text("a", "One."))
        await socket.send(send_text("a", "Two."))
        assert [(await heard(socket))["contextId"] for _ in range(2)] == ["a", "a"]
        await socket.send(close_context("a"))
        final = await heard(socket)
        assert final == {"isFinal": True, "contextId": "a"}
        assert FinalOutputMulti.model_validate(final).context_id == "a"


async def test_a_context_that_sounds_is_said_to_its_end_after_its_close() -> None:
    """Late audio: whoever closed it has to drop that."""
    async with talking(ElevenLabsTwin()) as socket:
        await socket.send(opening("a"))
        await socket.send(send_text("a", "Hello, Ann."))
        await heard(socket)
        await socket.send(close_context("a"))
        late = await heard(socket)
        assert late["audio"]
        while "isFinal" not in late:
            late = await heard(socket)


async def test_a_context_that_is_closed_before_it_sounds_is_dropped() -> None:
    """The vendor does so when it is busy; the twin always does."""
    twin = ElevenLabsTwin(first_byte_s=0.02)
    async with talking(twin) as socket:
        for message in (opening("a"), send_text("a", "Hello."), close_context("a")):
            await socket.send(message)
        assert await heard(socket) == {"isFinal": True, "contextId": "a"}
        assert twin.said == []


async def test_text_waits_for_a_flush_unless_in_auto_mode() -> None:
    """What was not flushed when its context is closed is dropped."""
    twin = ElevenLabsTwin()
    async with talking(twin, auto_mode=False) as socket:
        await socket.send(json.dumps({"text": "One. ", "context_id": "a"}))
        await socket.send(close_context("a"))
        assert await heard(socket) == {"isFinal": True, "contextId": "a"}
    async with talking(twin, auto_mode=True) as socket:
        await socket.send(json.dumps({"text": "Two. ", "context_id": "a"}))
        assert (await heard(socket))["audio"]
    assert twin.said == ["Two. "]


async def test_a_sixth_context_ends_the_socket() -> None:
    twin = ElevenLabsTwin()
    async with talking(twin) as socket:
        for name in "abcdef":
            await socket.send(opening(name))
        assert (await heard(socket))["error"] == "max_active_conversations"
        assert "Maximum simultaneous contexts" in await close_reason(socket)
    assert twin.contexts_most == 5


async def test_a_silence_ends_the_socket() -> None:
    """An empty text keeps a context alive."""
    twin = ElevenLabsTwin()
    twin.inactivity_s = 0.05
    async with talking(twin) as socket:
        await socket.send(opening("a"))
        await socket.send(json.dumps({"text": "", "context_id": "a"}))
        assert (await heard(socket))["error"] == "input_timeout_exceeded"
        assert "Have not received a new text input" in await close_reason(socket)
    assert twin.said == []


async def test_voice_settings_come_first_or_not_at_all() -> None:
    async with talking(ElevenLabsTwin()) as socket:
        await socket.send(opening("a"))
        await socket.send(opening("a"))
        assert "first message" in await close_reason(socket)


async def test_a_socket_that_is_closed_in_form_says_what_was_flushed() -> None:
    async with talking(ElevenLabsTwin(piece_ms=1000)) as socket:
        await socket.send(send_text("a", "Hello."))
        assert (await heard(socket))["audio"]
        await socket.send(json.dumps({"close_socket": True}))
        assert await heard(socket) == {"isFinal": True, "contextId": "a"}
        with pytest.raises(SocketClosed, match="1000"):
            await socket.receive()


async def test_the_sdk_streams_from_it() -> None:
    """Plain audio, as whoever uses the twin by hand may ask for."""
    twin = ElevenLabsTwin(piece_ms=100)
    async with open_twin(twin), httpx.AsyncClient() as client:
        sdk = AsyncElevenLabs(api_key=twin.key, base_url=twin.http_url, httpx_client=client)
        chunks = sdk.text_to_speech.stream(
            "voice",
            text="Hello, Ann.",
            output_format="ulaw_8000",
            request_options={"chunk_size": 160, "max_retries": 0},
        )
        async with aclosing(chunks) as stream:
            audio = b"".join([chunk async for chunk in stream])
    assert audio == await hum("Hello, Ann.")
