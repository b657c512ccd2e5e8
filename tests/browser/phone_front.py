"""The command ``antiphon`` with the phone's page beside what it serves, for as long as the service
does not serve the page itself. ``/inspect`` is an empty page, and tells of one turn."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from adapters.front import server
from adapters.front.http import Handler, Request, Response, Routes
from engine import cli, service

PHONE = Path(service.__file__).parent / "inspector" / "phone"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
LIVE = b'event: turns\ndata: [{"latency_ms": 512.4}]\n\nevent: over\ndata: {}\n\n'


def always(response: Response) -> Handler:
    """Answers with the same."""

    async def handle(_: Request) -> Response:
        return response

    return handle


def routes() -> Routes:
    """The page's files, and a stand-in for the inspector."""
    found: dict[tuple[str, str], Handler] = {
        ("GET", "/inspect"): always(Response(200, b"<p>the chart</p>", "text/html")),
        ("GET", "/inspect/live"): always(Response(200, LIVE, "text/event-stream")),
    }
    for file in PHONE.iterdir():
        path = "/phone" if file.name == "index.html" else f"/phone/{file.name}"
        kind = f"{TYPES[file.suffix]}; charset=utf-8"
        found["GET", path] = always(Response(200, file.read_bytes(), kind))
    return found


async def serve(*arguments: Any, routes: Routes, extra: Routes, **options: Any) -> None:
    """As the front's own, with more routes."""
    await server.serve(*arguments, routes={**routes, **extra}, **options)


if __name__ == "__main__":
    service.serve = functools.partial(serve, extra=routes())  # type: ignore[attr-defined]
    cli.main()
