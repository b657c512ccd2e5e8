"""How long from starting the process to taking calls.

    python -m bench.startup

Each figure is the median of a few fresh processes: the embedded stack with all its models, a
service whose providers are vendors (their twins answer, in this process, and are there before), and
of it the engine alone (chart, checker, front). Modules are compiled before, as where the engine is
installed: the first process of each is not counted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trio

from bench.report import Figure, at_most, finish, this_machine
from tests.twins.deepgram import DeepgramTwin
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.openai import OpenAiTwin
from tests.twins.server import open_twin

RUNS = 5

ANTIPHON = ["-c", "from engine.cli import main; main()"]

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}

EMBEDDED = """
port = 0
calls = "{folder}"
data = "{folder}"
speech_to_text = ["embedded"]
language_model = ["agent"]
voice = ["embedded"]
"""

VENDORS = """
port = 0
calls = "{folder}"
data = "{folder}"
speech_to_text = ["deepgram"]
language_model = ["openai"]
voice = ["elevenlabs"]

[keys]
deepgram = "twin-key"
openai = "twin-key"
elevenlabs = "twin-key"

[deepgram]
base_url = "{deepgram}"

[openai]
base_url = "{openai}/v1"

[elevenlabs]
base_url = "{elevenlabs}"
"""

ENGINE_ALONE = """
import trio
from adapters.front.server import serve
from engine.chart import default_chart_path, load_chart
from engine.check import check
from engine.machine import Machine
from engine.vocabulary import VOCABULARY
import engine.session
from states.agent import Agent
from states.call import Call
from states.settings import Settings

chart = load_chart(default_chart_path(), VOCABULARY)
check(chart)
Machine(chart, Call(Settings(), Agent("", "", "", (), "", "", "", "", ())))

async def on_call(carrier): ...

async def main():
    async with trio.open_nursery() as nursery:
        at = await nursery.start(lambda task_status: serve(
            "127.0.0.1", 0, on_call=on_call, task_status=task_status))
        print(f"ws://127.0.0.1:{at.port}", flush=True)

trio.run(main)
"""


def measure() -> list[Figure]:
    """Start each a few times."""
    how = f"process start to listening, median of {RUNS}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "antiphon.toml"
        config.write_text(EMBEDDED.format(folder=folder), encoding="utf-8")
        embedded_s = median_s(lambda: ready_s([*ANTIPHON, "serve", "--config", str(config)]))
    alone_s = median_s(lambda: ready_s(["-c", ENGINE_ALONE]))
    vendors_s = trio.run(with_vendors_s)
    help_s = median_s(lambda: run_s([*ANTIPHON, "--help"]))
    twins = f"{how}; Deepgram, OpenAI and ElevenLabs are their twins"
    return [
        at_most("start to ready, engine alone", alone_s, "s", 1.0, how),
        at_most("start to ready, vendors", vendors_s, "s", 1.0, twins),
        at_most("start to ready, embedded models", embedded_s, "s", 3.0, how),
        at_most("antiphon --help", help_s, "s", None, f"the whole process, median of {RUNS}"),
    ]


async def with_vendors_s() -> float:
    """Start a service with vendors a few times, in fresh processes; their twins are here."""
    async with (
        open_twin(DeepgramTwin()) as deepgram,
        open_twin(OpenAiTwin()) as openai,
        open_twin(ElevenLabsTwin()) as elevenlabs,
    ):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "antiphon.toml"
            text = VENDORS.format(
                folder=folder,
                deepgram=deepgram.ws_url,
                openai=openai.http_url,
                elevenlabs=elevenlabs.http_url,
            )
            config.write_text(text, encoding="utf-8")
            serve = [*ANTIPHON, "serve", "--config", str(config)]
            return await trio.to_thread.run_sync(median_s, lambda: ready_s(serve))


def median_s(once: Callable[[], float]) -> float:
    """The median of a few runs after a first one, which compiles modules and is not counted."""
    once()
    return statistics.median(once() for _ in range(RUNS))


def ready_s(arguments: list[str]) -> float:
    """Start Python with these arguments and wait until it says where it listens."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "ws://" in line:
                break
        else:
            raise RuntimeError("the engine ended before it listened")
        ready_s = time.perf_counter() - began
        process.terminate()
    return ready_s


def run_s(arguments: list[str]) -> float:
    """Run Python with these arguments to its end."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, env=ENVIRONMENT, check=True
    )
    return time.perf_counter() - began


def main() -> None:
    """Measure, save and show."""
    machine = this_machine()
    finish("startup", machine, measure())


if __name__ == "__main__":
    main()
