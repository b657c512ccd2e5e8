"""How long from starting the process to taking calls.

    python -m bench.startup

Each figure is the median of a few fresh processes: the embedded stack with all its models, and
the engine alone (chart, checker, front), as it is when the providers are vendors.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from bench.report import Figure, at_most, finish, this_machine

RUNS = 5

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
    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/antiphon.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'port = 0\ncalls = "{folder}"\ndata = "{folder}"\n')
        serve = ["-c", "from engine.cli import main; main()", "serve", "--config", config]
        embedded_s = statistics.median(ready_s(serve) for _ in range(RUNS))
    alone_s = statistics.median(ready_s(["-c", ENGINE_ALONE]) for _ in range(RUNS))
    how = f"process start to listening, median of {RUNS}"
    return [
        at_most("start to ready, engine alone", alone_s, "s", 1.0, how),
        at_most("start to ready, embedded models", embedded_s, "s", 3.0, how),
    ]


def ready_s(arguments: list[str]) -> float:
    """Start Python with these arguments and wait until it says where it listens."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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


def main() -> None:
    """Measure, save and show."""
    machine = this_machine()
    finish("startup", machine, measure())


if __name__ == "__main__":
    main()
