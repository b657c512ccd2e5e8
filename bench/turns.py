"""What the engine adds to a turn, and what a call costs, at 1, 10 and 50 calls on one core.

    python -m bench.turns [--calls N ...] [--turns N] [--keep FOLDER]

The engine runs in a process of its own, pinned to one core; the telephones run in this process,
on another core, and call it over real websockets in the carrier's protocol. The voice detector is
the real one, on recorded speech; the other providers answer at set times from a third process
(:mod:`bench.scripted`, :mod:`bench.vendors`). Each size gets a fresh process, and one call
to warm it up.

The figures of each size:

    engine-added        The moment the first audio of a reply reached the telephone, less the
                        moment it would have if no step, socket or queue took time: the messages
                        that the telephone sent are played again, at their times, in virtual time,
                        to the same policy and providers (:mod:`bench.reference`). So it holds all
                        that is not a chosen wait or a provider's: late timers, the event loop's
                        queue, encoding, sockets, and the telephone's own reading.
    speech to audio     From the true end of the caller's speech, known from the recording, to the
                        first agent audio at the telephone. Of that, from the turn records:
                        ``endpoint`` from the last voice as detected to the decision that the turn
                        is over, ``mind`` and ``voice`` what the language model and the voice take
                        after that, ``playout`` the rest of the engine; and ``detector and wire``,
                        what the voice detector was late by at the end of speech, and the way to
                        and from the telephone.
    onset to clear      From the true onset of speech over the agent to the ``clear`` at the
                        telephone, beyond ``barge_in_ms``; and by how much the engine was late,
                        against virtual time, as above.
    history             Interrupted replies whose line in the history has just the words that the
                        telephone played to their end. The voice spells, so it can be read.
    CPU, memory         Of the engine's process, all its threads, from the first call's beginning
                        to the last one's end; the peak of its memory less that after warm-up.
    both ways           CPU while every call streams 50 frames a second each way: the caller
                        listens to a long reply.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog
import trio

from adapters.silero.vad import SileroVad
from adapters.twilio.script import Script
from bench.calls import conversation, listener, place_calls
from bench.engine_process import Cost, EngineProcess, engine_process
from bench.report import Figure, at_most, finish, this_machine
from bench.scripted import cycle
from bench.turn_figures import Round, figures_of

TURNS = {1: 27, 10: 12, 50: 9, 100: 6}
"""The turns of each call, by how many calls there are."""

SIZES = (1, 10, 50)
ENGINE_CORE, PHONES_CORE = 0, 1

STAGGER_S = 0.2
"""Between the beginnings of two calls."""

LISTENERS = 10
LISTEN_S, LISTEN_FROM_S, LISTEN_UNTIL_S = 16.0, 6.0, 14.0
"""A call of the both-ways reading, and the part of it that is read: the long reply is under
way in all of them."""


async def measure(size: int, turns: int, folder: Path, vad: SileroVad) -> list[Figure]:
    """Hold so many calls side by side and derive the figures of that size."""
    phones_core = PHONES_CORE if (os.cpu_count() or 1) > 1 else ENGINE_CORE
    cores = ["--core", str(ENGINE_CORE), "--vendors-core", str(phones_core)]
    async with engine_process("bench.desk", [str(folder), *cores]) as engine:
        await place_calls(engine.url, [conversation(0, 3, cycle())], 0.0)
        scripts = [conversation(call, turns, cycle()) for call in range(size)]
        held = await hold(engine, scripts, size * STAGGER_S)
        both_ways = await duplex(engine) if size == LISTENERS else []
        held.readings = await engine.readings()
    return [*await trio.to_thread.run_sync(figures_of, size, held, folder, vad), *both_ways]


async def hold(engine: EngineProcess, scripts: Sequence[Script], within_s: float) -> Round:
    """Hold these calls and read what they cost."""
    engine.begin()
    before, phones_before, began = engine.cost(), os.times(), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.watch_memory)
        calls = await place_calls(engine.url, scripts, within_s)
        nursery.cancel_scope.cancel()
    wall_s, phones_after = trio.current_time() - began, os.times()
    phones_s = phones_after.user + phones_after.system - phones_before.user - phones_before.system
    return Round(
        calls=calls,
        cpu_s=engine.cost().cpu_s - before.cpu_s,
        waited_s=engine.cost().waited_s - before.waited_s,
        grown_kb=engine.rss_peak_kb - before.rss_kb,
        wall_s=wall_s,
        phones_s=phones_s,
    )


async def duplex(engine: EngineProcess) -> list[Figure]:
    """CPU of a call that streams both ways all the time."""
    scripts = [listener(cycle(), LISTEN_S * 1000) for _ in range(LISTENERS)]
    costs: list[Cost] = []

    async def read() -> None:
        for wait_s in (LISTEN_FROM_S, LISTEN_UNTIL_S - LISTEN_FROM_S):
            await trio.sleep(wait_s)
            costs.append(engine.cost())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await place_calls(engine.url, scripts, 1.0)
    percent = (costs[1].cpu_s - costs[0].cpu_s) / (LISTEN_UNTIL_S - LISTEN_FROM_S) / LISTENERS * 100
    how = f"{LISTENERS} calls, 50 frames a second each way, the voice detector on every window"
    return [at_most("CPU of a call, both ways", percent, "% of a core", 1.0, how)]


async def measure_all(sizes: Sequence[int], turns: int | None, keep: Path | None) -> list[Figure]:
    """All sizes, one after the other."""
    figures = []
    async with SileroVad() as vad:
        for size in sizes:
            with tempfile.TemporaryDirectory() as scratch:
                folder = keep / str(size) if keep else Path(scratch)
                folder.mkdir(parents=True, exist_ok=True)
                print(f"{size} at a time ...", flush=True)
                figures += await measure(size, turns or TURNS.get(size, 9), folder, vad)
    return figures


def main() -> None:
    """Measure, save and show; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Turn times and costs of simultaneous calls.")
    parser.add_argument("--calls", type=int, action="append", help="so many at a time")
    parser.add_argument("--turns", type=int, help="turns of each call")
    parser.add_argument("--keep", type=Path, help="keep the journals in this folder")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    machine = this_machine()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {PHONES_CORE})
    run = partial(measure_all, arguments.calls or SIZES, arguments.turns, arguments.keep)
    finish("turns", machine, trio.run(run))


if __name__ == "__main__":
    main()
