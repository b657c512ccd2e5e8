"""What a service shows of its calls: the routes. Who may see it: :mod:`engine.inspector.access`.

    GET /inspect                    the page; its files are below /inspect/page/
    GET /inspect/calls              calls in a line each: those that go on, then the newest recorded
    GET /inspect/calls?before=FILE  recorded calls that are older than this one; a Link header names
                                    the next of these, where there are more
    GET /inspect/call?id=ID         one call as a page shows it (engine.inspector.view)
    GET /inspect/live?id=ID&after=N a call that goes on, from its line N, as Server-Sent Events
    GET /inspect/scenario?id=ID     a call as a scenario, in YAML
    GET /inspect/chart.svg          the picture of the chart
    GET /phone                      a telephone; its files are below /phone/
    GET /providers                  each provider of each port, in the order of preference
    GET /turns?call=ID              the turn records of a call that is live or was over lately

An ID is a call's, or the name of its journal. All of it only reads. What takes long is done in a
worker thread, one at a time, so that the calls never have more than one beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

import msgspec
import trio
from msgspec.structs import replace

from adapters.front.http import Handler, Request, Response, Routes, StreamedResponse, plain
from engine.chart import Chart, default_chart_path
from engine.errors import AntiphonError
from engine.insight import CallTurns, health_of
from engine.inspector.access import Access
from engine.inspector.calls import RecordedCalls, reading_of
from engine.inspector.kept import KeptLines
from engine.inspector.live import Live, LiveCall, Page, decoded
from engine.inspector.pages import page_routes
from engine.inspector.peaks import recording_beside
from engine.inspector.summary import CallSummary
from engine.inspector.view import view_of
from engine.journal import Head, Reading
from engine.picture import layout_of, svg
from engine.session import Desk, Watcher

NO_SUCH_CALL = plain(404, "no such call")
HEARTBEAT = b": still here\n\n"

T = TypeVar("T")


class Inspector:
    """The routes of one service, and the watchers that keep its calls for them."""

    def __init__(
        self, access: Access, desk: Callable[[], Desk | None], calls: Path | None = None
    ) -> None:
        """``desk`` is None while there is none yet; ``calls`` is the folder of the journals, if
        they are kept."""
        self._access, self._desk = access, desk
        self._recorded = RecordedCalls(calls) if calls is not None else None
        self._live = Live()
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._drawing: Response | None = None

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        package = files("engine.inspector")
        pages = page_routes(package / "page", "/inspect", "/inspect/page")
        pages |= page_routes(package / "phone", "/phone", "/phone")
        told: dict[str, Handler] = {
            "/inspect/calls": self._calls,
            "/inspect/call": self._call,
            "/inspect/live": self._stream,
            "/inspect/scenario": self._scenario,
            "/inspect/chart.svg": self._chart_svg,
            "/providers": self._providers,
            "/turns": self._turns,
        }
        guarded = {("GET", path): self._access.guarded(told[path]) for path in told}
        return guarded | {("GET", path): self._access.entrance(pages[path]) for path in pages}

    def watchers(self) -> list[Watcher]:
        """Keeps one call; none where nobody may ask for it."""
        return [self._live.watcher()] if self._access.possible else []

    # --- calls ---

    async def _calls(self, request: Request) -> Response:
        before, recorded = _asked(request, "before"), self._recorded
        # First the names, then who is live: a journal among them is that of a call we know of.
        names = await self._in_thread(recorded.names) if recorded else []
        going_on = _in_a_line(call for call in self._live.calls if not call.over)
        over = _in_a_line(call for call in self._live.calls if call.over)

        def listed() -> Response:
            if recorded is None:
                return _json([*going_on, *over])
            without = [call.call_id for call in going_on]
            found = recorded.listed(names, before, without)
            answer = [*([] if before else going_on), *_ended(found, over)]
            more = found and found[-1].file > names[-1]
            return _json(answer, {"link": _older_than(found[-1])} if more else {})

        return await self._in_thread(listed)

    async def _call(self, request: Request) -> Response:
        desk = self._desk()
        if desk is None:
            return _LOADING
        show = partial(_shown, desk.chart)
        return await self._read(request, show)

    async def _scenario(self, request: Request) -> Response:
        desk = self._desk()
        return await self._read(request, partial(_recast, desk.chart if desk else None))

    async def _read(
        self, request: Request, make: Callable[[Reading, Path | None, bool], Response]
    ) -> Response:
        """What is made of a call, of which there is as much as can be read."""
        call_id = _asked(request, "id")
        live = self._live.get(call_id)
        encoded = live.encoded.copy() if live else KeptLines()

        def read() -> Response:
            path = self._recorded.find(call_id) if self._recorded and call_id else None
            if live and not (path and live.over and live.missed):
                return make(_watched(live, encoded), path, not live.over)
            return make(reading_of(path), path, False) if path else NO_SUCH_CALL

        try:
            return await self._in_thread(read)
        except AntiphonError as error:
            return plain(422, str(error))

    async def _stream(self, request: Request) -> Response:
        call = self._live.get(_asked(request, "id"))
        if call is None:
            return NO_SUCH_CALL
        after = request.headers.get("last-event-id") or _asked(request, "after") or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            return plain(400, "after: the number of lines that are known already is needed")
        page = Page(call, int(after))
        return StreamedResponse(
            content_type="text/event-stream", next_part=page.next_part, heartbeat=HEARTBEAT
        )

    async def _turns(self, request: Request) -> Response:
        call_id = _asked(request, "call")
        call = self._live.get(call_id)
        if call is None:
            return NO_SUCH_CALL
        return _json(CallTurns(call=call_id, over=call.over, turns=call.records))

    # --- the service ---

    async def _providers(self, _: Request) -> Response:
        desk = self._desk()
        return _json(health_of(desk) if desk else [])

    async def _chart_svg(self, _: Request) -> Response:
        desk = self._desk()
        if desk is None:
            return _LOADING
        if self._drawing is None:
            self._drawing = await self._in_thread(_drawn, desk.chart)
        return self._drawing

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        """Cancelling leaves the thread to itself; the next one waits for it all the same."""
        return await trio.to_thread.run_sync(
            work, *args, abandon_on_cancel=True, limiter=self._one_at_a_time
        )


_LOADING = plain(503, "loading: there is more to see in a moment", retry_after="2")


def _in_a_line(calls: Iterable[LiveCall]) -> list[CallSummary]:
    return [told for call in calls if (told := call.told())]


def _ended(found: Iterable[CallSummary], over: Iterable[CallSummary]) -> list[CallSummary]:
    """What was found, with the end of those calls whose journal is still on its way to the disk."""
    ends = {(call.call_id, call.started): call for call in over}
    ours = ((one, ends.get((one.call_id, one.started))) for one in found)
    return [
        replace(end, file=one.file) if end and one.outcome == "cut off" else one
        for one, end in ours
    ]


# --- in a worker thread -----------------------------------------------------------------------


def _watched(call: LiveCall, encoded: KeptLines) -> Reading:
    missed = f"{call.missed} lines were not kept: the call's journal has them"
    return Reading(decoded(encoded), [missed] if call.missed else [])


def _shown(chart: Chart, reading: Reading, path: Path | None, live: bool) -> Response:
    if path is None:
        return _json(view_of(reading, chart, live=live))
    head = reading.lines[0]
    call_id = head.call_id if isinstance(head, Head) else ""
    sound = recording_beside(path, call_id)
    return _json(view_of(reading, chart, journal=path, live=live, sound=sound))


def _recast(chart: Chart | None, reading: Reading, path: Path | None, live: bool) -> Response:
    # Here, because it brings the whole simulation along, which no service needs to start.
    from engine.recast import scenario_of
    from engine.simulation.scenario_files import dump_scenario

    scenario = dump_scenario(scenario_of(reading, chart))
    return Response(200, scenario.encode(), "text/yaml; charset=utf-8")


def _drawn(chart: Chart) -> Response:
    """The picture, or why there is none. That of the chart that comes with us is kept beside it."""
    try:
        if Path(chart.path) == default_chart_path():
            drawing = default_chart_path().with_suffix(".svg").read_bytes()
        else:
            drawing = svg(chart, layout_of(chart)).encode()
    except OSError as error:
        return plain(404, f"no picture of the chart: {error.strerror}")
    except AntiphonError as error:
        return plain(404, str(error))
    return Response(200, drawing, "image/svg+xml")


# --- requests and replies ---------------------------------------------------------------------


def _asked(request: Request, name: str) -> str:
    return parse_qs(request.query).get(name, [""])[0]


def _older_than(call: CallSummary) -> str:
    return f'</inspect/calls?{urlencode([("before", call.file)])}>; rel="next"'


def _json(what: object, headers: Mapping[str, str] = {}) -> Response:
    return Response(200, msgspec.json.encode(what) + b"\n", "application/json", headers)
