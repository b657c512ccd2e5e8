"""The demo: the engine's server and a caller with recorded voices, in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import trio
from rich.console import Console

from adapters.front.server import Listening
from adapters.twilio.recording import CallRecord
from engine.config import Config
from engine.phone_cli import LinePrinter, call, demo_script, save_recording
from engine.service import media_url, take_calls
from engine.show import CallPrinter, turn_table
from engine.stack import open_desk


async def hold_demo(console: Console, calls: Path) -> None:
    """Hold the demo's call and show it; its journal and its recording go to ``calls``.

    Raises :class:`~engine.errors.AntiphonError`, alone or in a group.
    """
    console.print("[bold]antiphon[/bold]: a phone call is held, end to end, on the chart\n")
    printer = CallPrinter(console)
    with tempfile.TemporaryDirectory() as orders:  # each demo finds the orders as they were
        made = await _held(demo_config(calls, orders), console, printer)
    _sum_up(console, printer, calls, made)


def demo_config(calls: Path, data: str) -> Config:
    """The embedded providers, also where there are keys: a demo costs nothing."""
    return Config(
        calls=str(calls),
        data=data,
        speech_to_text=("embedded",),
        language_model=("agent",),
        voice=("embedded",),
    )


async def _held(config: Config, console: Console, printer: CallPrinter) -> CallRecord:
    async with open_desk(config, lambda text: console.print(f"  {text} ...")) as desk:
        await desk.ports.phrases.wait_for(desk.agent.greeting)
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(
                lambda task_status: take_calls(
                    desk, config.host, 0, watch=lambda: printer.feed, task_status=task_status
                )
            )
            url = media_url(listening)
            console.print(f"  the engine listens on {url}\n  calling it with recorded voices\n")
            made = await call(url, demo_script(), LinePrinter(console))
            nursery.cancel_scope.cancel()
    return made


def _sum_up(console: Console, printer: CallPrinter, calls: Path, made: CallRecord) -> None:
    (journal,) = calls.glob(f"*-{made.call_id}.jsonl")
    recording = journal.with_suffix(".wav")
    save_recording(made, recording)
    console.print()
    console.print(turn_table(printer.turns))
    for line in (
        f"recording (caller left, agent right): {recording}",
        f"journal: {journal}",
        f"replay it: .venv/bin/antiphon replay {journal}",
    ):
        console.print(line, markup=False, soft_wrap=True)
