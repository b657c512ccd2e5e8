"""A worker as ``antiphon serve`` starts it, but for its providers, which are scripted.

    python -m tests.worker_process FOLDER CALLS PORT:PIPE:NUMBER

It takes at most so many CALLS at a time. Its journals go to a folder in FOLDER that has its process
id for a name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from rich.console import Console

from adapters.front import server
from adapters.stores.files import FileStore
from adapters.twilio.settings import TwilioSettings
from engine import serve_cli, service
from engine.admission import Limits
from engine.config import Config
from engine.session import Desks
from tests.endure_kit import QUESTION, a_desk

PATIENCE_S = 3.0
"""How long a worker leaves a connection to the others: so long that it is no question of how busy
the machine is."""


def main() -> None:
    """Work; see the module's docstring."""
    folder, calls, inherited = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

    @asynccontextmanager
    async def open_desks(*_: object) -> AsyncIterator[Desks]:
        async with FileStore(folder / str(os.getpid())) as store:
            yield Desks(a_desk([QUESTION], store), {}, {})

    service.open_desks = open_desks  # type: ignore[attr-defined, assignment]
    server.LAST_S = PATIENCE_S
    config = Config(
        data=str(folder),
        limits=Limits(calls=calls, lag_ms=0),
        twilio=TwilioSettings(unsigned=True),
    )
    given = serve_cli._inherited(inherited)
    trio.run(lambda: serve_cli._work(Console(quiet=True), config, show=False, inherited=given))


if __name__ == "__main__":
    main()
