"""A vendor's key is shown to that vendor and to nobody else, whatever the vendor does with it."""

from __future__ import annotations

import json
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
import trustme
from pydantic import SecretStr

from adapters.cartesia.settings import CartesiaSettings
from adapters.cartesia.voice import CartesiaVoice
from adapters.deepgram.settings import DeepgramSettings
from adapters.deepgram.speech_to_text import Deepgram
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.openai.transcription import OpenAiTranscriber
from adapters.secrets import quoted, revealed
from effects.choice import Choice
from effects.ports import (
    Clause,
    Frame,
    Message,
    Prompt,
    ProviderError,
    ProviderRefused,
    Sound,
    Speech,
)
from effects.spoken import clause_of
from engine.agents import agent_kit
from engine.config import load_config
from engine.errors import ConfigError
from engine.keys import VARIABLES
from engine.providers import Providers
from tests.twins.cartesia import CartesiaTwin
from tests.twins.deepgram import DeepgramTwin
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.openai import OpenAiTwin
from tests.twins.server import Conversation, Faults, Twin, open_twin

KEY = "sk-SECRET-5f1d0c3b7a9e4f62"
SAID = f"the key {KEY} is not one of ours"


Vendor = Callable[[str, str], Awaitable[None]]
"""One adapter: makes a provider for where its twin is, and has it do a little work."""


async def deepgram(http_url: str, ws_url: str, model: str = "nova-3") -> None:
    settings = DeepgramSettings(base_url=ws_url, model=model, reconnect_tries=0)
    async with Deepgram(SecretStr(KEY), settings) as recogniser:
        send, sound = trio.open_memory_channel[Sound](10)
        send.send_nowait(Frame(bytes(160), 0.0))
        held(recogniser)
        await recogniser.transcribe(sound, lambda _: None)


async def flux(http_url: str, ws_url: str) -> None:
    await deepgram(http_url, ws_url, "flux-general-en")


async def openai_chat(http_url: str, ws_url: str, api: Any = "chat") -> None:
    # A connection that is cancelled in its TLS handshake is left open by httpcore.
    ready = 0 if http_url.startswith("https") else 1
    settings = OpenAiSettings(base_url=f"{http_url}/v1", api=api, ready=ready)
    async with OpenAi(SecretStr(KEY), settings) as mind:
        held(mind)
        await mind.reply(Prompt("Be kind.", (Message("caller", "Hello?"),), ()), lambda _: None)


async def openai_responses(http_url: str, ws_url: str) -> None:
    await openai_chat(http_url, ws_url, "responses")


async def openai_transcription(http_url: str, ws_url: str) -> None:
    settings = TranscriptionSettings(base_url=f"{http_url}/v1", ready=0)
    async with OpenAiTranscriber(SecretStr(KEY), settings) as transcriber:
        held(transcriber)
        await transcriber.transcribe(bytes(8000))


async def elevenlabs(http_url: str, ws_url: str, transport: Any = "websocket") -> None:
    settings = ElevenLabsSettings(base_url=http_url, transport=transport)
    async with ElevenLabs(SecretStr(KEY), settings) as voice:
        await spoken(voice)


async def elevenlabs_http(http_url: str, ws_url: str) -> None:
    await elevenlabs(http_url, ws_url, "http")


async def cartesia(http_url: str, ws_url: str) -> None:
    async with CartesiaVoice(SecretStr(KEY), CartesiaSettings(base_url=ws_url)) as voice:
        await spoken(voice)


async def spoken(voice: ElevenLabs | CartesiaVoice) -> None:
    send, clauses = trio.open_memory_channel[Clause](1)
    send.send_nowait(clause_of(0, "Hello there."))
    send.close()

    async def take(_: Speech) -> None: ...

    held(voice)
    await voice.speak(clauses, take)


def openai_twin(key: str) -> OpenAiTwin:
    return OpenAiTwin(key=key)


