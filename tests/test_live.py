"""The vendors themselves, once each: that what the twins are taken for is still so.

    pytest -m live

Each test needs its vendor's key in the environment and is skipped without it. They cost next to
nothing: three seconds of speech, a sentence of a reply, a sentence spoken. The limits of time are
generous: what is late is not what is tested here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest
import trio
from pydantic import BaseModel, SecretStr

from adapters.cartesia.voice import CartesiaVoice
from adapters.deepgram.settings import DeepgramSettings
from adapters.deepgram.speech_to_text import Deepgram
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.text_to_speech import ElevenLabs
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.openai.transcription import OpenAiTranscriber
from adapters.twilio.wav import read_caller_wav
from effects.ports import (
    Clause,
    Frame,
    Heard,
    Message,
    Offset,
    Prompt,
    Sound,
    Speech,
    TextDelta,
    TextToSpeech,
    ToolCall,
    ToolSpec,
)
from effects.spoken import clause_of
from effects.toolkit import strict_schema
from engine.keys import VARIABLES
from states.mulaw import BYTES_PER_MS, SILENCE

pytestmark = pytest.mark.live

LIMIT_S = 60.0
FRAME_MS = 20
CLIP = Path(str(files("engine").joinpath("demo_call/1-customer-support.wav")))
"""Somebody says that they would like to speak to customer support."""


def needs(vendor: str) -> pytest.MarkDecorator:
    """Skips a test where there is no key."""
    variable = VARIABLES[vendor]
    reason = f"{variable} is not set: {vendor} cannot be asked"
    return pytest.mark.skipif(not os.environ.get(variable, "").strip(), reason=reason)


def key_of(vendor: str) -> SecretStr:
    """The key."""
    return SecretStr(os.environ[VARIABLES[vendor]].strip())


# --- speech-to-text -------------------------------------------------------------------------


@needs("deepgram")
@pytest.mark.parametrize("model", ["nova-3", "flux-general-en"])
async def test_deepgram_transcribes(model: str) -> None:
    """A recording in real time, by each of the two protocols: its words are final in the end."""
    key = key_of("deepgram")
    heard: list[Heard] = []
    send, sound = trio.open_memory_channel[Sound](1000)
    with trio.fail_after(LIMIT_S):
        async with (
            Deepgram(key, DeepgramSettings(model=model)) as recogniser,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_speak, send)
            await recogniser.transcribe(sound, heard.append)
    finals = " ".join(words.text for words in heard if words.final).lower()
    assert "customer" in finals
    assert "support" in finals


async def _speak(send: trio.MemorySendChannel[Sound]) -> None:
    clip, at_ms = read_caller_wav(CLIP) + SILENCE * 1500 * BYTES_PER_MS, 0.0
    async with send:
        for first in range(0, len(clip), FRAME_MS * BYTES_PER_MS):
            await send.send(Frame(clip[first : first + FRAME_MS * BYTES_PER_MS], at_ms))
            at_ms += FRAME_MS
            await trio.sleep(FRAME_MS / 1000)
        await send.send(Offset(at_ms))


@needs("openai")
async def test_openai_transcribes() -> None:
    """The same recording at once."""
    key = key_of("openai")
    with trio.fail_after(LIMIT_S):
        async with OpenAiTranscriber(key, TranscriptionSettings(language="en")) as transcriber:
            transcription = await transcriber.transcribe(read_caller_wav(CLIP))
    assert "customer support" in str(transcription).lower()


# --- language models ------------------------------------------------------------------------


class FindOrder(BaseModel):
    """Look an order up by its number."""

    order_number: str


FIND = ToolSpec("find_order", "Look an order up by its number.", strict_schema(FindOrder))
PROMPT = Prompt(
    "Look the order up before you answer.",
    (Message("caller", "Where is my order 29340?"),),
    (FIND,),
)


@needs("openai")
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_openai_replies_and_asks_for_a_tool(api: Literal["chat", "responses"]) -> None:
    """First for the tool, and with its result in words; both cost tokens that are counted."""
    key = key_of("openai")
    asked: list[TextDelta | ToolCall] = []
    answered: list[TextDelta | ToolCall] = []
    with trio.fail_after(LIMIT_S):
        async with OpenAi(key, OpenAiSettings(api=api, max_tokens=200)) as mind:
            usage = await mind.reply(PROMPT, asked.append)
            (call,) = (piece for piece in asked if isinstance(piece, ToolCall))
            result = (
                Message("agent", "", call),
                Message("tool", '{"status": "it left Memphis this morning"}', call),
            )
            await mind.reply(
                Prompt(PROMPT.instructions, (*PROMPT.messages, *result), PROMPT.tools),
                answered.append,
            )
    assert call.name == "find_order"
    assert "29340" in call.arguments
    assert "Memphis" in "".join(one.text for one in answered if isinstance(one, TextDelta))
    assert usage.tokens_in > 0
    assert usage.tokens_out > 0
    assert usage.request_id


# --- voices ---------------------------------------------------------------------------------


@needs("elevenlabs")
@pytest.mark.parametrize("transport", ["websocket", "http"])
async def test_elevenlabs_speaks(transport: Literal["websocket", "http"]) -> None:
    """Two clauses, in order, each with its sound and its end."""
    voice = ElevenLabs(key_of("elevenlabs"), ElevenLabsSettings(transport=transport))
    _said_well(await _said(voice))


@needs("cartesia")
async def test_cartesia_speaks() -> None:
    """As above."""
    _said_well(await _said(CartesiaVoice(key_of("cartesia"))))


async def _said(voice: TextToSpeech) -> Sequence[Speech]:
    pieces: list[Speech] = []
    send, clauses = trio.open_memory_channel[Clause](2)
    send.send_nowait(clause_of(0, "Your parcel left Memphis."))
    send.send_nowait(clause_of(1, "It is due on Thursday."))
    send.close()

    async def take(piece: Speech) -> None:
        pieces.append(piece)

    with trio.fail_after(LIMIT_S):
        async with voice:
            await voice.speak(clauses, take)
    return pieces


def _said_well(pieces: Sequence[Speech]) -> None:
    assert [piece.clause for piece in pieces if piece.ends_clause] == [0, 1]
    for clause in (0, 1):
        sound = b"".join(piece.mulaw for piece in pieces if piece.clause == clause)
        assert 500 < len(sound) / BYTES_PER_MS < 6000
        assert len(set(sound)) > 20, "it is not silence"
