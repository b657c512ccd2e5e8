"""The files of a page, as routes: each file a path of its own, and nothing else is to be had."""

from __future__ import annotations

from importlib.resources.abc import Traversable

from adapters.front.http import Handler, Request, Response

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".wav": "audio/wav",
}
"""What a page may consist of; files of other kinds are not served."""

INDEX = "index.html"


def page_routes(folder: Traversable, at: str, below: str) -> dict[str, Handler]:
    """Path to handler: ``at`` is the page itself, and its files are ``below``. They are read here,
    once. There is nothing where there is no such folder."""
    if not folder.is_dir():
        return {}
    routes = {}
    for file in folder.iterdir():
        kind = TYPES.get("." + file.name.rpartition(".")[2])
        if kind and file.is_file():
            response = Response(200, file.read_bytes(), kind)
            routes[at if file.name == INDEX else f"{below}/{file.name}"] = _answers(response)
    return routes


def _answers(response: Response) -> Handler:
    async def handle(_: Request) -> Response:
        return response

    return handle
