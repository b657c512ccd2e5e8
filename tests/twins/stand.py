"""The twins as a production path without vendors: each does its work with an embedded model.

Deepgram's transcribes with Moonshine, OpenAI's answers as the parcel desk, ElevenLabs' and
Cartesia's speak with the embedded voice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType

from adapters.embedded.mind import ParcelMind
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.embedded.text_to_speech import EmbeddedVoice
from adapters.silero.vad import SileroVad
from effects.phrases import render_line
from tests.twins.cartesia import CartesiaTwin
from tests.twins.deepgram import DeepgramTwin
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.openai import OpenAiTwin
from tests.twins.server import Twin, open_twin

KEY = "twin-key"
"""The one key that the twins take."""

PORTS: Mapping[str, int] = MappingProxyType(
    {"deepgram": 8771, "openai": 8772, "elevenlabs": 8773, "cartesia": 8774}
)
"""The vendors that have a twin, and the ports of their twins."""


@asynccontextmanager
async def open_twins(names: Sequence[str], ports: Mapping[str, int]) -> AsyncIterator[list[Twin]]:
    """Serve twins of these vendors on localhost, with what they need loaded. Raises OSError for a
    port that is taken, and what the models raise."""
    async with AsyncExitStack() as stack:
        twins = [await _with_brain(name, stack) for name in names]
        for twin in twins:
            await stack.enter_async_context(open_twin(twin, port=ports[twin.name]))
        yield twins


async def _with_brain(name: str, stack: AsyncExitStack) -> Twin:
    match name:
        case "deepgram":
            recogniser = await stack.enter_async_context(EmbeddedSpeechToText())
            vad = await stack.enter_async_context(SileroVad())
            return DeepgramTwin(KEY, brain=recogniser.transcribe, vad=vad.stream)
        case "openai":
            return OpenAiTwin(ParcelMind(), key=KEY)
    voice = await stack.enter_async_context(EmbeddedVoice())

    async def speak(text: str) -> bytes:
        return await render_line(text, voice)

    if name == "elevenlabs":
        return ElevenLabsTwin(KEY, brain=speak)
    return CartesiaTwin(KEY, brain=speak)


def configuration(ports: Mapping[str, int]) -> str:
    """An ``antiphon.toml`` that points an engine at the twins of all vendors, with the embedded
    providers behind them."""
    lists = {
        "speech_to_text": '["deepgram", "embedded"]',
        "language_model": '["openai", "agent"]',
        "voice": '["elevenlabs", "cartesia", "embedded"]',
    }
    urls = {
        "deepgram": f"ws://localhost:{ports['deepgram']}",
        "openai": f"http://localhost:{ports['openai']}/v1",
        "elevenlabs": f"http://localhost:{ports['elevenlabs']}",
        "cartesia": f"ws://localhost:{ports['cartesia']}",
    }
    lines = [f"{port} = {names}" for port, names in lists.items()]
    lines += ["", "[keys]", *(f'{name} = "{KEY}"' for name in ports)]
    for name, url in urls.items():
        lines += ["", f"[{name}]", f'base_url = "{url}"']
    return "\n".join(lines) + "\n"