VENDORS: list[tuple[Vendor, Callable[[str], Twin]]] = [
    (deepgram, DeepgramTwin),
    (flux, DeepgramTwin),
    (openai_chat, openai_twin),
    (openai_responses, openai_twin),
    (openai_transcription, openai_twin),
    (elevenlabs, ElevenLabsTwin),
    (elevenlabs_http, ElevenLabsTwin),
    (cartesia, CartesiaTwin),
]
each_vendor = pytest.mark.parametrize(("work", "make"), VENDORS)
over_websocket = pytest.mark.parametrize(
    ("work", "make"), [one for one in VENDORS if one[0] in (deepgram, flux, elevenlabs, cartesia)]
)

BODIES = [
    SAID,
    json.dumps({"error": {"message": SAID, "code": "rate_limit_exceeded", "type": KEY}}),
    json.dumps({"detail": {"status": "bad_request", "message": SAID}}),
    json.dumps({"err_code": KEY, "err_msg": SAID, "message": SAID}),
]


def held(provider: object) -> None:
    """Nothing that a person may look at while debugging shows the key."""
    seen = [repr(provider), str(provider), *map(repr, vars(provider).values())]
    assert [text for text in seen if KEY in text] == []


@asynccontextmanager
async def nothing_shown(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Choice[Any]]:
    """What the body raises is a ProviderError, and neither it, with all that led to it, nor any
    log says the key."""
    caplog.set_level(logging.DEBUG)
    failure: ProviderError | None = None

    class Named:
        name = "vendor"

    choice = Choice(Named())
    with structlog.testing.capture_logs() as logs:
        try:
            with trio.fail_after(10), choice.watched("vendor"):
                yield choice
        except ProviderError as error:
            failure = error
    assert failure is not None
    shown = [str(failure), repr(failure), repr(vars(failure))]
    shown += traceback.format_exception(failure)
    shown += [repr(log) for log in logs] + [record.getMessage() for record in caplog.records]
    for log in logs:
        if isinstance(log.get("exc_info"), BaseException):
            shown += traceback.format_exception(log["exc_info"])
    assert [text for text in shown if KEY in text] == []


