"""Starts the engine under measurement as a process, and reads from outside what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import trio

READY_S = 60.0
STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the process has used: CPU seconds; seconds its main thread was ready to run and
    other programs had its core; resident memory in kB."""

    cpu_s: float
    waited_s: float
    rss_kb: float


@dataclass
class EngineProcess:
    """The running engine. ``ready_at`` is the time of day at which it took calls."""

    process: subprocess.Popen[str]
    port: int
    ready_at: float
    rss_peak_kb: float = 0.0

    @property
    def url(self) -> str:
        """Where to call it."""
        return f"ws://127.0.0.1:{self.port}/media"

    def cost(self) -> Cost:
        """What it has cost up to now."""
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        return Cost(times.user + times.system, self._waited_s(), process.memory_info().rss / 1024)

    def _waited_s(self) -> float:
        try:
            fields = Path(f"/proc/{self.process.pid}/schedstat").read_text().split()
        except OSError:
            return 0.0  # this kernel does not say
        return int(fields[1]) / 1e9

    def begin(self) -> None:
        """Start its own readings, and the peak of its memory, anew."""
        assert self.process.stdin is not None
        self.process.stdin.write("begin\n")
        self.process.stdin.flush()
        self.rss_peak_kb = 0.0

    async def readings(self) -> dict[str, float]:
        """Stop it; what it read of itself since :meth:`begin`."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await _line(self.process, STOP_S)

    async def watch_memory(self) -> None:
        """Keep the peak of its memory, until cancelled."""
        while True:
            self.rss_peak_kb = max(self.rss_peak_kb, self.cost().rss_kb)
            await trio.sleep(0.5)


def start(module: str, arguments: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Run ``python -m module`` with its standard input and output in our hands."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


@asynccontextmanager
async def engine_process(
    module: str, arguments: Sequence[str] = ()
) -> AsyncIterator[EngineProcess]:
    """Run ``python -m module`` while the context lasts; it has to speak as
    :mod:`bench.desk` does."""
    process = start(module, arguments)
    try:
        ready = await _line(process, READY_S)
        yield EngineProcess(process, int(ready["port"]), ready["ready_at"])
    finally:
        process.kill()
        process.wait()


async def _line(process: subprocess.Popen[str], within_s: float) -> dict[str, float]:
    assert process.stdout is not None
    with trio.fail_after(within_s):
        text = await trio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)
    if not text:
        raise RuntimeError("the engine's process ended; its error stream says why")
    readings: dict[str, float] = json.loads(text)
    return readings
