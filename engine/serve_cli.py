"""``antiphon serve``: one worker, or a supervisor and several; and what signals mean to them."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import trio
import typer
from msgspec.structs import replace
from rich.console import Console

from adapters.front.server import Listening
from engine import logs
from engine.agents import AGENTS
from engine.command import run
from engine.config import Config, load_config
from engine.errors import ConfigError
from engine.garbage import start_without_collecting
from engine.inspector.access import Access
from engine.metrics import shared_by_workers
from engine.service import media_url, run_service
from engine.show import CallsPrinter
from engine.supervisor import Inherited, Supervisor, cores, listening_on


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on.", show_default=Config().host)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="The port; 0 takes any free one.", show_default=str(Config().port)),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            help=f"Which agent answers: {', '.join(AGENTS)}, the folder of one of your own, or "
            "module:attribute.",
            show_default=Config().agent,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many processes take calls on the port; 0 is one for each core.",
            show_default=str(Config().workers),
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A configuration file (antiphon.toml).")
    ] = None,
    show: Annotated[
        bool, typer.Option(help="Show the calls as they happen, with their words.")
    ] = False,
    inherited: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Take calls: Twilio Media Streams on ws://HOST:PORT/media, health on /healthz, and on
    /readyz whether more calls are taken.

    For this machine, where HOST is a loopback address, or with a token: /inspect shows the
    calls, /phone is a telephone in the browser, GET /providers says how each provider is doing,
    GET /metrics the same for Prometheus, and GET /turns?call=ID how long the turns of a recent
    call took, and by whom. Only requests that name a local host, and do not say that they came
    through a proxy, are this machine's; a tunnel, or a proxy that hides itself, looks local:
    let it forward /media and /voice alone.

    Every call writes a journal (calls/*.jsonl). Until the models are loaded, calls are answered
    with 503. SIGTERM lets the calls that there are go on (for limits.drain_s) and then ends the
    service; a second one, or Ctrl-C, closes every call within seconds. SIGHUP to several
    workers is a rolling restart.
    """
    console = Console(highlight=False, stderr=True)

    async def go() -> None:
        options = {"host": host, "port": port, "agent": agent, "workers": workers}
        given = {name: value for name, value in options.items() if value is not None}
        settings = replace(load_config(config), **given)
        logs.configure(settings.log)
        if inherited:
            await _work(console, settings, show=show, inherited=_inherited(inherited))
        elif settings.workers == 1:
            await _work(console, settings, show=show)
        else:
            await _supervise(console, settings, _command(given, config, show=show))

    run(go)


# --- one worker -----------------------------------------------------------------------------


async def _work(
    console: Console, config: Config, *, show: bool, inherited: Inherited | None = None
) -> None:
    draining = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_obey, nursery.cancel_scope, draining, inherited is not None)
        if inherited:
            nursery.start_soon(_drain_without_supervisor, inherited, draining)

        async def take_calls(task_status: trio.TaskStatus[Listening]) -> None:
            await run_service(
                config,
                progress=lambda text: console.print(f"{text} ...", soft_wrap=True),
                watch=CallsPrinter(console) if show else None,
                inherited=socket.socket(fileno=inherited.port) if inherited else None,
                draining=draining,
                task_status=task_status,
            )
            nursery.cancel_scope.cancel()

        with start_without_collecting():
            listening: Listening = await nursery.start(take_calls)
        if inherited:
            inherited.say_ready()
            nursery.start_soon(inherited.stay_alive)
        else:
            _tell(console, config, listening)


def _tell(console: Console, config: Config, listening: Listening) -> None:
    lines = [
        f"{config.agent} answers calls on {media_url(listening)};"
        f" journals in {config.calls}; stop with Ctrl-C",
        Access(config.inspect, lambda: listening.host).told(listening),
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


async def _obey(service: trio.CancelScope, draining: trio.Event, supervised: bool) -> None:
    """Let the calls finish at the first SIGTERM; hang up at the second, and on Ctrl-C. A SIGHUP
    that is sent to a whole group of processes is meant for the supervisor."""
    told = {signal.SIGINT, signal.SIGTERM} | ({signal.SIGHUP} if supervised else set())
    with trio.open_signal_receiver(*told) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                continue
            if number == signal.SIGTERM and not draining.is_set():
                draining.set()
            else:
                service.cancel()


async def _drain_without_supervisor(inherited: Inherited, draining: trio.Event) -> None:
    await inherited.wait_for_its_end()
    draining.set()


# --- several --------------------------------------------------------------------------------


async def _supervise(
    console: Console, config: Config, command: Callable[[int, int, int], Sequence[str]]
) -> None:
    count = config.workers or cores()
    with listening_on(config.host, config.port) as opened, shared_by_workers():
        host, port = opened.getsockname()[:2]
        url = media_url(Listening(host, port, lambda: None))
        console.print(f"starting {count} workers ...")
        await Supervisor(count, opened, command).run(
            lambda: console.print(
                f"{count} workers answer calls on {url}; journals in {config.calls}; SIGHUP"
                " restarts them one by one, SIGTERM lets calls finish, twice or Ctrl-C hangs up",
                markup=False,
                soft_wrap=True,
            )
        )


def _command(
    given: Mapping[str, object], config: Path | None, *, show: bool
) -> Callable[[int, int, int], Sequence[str]]:
    """The command line of a worker: this one's, with what it inherits."""
    options = [f"--{name}={value}" for name, value in given.items() if name != "workers"]
    options += [f"--config={config}"] if config else []
    options += ["--show"] if show else []

    def command(port: int, pipe: int, number: int) -> Sequence[str]:
        inherited = f"--inherited={port}:{pipe}:{number}"
        return [sys.executable, "-m", "engine.cli", "serve", *options, inherited]

    return command


def _inherited(text: str) -> Inherited:
    try:
        port, pipe, number = map(int, text.split(":"))
    except ValueError:
        raise ConfigError("--inherited is for workers that a supervisor starts") from None
    return Inherited(port, pipe, number)
