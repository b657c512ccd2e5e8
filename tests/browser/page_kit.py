"""A service for the inspector's page: calls that were simulated, one of them as if it went on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.inspector.summary import CallSummary
from engine.inspector.view import CallView, turn_view, view_of
from engine.journal import AnyLine, Head, Reading
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import default_chart, simulate
from engine.turns import Turns

SCENARIOS = Path(__file__).parent.parent / "scenarios"
PAGE = files("engine.inspector").joinpath("page")
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
POLICY = "default-src 'self'; img-src 'self' data:"
PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" class="chart">
<style>svg.chart { --hue: #1d5fd1; --paper: #fff } .frame { fill: var(--paper) }</style>
<g id="state-waiting" class="state"><rect class="frame" x="0" y="0" width="90" height="40"/>
<g id="t19" class="transition"><text x="4" y="20">t19</text></g></g>
<g id="state-hearing" class="state"><rect class="frame" x="0" y="60" width="90" height="40"/>
<g id="t26" class="transition"><text x="4" y="80">t26</text></g></g>
<g id="state-interrupted" class="state">
<rect class="frame" x="200" y="0" width="90" height="40"/></g>
<g id="state-contested" class="state">
<rect class="frame" x="200" y="60" width="90" height="40"/></g>
<g id="from-waiting-to-hearing" class="arrow" data-transitions="t19"><path d="M 45 40 V 60"/></g>
</svg>"""


@cache
def lines_of(scenario: str) -> list[AnyLine]:
    """The journal of a scenario's call; its id is the scenario's name."""
    lines: list[AnyLine] = list(simulate(load_scenario(SCENARIOS / f"{scenario}.yaml")).lines)
    head = lines[0]
    assert isinstance(head, Head)
    return [msgspec.structs.replace(head, call_id=scenario), *lines[1:]]


def view(scenario: str, *, first: int | None = None, troubles: tuple[str, ...] = ()) -> CallView:
    """What the page gets of it; of a live call only the ``first`` lines."""
    reading = Reading(lines_of(scenario)[:first], list(troubles))
    return view_of(
        reading, default_chart(), live=first is not None, journal=Path("calls", f"{scenario}.jsonl")
    )


@dataclass
class Service:
    """What it serves. ``release`` lets the rest of the live call's lines out."""

    recorded: list[str]
    older: list[str] = field(default_factory=list)
    live: str = ""
    known: int = 30
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def calls(self) -> list[CallSummary]:
        """All calls, the live one first."""
        live = [self.view(self.live).call] if self.live else []
        return [*live, *(view(name).call for name in self.recorded)]

    def calls_before(self) -> list[CallSummary]:
        """Those that are not in the first list."""
        return [view(name).call for name in self.older]

    def view(self, call_id: str) -> CallView:
        """A call as it is now."""
        goes_on = call_id == self.live and not self.over.is_set()
        return view(call_id, first=self.known if goes_on else None)

    def events(self, after: int) -> Iterator[bytes]:
        """The live call from its line ``after``: nothing before it is released, then all."""
        self.release.wait(30)
        lines = lines_of(self.live)
        for number, line in enumerate(lines[after:], start=after + 1):
            told = b'{"n":%d,"line":%b}' % (number, msgspec.json.encode(line))
            yield b"id: %d\nevent: line\ndata: %b\n\n" % (number, told)
        turns = [turn_view(record) for record in Turns.of(lines).records]
        yield b"event: turns\ndata: %b\n\n" % msgspec.json.encode(turns)
        self.over.set()
        yield b"event: over\ndata: {}\n\n"


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Serve it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            name = asked.path.removeprefix("/inspect").lstrip("/")
            if name == "live":
                self.start("text/event-stream")
                with suppress(ConnectionError):  # the page was closed
                    for event in service.events(int(query["after"])):
                        self.wfile.write(event)
            elif name == "calls" and "before" in query:
                self.answer(msgspec.json.encode(service.calls_before()), "application/json")
            elif name == "calls":
                more = {"link": '</inspect/calls?before=x>; rel="next"'} if service.older else {}
                self.answer(msgspec.json.encode(service.calls()), "application/json", more)
            elif name == "call":
                self.answer(msgspec.json.encode(service.view(query["id"])), "application/json")
            elif name == "scenario":
                self.answer(f"says: {query['id']}\n".encode(), "text/yaml")
            elif name == "chart.svg":
                self.answer(PICTURE.encode(), "image/svg+xml")
            else:
                file = PAGE.joinpath(name.removeprefix("page/") or "index.html")
                self.answer(file.read_bytes(), TYPES[file.name.rpartition(".")[2]])

        def answer(self, body: bytes, kind: str, more: Mapping[str, str] = {}) -> None:
            self.start(kind, more)
            self.wfile.write(body)

        def start(self, kind: str, more: Mapping[str, str] = {}) -> None:
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            for header, value in {"content-security-policy": POLICY, **more}.items():
                self.send_header(header, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}/inspect"
    try:
        yield service
    finally:
        service.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def data_of(page_html: str) -> Any:
    """What is embedded in a report."""
    begins = page_html.index('id="report">') + len('id="report">')
    return json.loads(page_html[begins : page_html.index("</script>", begins)])
