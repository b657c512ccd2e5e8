"""The engine under measurement, in a process of its own: `python -m bench.desk FOLDER`.

It takes calls with the scripted desk, writes its address to standard output as one line of JSON,
and a second line with its own readings when standard input ends. A line on standard input starts
the readings anew. Journals go to FOLDER. ``--core`` gives it one core;
with ``--vendors-core`` the providers' answers come from another process (:mod:`bench.vendors`).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import structlog
import trio

from adapters.front.server import Listening
from adapters.silero.vad import SileroVad
from adapters.stores.files import FileStore
from bench.report import percentile
from bench.scripted import scripted_desk
from bench.vendors import Wait, vendors_clock
from engine.config import Config
from engine.machine import Machine
from engine.service import take_calls
from states.call import Call

BEAT_S = 0.05


class Heartbeat:
    """How late the event loop is: a task that wants to wake 20 times a second notes by how
    much it is woken too late, which is how long a frame may have had to wait."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def run(self) -> None:
        """Beat until cancelled."""
        due = trio.current_time()
        while True:
            due = max(due + BEAT_S, trio.current_time())
            await trio.sleep_until(due)
            self.late_ms.append((trio.current_time() - due) * 1000)


def main() -> None:
    """Serve; see the module's docstring."""
    parser = argparse.ArgumentParser(description="The engine with scripted providers.")
    parser.add_argument("folder", type=Path, help="where the journals go")
    parser.add_argument("--core", type=int, help="the one core to run on")
    parser.add_argument("--vendors-core", type=int, help="the core of the vendors' process")
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    structlog.configure(
        # As the command has it: printing the local variables of a failed call takes seconds.
        processors=[
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    trio.run(_serve, arguments.folder, arguments.vendors_core)


async def _serve(folder: Path, vendors_core: int | None) -> None:
    heartbeat = Heartbeat()
    async with AsyncExitStack() as stack:
        vad = await stack.enter_async_context(SileroVad(batch_ms=Config().vad_batch_ms))
        store = await stack.enter_async_context(FileStore(folder))
        wait: Wait = trio.sleep
        if vendors_core is not None:
            wait = (await stack.enter_async_context(vendors_clock(vendors_core))).wait
        desk = scripted_desk(store, vad, wait)
        Machine(desk.chart, Call(desk.settings, desk.agent))  # the first one builds the class
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(
                lambda task_status: take_calls(desk, "127.0.0.1", 0, task_status=task_status)
            )
            _say({"port": listening.port, "ready_at": time.time()})
            nursery.start_soon(heartbeat.run)
            await _obey(heartbeat)
            nursery.cancel_scope.cancel()
    _say(
        {
            "loop_late_p50_ms": percentile(heartbeat.late_ms, 50),
            "loop_late_p95_ms": percentile(heartbeat.late_ms, 95),
            "loop_late_p99_ms": percentile(heartbeat.late_ms, 99),
            "loop_late_max_ms": max(heartbeat.late_ms, default=0.0),
        }
    )


async def _obey(heartbeat: Heartbeat) -> None:
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as orders:
        while await orders.receive_some(1024):
            heartbeat.late_ms.clear()


def _say(what: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
