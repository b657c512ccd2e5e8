"""What it costs calls that somebody looks at them.

    python -m bench.inspector

The lines of a minute of talk are played to the watchers of ten calls, as fast as a call writes
them: to no watcher, then with none, one and ten pages that follow each call over a socket from
another process. What the calls' thread spends on it, beyond no watcher, is the cost. Then a folder
of 10,000 journals is listed while that thread does nothing but look at how late it is woken. It
takes about a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import trio

from adapters.front.http import Request
from adapters.front.server import Listening, serve
from bench.report import Figure, at_most, finish, percentile, spread, this_machine
from effects.ports import Carrier
from engine.config import Inspect
from engine.inspector.access import Access
from engine.inspector.calls import LISTED
from engine.inspector.live import LiveCall
from engine.inspector.server import Inspector
from engine.inspector.summary import CallSummary
from engine.journal import AnyLine, Event, Head, Note
from engine.session import Watcher
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate

CALLS = 10
PAGES = (0, 1, 10)
PLAYED_S = 8.0
FOLLOWERS = Path(__file__).with_name("inspector_pages.py")
JOURNALS = 10_000
LATE_EVERY_S = 0.005


def a_minute() -> list[AnyLine]:
    """The journal of a minute of talk: a turn each six seconds."""
    acts = [Act(at=2.0 + 6.0 * turn, say="where is my parcel please") for turn in range(9)]
    answers = [Answer(says="It is on its way. It comes today.") for _ in acts]
    return list(simulate(Scenario(says="", caller=acts, answers=answers, ends_at=60.0)).lines)


def timed(lines: list[AnyLine]) -> list[tuple[float, AnyLine]]:
    """Each line with its second of the call."""
    at_s, found = 0.0, []
    for line in lines:
        match line:
            case Event(event=event):
                at_s = event.at_ms / 1000
            case Note(note=note):
                at_s = max(at_s, note.at_ms / 1000)
        found.append((at_s, line))
    return found


async def measure(lines: list[AnyLine]) -> list[Figure]:
    """All figures, with the journal of a minute."""
    figures = [
        at_most("lines of a call-minute", len(lines), "lines", None),
        at_most("a watcher, a line", _a_line_us(lines), "µs", None, "nobody looks; one call"),
        at_most("kept of a call-minute", _kept_kb(lines), "kB", None, "and its turns"),
    ]
    idle_s = await _play(lines, watch=False, pages=0)
    for pages in PAGES:
        busy_s = await _play(lines, watch=True, pages=pages)
        cost_ms = 1000 * (busy_s - idle_s) / CALLS / PLAYED_S * 60
        name = f"{pages} page{'' if pages == 1 else 's'} looking: CPU of a call-minute"
        figures.append(at_most(name, cost_ms, "ms", None, f"beyond no watcher; {CALLS} calls"))
    with TemporaryDirectory() as folder:
        _journals(Path(folder), lines)
        figures += await _listed(Path(folder))
    return figures


def _a_line_us(lines: list[AnyLine]) -> float:
    rounds = 50
    began = time.thread_time()
    for _ in range(rounds):
        call = LiveCall()
        for line in lines:
            call.feed(line)
    return (time.thread_time() - began) / rounds / len(lines) * 1e6


def _kept_kb(lines: list[AnyLine]) -> float:
    tracemalloc.start()
    call = LiveCall()
    for line in lines:
        call.feed(line)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / 1024


# --- pages that look ------------------------------------------------------------------------


async def _play(lines: list[AnyLine], *, watch: bool, pages: int) -> float:
    """Seconds of the calls' task in which so much of each call was played."""
    inspector = _inspector(None)
    script = [(at_s, line) for at_s, line in timed(lines)[1:] if at_s < PLAYED_S]
    watchers = [inspector.watchers()[0] if watch else _nobody for _ in range(CALLS)]
    head = lines[0]
    assert isinstance(head, Head)
    for number, watcher in enumerate(watchers):
        watcher(msgspec.structs.replace(head, call_id=f"CA{number}"))
    start_serving = partial(serve, "127.0.0.1", 0, on_call=_no_call, routes=inspector.routes)
    async with trio.open_nursery() as serving:
        at: Listening = await serving.start(start_serving)
        async with _followed(at.port, pages):
            start, busy_before = trio.current_time(), time.thread_time()
            async with trio.open_nursery() as nursery:
                for number, watcher in enumerate(watchers):
                    nursery.start_soon(_call, script, watcher, start + 0.1 * number)
            busy_s = time.thread_time() - busy_before
            for watcher in watchers:
                watcher(lines[-1])
        serving.cancel_scope.cancel()
    return busy_s


