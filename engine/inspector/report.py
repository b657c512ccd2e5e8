"""A call as one page that needs nothing else: chart, data, styles and scripts are all in it."""

from __future__ import annotations

import re
from importlib.resources import files

import msgspec

from engine.inspector.view import CallView

_LINKED = re.compile(
    r'<link rel="stylesheet" href="/inspect/page/(?P<css>[a-z.]+)">'
    r'|<script src="/inspect/page/(?P<js>[a-z.]+)" defer></script>'
)
_PLACE = "<!-- a report has its call here -->"
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\">"
)


class _Data(msgspec.Struct):
    """What a report has in it."""

    view: CallView
    chart_svg: str


def report_of(view: CallView, chart_svg: str) -> str:
    """The page of one call, as HTML. It asks nobody for anything, and is not able to."""
    page = _LINKED.sub(_inlined, _page_file("index.html"))
    data = embedded(msgspec.json.encode(_Data(view, chart_svg)).decode())
    # The data goes in last: nothing in it is taken for a place to fill.
    return page.replace("<head>", f"<head>\n{_POLICY}", 1).replace(
        _PLACE, f'<script type="application/json" id="report">{data}</script>', 1
    )


def _inlined(found: re.Match[str]) -> str:
    if css := found["css"]:
        return f"<style>\n{_page_file(css)}</style>"
    return f"<script>\n{_page_file(found['js'])}</script>"


def _page_file(name: str) -> str:
    return files("engine.inspector").joinpath("page", name).read_text(encoding="utf-8")


def embedded(json: str) -> str:
    """JSON that may stand in a script element, whatever its texts are: the same values, without a
    character that HTML or JavaScript would take for something else."""
    return re.sub("[<>&\u2028\u2029]", lambda found: _ESCAPED[found[0]], json)
