"""A call as one page that needs nothing else: chart, data, styles and scripts are all in it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec

from engine.inspector.view import CallView

PAGE_FILES: dict[str, str] = {
    "index.html": "text/html; charset=utf-8",
    "inspector.css": "text/css; charset=utf-8",
    **dict.fromkeys(
        (
            "base.js",
            "call.js",
            "bars.js",
            "lanes.js",
            "chart.js",
            "paint.js",
            "timeline.js",
            "moment.js",
            "events.js",
            "turns.js",
            "calls.js",
            "live.js",
            "inspector.js",
        ),
        "text/javascript; charset=utf-8",
    ),
}
"""The files of the inspector's page, with their types. Served, they are at ``/inspect/page/``."""

_LINKED = re.compile(
    r'<link rel="stylesheet" href="/inspect/page/(?P<css>[a-z.]+)">'
    r'|<script src="/inspect/page/(?P<js>[a-z.]+)" defer></script>'
)
_PLACE = "<!-- a report has its call here -->"
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\">"
)


class _Data(msgspec.Struct):
    """What a report has in it."""

    view: CallView
    chart_svg: str


@cache
def page_file(name: str) -> bytes:
    """One of ``PAGE_FILES``. Raises KeyError for any other name."""
    if name not in PAGE_FILES:
        raise KeyError(name)
    return files("engine.inspector").joinpath("page", name).read_bytes()


def report_of(view: CallView, chart_svg: str) -> str:
    """The page of one call, as HTML. It asks nobody for anything, and is not able to."""
    page = _LINKED.sub(_inlined, page_file("index.html").decode())
    data = embedded(msgspec.json.encode(_Data(view, chart_svg)).decode())
    # The data goes in last: nothing in it is taken for a place to fill.
    return page.replace("<head>", f"<head>\n{_POLICY}", 1).replace(
        _PLACE, f'<script type="application/json" id="report">{data}</script>', 1
    )


def _inlined(found: re.Match[str]) -> str:
    if css := found["css"]:
        return f"<style>\n{page_file(css).decode()}</style>"
    return f"<script>\n{page_file(found['js']).decode()}</script>"


def embedded(json: str) -> str:
    """JSON that may stand in a script element, whatever its texts are: the same values, without a
    character that HTML or JavaScript would take for something else."""
    return re.sub("[<>&\u2028\u2029]", lambda found: _ESCAPED[found[0]], json)