async def _call(script: list[tuple[float, AnyLine]], watcher: Watcher, start: float) -> None:
    for at_s, line in script:
        await trio.sleep_until(start + at_s)
        watcher(line)


def _nobody(_: AnyLine) -> None: ...


async def _no_call(_: Carrier) -> None: ...


@asynccontextmanager
async def _followed(port: int, pages: int) -> AsyncIterator[None]:
    """Another process in which so many pages follow each call, until the calls are over."""
    if not pages:
        yield
        return
    command = [sys.executable, str(FOLLOWERS), str(port), str(CALLS), str(pages)]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, command, stdout=subprocess.PIPE)
        )
        assert process.stdout is not None
        await process.stdout.receive_some()
        yield


# --- a folder of journals -------------------------------------------------------------------


def _inspector(folder: Path | None) -> Inspector:
    return Inspector(Access(Inspect(), lambda: "127.0.0.1"), lambda: None, folder)


def _journals(folder: Path, lines: list[AnyLine]) -> None:
    """Many names for one journal."""
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    first = folder / "20260101T000000-CA0.jsonl"
    first.write_bytes(text)
    for number in range(1, JOURNALS):
        os.link(first, folder / f"20260101T{number:06}-CA{number}.jsonl")


async def _listed(folder: Path) -> list[Figure]:
    inspector = _inspector(folder)
    list_calls = inspector.routes["GET", "/inspect/calls"]
    request = Request("GET", "/inspect/calls", "", {"host": "127.0.0.1"})

    known = 0

    async def listed() -> None:
        nonlocal known
        response = await list_calls(request)
        known = len(msgspec.json.decode(response.body, type=list[CallSummary]))

    async def until_all_are_known() -> None:
        while known < LISTED:
            await listed()

    quiet, _ = await _lateness(partial(trio.sleep, 1.0))
    first, first_s = await _lateness(listed)
    at_first = known
    late, all_s = await _lateness(until_all_are_known)
    again, again_s = await _lateness(listed)
    folder_of = f"of {JOURNALS} journals of a minute, the newest {LISTED} at most"
    return [
        at_most("list of calls, first time", first_s * 1000, "ms", None, folder_of),
        at_most("list of calls, first time: calls", at_first, "calls", None),
        at_most("list of calls, until all are known", (first_s + all_s) * 1000, "ms", None),
        at_most("list of calls, when all are known", again_s * 1000, "ms", None),
        *spread("event loop late, nobody lists", quiet, "ms"),
        *spread("event loop late, journals are read", [*first, *late], "ms"),
        at_most("event loop late, journals are read, longest", max([*first, *late]), "ms", None),
        at_most("event loop late, all are known, p95", percentile(again, 95), "ms", None),
    ]


async def _lateness(work: Callable[[], Awaitable[None]]) -> tuple[list[float], float]:
    """How late a task is woken while something is done (ms), and how many seconds that took."""
    late_ms: list[float] = []

    async def look() -> None:
        while True:
            due = trio.current_time() + LATE_EVERY_S
            await trio.sleep_until(due)
            late_ms.append((trio.current_time() - due) * 1000)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        began = trio.current_time()
        await work()
        took_s = trio.current_time() - began
        nursery.cancel_scope.cancel()
    return late_ms, took_s


def main() -> None:
    """Measure, save and show."""
    finish("inspector", this_machine(), trio.run(measure, a_minute()))


if __name__ == "__main__":
    main()