@each_vendor
@pytest.mark.parametrize("body", BODIES, ids=["text", "openai", "elevenlabs", "deepgram"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
async def test_a_refusal_that_quotes_the_key(
    work: Vendor,
    make: Callable[[str], Twin],
    status: int,
    body: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With any status and in any form."""
    async with open_twin(make(KEY)) as twin, nothing_shown(caplog):
        twin.faults = Faults(refuse=status, saying=body)
        await work(twin.http_url, twin.ws_url)


@over_websocket
@pytest.mark.parametrize("code", [1008, 1011, 4000])
async def test_a_socket_that_is_closed_with_the_key_in_the_reason(
    work: Vendor, make: Callable[[str], Twin], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """By whatever code."""
    twin = make(KEY)

    async def converse(conversation: Conversation) -> None:
        await conversation.close(code, SAID)

    twin.converse = converse  # type: ignore[method-assign]
    if isinstance(twin, ElevenLabsTwin):  # its adapter would go on over HTTP, and succeed
        twin.http = refusing(twin)  # type: ignore[method-assign]
    async with open_twin(twin), nothing_shown(caplog):
        await work(twin.http_url, twin.ws_url)


@over_websocket
async def test_an_error_frame_that_quotes_the_key(
    work: Vendor, make: Callable[[str], Twin], caplog: pytest.LogCaptureFixture
) -> None:
    """In each vendor's own form, one after the other, and then the socket is closed."""
    twin = make(KEY)

    async def converse(conversation: Conversation) -> None:
        frames: list[dict[str, object]] = [
            {"type": "Warning", "code": "W", "description": SAID},
            {"type": "Error", "variant": "V", "description": SAID, "message": SAID, "code": "C"},
            {"type": "error", "status_code": 500, "done": True, "error": SAID},
            {"message": SAID, "error": "internal_error", "code": 1008},
        ]
        for frame in frames:
            await conversation.send(json.dumps(frame))
        await conversation.close(1011, SAID)

    twin.converse = converse  # type: ignore[method-assign]
    if isinstance(twin, ElevenLabsTwin):
        twin.http = refusing(twin)  # type: ignore[method-assign]
    async with open_twin(twin), nothing_shown(caplog):
        await work(twin.http_url, twin.ws_url)


def refusing(twin: Twin) -> Callable[..., Any]:
    """An HTTP service that quotes the key, too."""

    async def http(request: object, reply: Any) -> None:
        await reply.whole(500, json.dumps({"detail": SAID}).encode())

    return http


@each_vendor
async def test_an_answer_that_is_none(
    work: Vendor, make: Callable[[str], Twin], caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is not the vendor's and sends the key back as its answer."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]

        async def echo(stream: trio.SocketStream) -> None:
            with trio.move_on_after(0.2):
                await stream.send_all(bytes(await stream.receive_some(65536)))

        nursery.start_soon(trio.serve_listeners, echo, listeners)
        async with nothing_shown(caplog):
            await work(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
        nursery.cancel_scope.cancel()


@each_vendor
async def test_a_server_that_cannot_prove_who_it_is(
    work: Vendor, make: Callable[[str], Twin], caplog: pytest.LogCaptureFixture
) -> None:
    """Its certificate is nobody's: it is not sent the key in the first place."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    twin = make(KEY)
    async with open_twin(twin, tls=tls), nothing_shown(caplog):
        await work(twin.http_url, twin.ws_url)
    assert twin.requests == []


@each_vendor
async def test_nobody_there(
    work: Vendor, make: Callable[[str], Twin], caplog: pytest.LogCaptureFixture
) -> None:
    """The port is closed."""
    async with open_twin(make(KEY)) as twin:
        urls = twin.http_url, twin.ws_url
    async with nothing_shown(caplog):
        await work(*urls)


# --- keys that cannot be sent, and configurations -------------------------------------------


@pytest.mark.parametrize("key", [f"{KEY}\r\nx-other: 1", f"{KEY}é", f"{KEY}\0"])
def test_a_key_that_cannot_be_sent_is_named_and_not_quoted(key: str) -> None:
    """What a header cannot hold is refused before a library quotes it."""
    with pytest.raises(ProviderRefused, match="SOME_API_KEY") as caught:
        revealed(SecretStr(key), "SOME_API_KEY")
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_the_line_end_of_a_file_is_no_part_of_a_key() -> None:
    """Nor are blanks around it."""
    assert revealed(SecretStr(f" {KEY}\n"), "SOME_API_KEY") == KEY


def test_a_key_is_left_out_before_a_quotation_is_cut() -> None:
    """No half of it is left at the end."""
    revealed(SecretStr(KEY), "SOME_API_KEY")
    assert "SECRET" not in quoted("x" * 190 + KEY)


def test_a_configuration_with_keys_shows_none(tmp_path: Path) -> None:
    """Neither the configuration nor the providers that it makes, in any form."""
    path = tmp_path / "antiphon.toml"
    keys = "\n".join(f'{vendor} = "{KEY}"' for vendor in VARIABLES)
    path.write_text(f"[keys]\n{keys}\n")
    config = load_config(path)
    providers = Providers(config, agent_kit("parcel"), {})
    assert "elevenlabs or else cartesia" in str(providers)
    for shown in (config, config.keys, providers, vars(providers)):
        assert KEY not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    "text",
    [
        f'keys = "{KEY}"',
        f'[keys]\nopenai = ["{KEY}"]',
        f'[keys]\n{KEY} = "x"',
        f"[keys]\nopenai = {KEY}",
        f'[keys]\ncartesia = "{KEY}é"',
    ],
    ids=["not a table", "a list", "the wrong way round", "unquoted", "not a key"],
)
def test_a_wrong_configuration_is_told_without_the_key(text: str, tmp_path: Path) -> None:
    """People paste keys wrongly."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Providers(load_config(path), agent_kit("parcel"), {})
    assert KEY not in str(caught.value)
