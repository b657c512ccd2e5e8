"""What one worker bears: fifty calls at once through the whole service, against the budgets.

    python -m bench.load [--calls N] [--turns N] [--keep FOLDER]

The work, the telephones and the providers are those of :mod:`bench.turns`, and so are the figures
(:mod:`bench.turn_figures`): what the engine adds to a turn, how fast it falls silent, whether the
history is as heard, what a call costs. This holds them up to a load test's questions as well:

    calls taken         every caller was let in, had all their answers, and hung up by themselves
    journals whole      every journal has its end, of a call that was completed
    the worker          how late its loop was as its admission measures it, over which ``lag_ms``
                        turns new calls away; and what it is left with when all calls are over

About two minutes. The machine's other load shows in every figure: it is saved with them.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from functools import partial
from pathlib import Path

import structlog
import trio

from adapters.silero.vad import SileroVad
from bench.calls import conversation, place_calls
from bench.engine_process import engine_process
from bench.report import Figure, at_least, at_most, finish, this_machine
from bench.scripted import cycle
from bench.turn_figures import Round, figures_of
from bench.turns import ENGINE_CORE, PHONES_CORE, STAGGER_S, hold
from engine.admission import Limits
from engine.journal import End, read_journal

CALLS, TURNS = 50, 6
QUIET_S = 3.0
"""After the last call, before what is left is read."""


async def measure(size: int, turns: int, folder: Path, vad: SileroVad) -> list[Figure]:
    """Hold so many calls side by side in one worker, and derive the figures."""
    phones_core = PHONES_CORE if (os.cpu_count() or 1) > 1 else ENGINE_CORE
    cores = ["--core", str(ENGINE_CORE), "--vendors-core", str(phones_core)]
    async with engine_process("bench.desk", [str(folder), *cores]) as engine:
        await place_calls(engine.url, [conversation(0, 3, cycle())], 0.0)
        before_kb = engine.cost().rss_kb
        scripts = [conversation(call, turns, cycle()) for call in range(size)]
        held = await hold(engine, scripts, size * STAGGER_S)
        await trio.sleep(QUIET_S)
        left_kb = engine.cost().rss_kb - before_kb
        held.readings = await engine.readings()
    figures = await trio.to_thread.run_sync(figures_of, size, held, folder, vad)
    return [*figures, *borne(held, folder, left_kb)]


def borne(held: Round, folder: Path, left_kb: float) -> list[Figure]:
    """What became of the calls, and of the worker."""
    size = len(held.calls)
    taken = sum(call.record.outcome == "hung_up" and call.record.finished for call in held.calls)
    ends = [list(read_journal(path))[-1] for path in folder.glob("*.jsonl")]
    whole = sum(isinstance(end, End) and end.outcome == "completed" for end in ends)
    late_ms, limit_ms = held.readings["loop_late_p95_ms"], Limits().lag_ms
    return [
        at_least("calls taken", 100 * taken / size, "%", 100.0, "to the end that the caller chose"),
        at_least(
            "journals whole", 100 * whole / (size + 1), "%", 100.0, "the first call's as well"
        ),
        at_most("lag, p95", late_ms, "ms", limit_ms, "the budget: above it, no new call is taken"),
        at_most("lag, longest", held.readings["loop_late_max_ms"], "ms", None),
        at_most("call-minutes held", held.call_minutes, "min", None, f"in {held.wall_s:.0f} s"),
        at_most(
            "memory that is left of a call", left_kb / size, "kB", None, "of the last 20, in part"
        ),
    ]


async def run(size: int, turns: int, keep: Path | None) -> list[Figure]:
    """The figures of one round."""
    async with SileroVad() as vad:
        with tempfile.TemporaryDirectory() as scratch:
            folder = keep or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            return await measure(size, turns, folder, vad)


def main() -> None:
    """Measure, save and show; see the module's docstring."""
    parser = argparse.ArgumentParser(description="What one worker bears.")
    parser.add_argument("--calls", type=int, default=CALLS, help="so many at a time")
    parser.add_argument("--turns", type=int, default=TURNS, help="turns of each call")
    parser.add_argument("--keep", type=Path, help="keep the journals in this folder")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    machine = this_machine()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {PHONES_CORE})
    figures = trio.run(partial(run, arguments.calls, arguments.turns, arguments.keep))
    finish("load", machine, figures)


if __name__ == "__main__":
    main()
