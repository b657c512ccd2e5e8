"""``antiphon demo``: a call with recorded voices, here and now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.command import run
from engine.demo import hold_demo


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    calls: Annotated[Path, typer.Option(help="Where the journal and the recording go.")] = Path(
        "calls"
    ),
) -> None:
    """Hold a call with recorded voices, here and now, and show it.

    Starts the engine's server, calls it over a real websocket in the carrier's protocol, in real
    time: a caller asks after a parcel, says "yes" while the agent speaks (which must not stop it),
    interrupts with "today" (which must), and confirms. No keys, no network.
    """
    console = Console(highlight=False)
    run(lambda: hold_demo(console, calls))
