"""``antiphon twins``: the vendors' twins, to try the production path without keys."""

from __future__ import annotations

import errno
import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import trio
import typer
from rich.console import Console

from engine.command import run
from engine.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(twins)


def twins(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="deepgram, openai, elevenlabs, cartesia; all if left out."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Write here the configuration of an engine that uses them."),
    ] = None,
) -> None:
    """Serve twins of the vendors on localhost, until Ctrl-C.

    They speak the vendors' protocols and work with the embedded models, so that the
    production path runs on a laptop without keys: point `antiphon serve --config FILE` at
    them. The configuration names them all; run some in a terminal of their own, and stop them
    in the middle of a call to hear what takes over.
    """
    run(lambda: _serve(names or [], config))


async def _serve(names: list[str], config: Path | None) -> None:
    stand = _stand()
    unknown = [name for name in names if name not in stand.PORTS]
    if unknown:
        raise ConfigError(f"there is no twin of {unknown[0]} (twins: {', '.join(stand.PORTS)})")
    console = Console()
    console.print("  loading the embedded models ...")
    try:
        async with stand.open_twins(
            list(dict.fromkeys(names)) or list(stand.PORTS), stand.PORTS
        ) as twins:
            for twin in twins:
                console.print(f"  {twin.name} is on port {twin.port}", highlight=False)
            text = stand.configuration(stand.PORTS)
            if config is None:
                console.print(f"\n{text}", markup=False, highlight=False)
            else:
                _write(config, text)
                console.print(f"  try: .venv/bin/antiphon serve --config {config} --show")
            await trio.sleep_forever()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError("a twin's port is in use: are the twins running already?") from error
        raise


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def _stand() -> Any:
    """The twins are part of the tests, which are not installed with the engine."""
    root = Path(__file__).parent.parent
    if not (root / "tests" / "twins").is_dir():
        raise ConfigError("the twins are in antiphon's repository: run this from a clone of it")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module("tests.twins.stand")
