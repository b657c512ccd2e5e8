"""What the vendors' adapters cost: beside a raw socket, and at the start.

    python -m bench.adapters

The figures of :mod:`bench.vendors_deepgram`, :mod:`bench.vendors_openai`,
:mod:`bench.vendors_elevenlabs` and :mod:`bench.vendors_cartesia`, each with the vendor's twin at
the other end, and how long a service takes to start that has them all. About a minute.
(:mod:`bench.vendors_whisper` has figures of its own: it plays recordings in real time.)
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from bench import vendors_cartesia, vendors_deepgram, vendors_elevenlabs, vendors_openai
from bench.report import Figure, at_most, finish, this_machine
from bench.startup import RUNS, ready_s
from tests.twins.cartesia import CartesiaTwin
from tests.twins.deepgram import DeepgramTwin
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.openai import OpenAiTwin
from tests.twins.server import open_twin

MEASURES: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "deepgram": vendors_deepgram.measure,
    "openai": vendors_openai.measure,
    "elevenlabs": vendors_elevenlabs.measure,
    "cartesia": vendors_cartesia.measure,
}

CONFIG = """
port = 0
calls = "{folder}"
data = "{folder}"
speech_to_text = ["deepgram"]
language_model = ["openai"]
voice = ["elevenlabs", "cartesia"]

[keys]
deepgram = "twin-key"
openai = "twin-key"
elevenlabs = "twin-key"
cartesia = "twin-key"

[deepgram]
base_url = "{deepgram}"

[openai]
base_url = "{openai}/v1"

[elevenlabs]
base_url = "{elevenlabs}"

[cartesia]
base_url = "{cartesia}"
"""


async def start() -> list[Figure]:
    """Start a service with all vendors a few times, each time in a fresh process."""
    async with (
        open_twin(DeepgramTwin()) as deepgram,
        open_twin(OpenAiTwin()) as openai,
        open_twin(ElevenLabsTwin()) as elevenlabs,
        open_twin(CartesiaTwin()) as cartesia,
    ):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "antiphon.toml"
            config.write_text(
                CONFIG.format(
                    folder=folder,
                    deepgram=deepgram.ws_url,
                    openai=openai.http_url,
                    elevenlabs=elevenlabs.http_url,
                    cartesia=cartesia.ws_url,
                ),
                encoding="utf-8",
            )
            serve = ["-c", "from engine.cli import main; main()", "serve", "--config", str(config)]
            runs = [await trio.to_thread.run_sync(ready_s, serve) for _ in range(RUNS)]
    how = f"process start to listening, vendors at their twins, median of {RUNS}"
    return [at_most("start to ready, all vendors", statistics.median(runs), "s", 1.0, how)]


async def measure() -> list[Figure]:
    """All of it, one after the other."""
    figures = await start()
    for vendor, one in MEASURES.items():
        figures += [named(vendor, figure) for figure in await one()]
    return figures


def named(vendor: str, figure: Figure) -> Figure:
    """The figure under a name that says whose it is."""
    if figure.name.lower().startswith(vendor):
        return figure
    return at_most(f"{vendor}, {figure.name}", figure.value, figure.unit, figure.budget, figure.how)


if __name__ == "__main__":
    finish("adapters", this_machine(), trio.run(measure))
