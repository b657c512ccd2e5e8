"""``antiphon watch``: what is shown of a service's calls, and what becomes of a watcher."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
import trio
import trio.testing
from rich.console import Console

from adapters.front.http import Request, Response, Routes, plain
from adapters.front.server import Listening, serve
from effects.ports import Carrier
from engine.errors import AntiphonError, ConfigError
from engine.insight import CallTurns, ProviderHealth
from engine.inspector.summary import CallSummary
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate
from engine.turns import Turns
from engine.watch import Board, LastWords, Told
from engine.watch_cli import LOOK_S, HttpService, ServiceLost, follow

URL = "http://127.0.0.1:8765"
EMBEDDED = ProviderHealth(
    port="voice", provider="embedded", breaker="closed", failures_in_a_row=0, succeeded=1, failed=0
)


def a_call(call_id: str = "CA1", **changes: object) -> CallSummary:
    """A call that goes on and has had one turn."""
    call = CallSummary(
        call_id=call_id,
        started="2026-11-21T11:46:01+00:00",
        agent="parcel desk",
        state="speaking",
        outcome="live",
        reason="",
        duration_ms=4200.0,
        turns=1,
        latencies_ms=[640.0],
        interruptions=0,
        false_alarms=0,
        flags=[],
    )
    return msgspec.structs.replace(call, **changes)


SCENARIO = Scenario(
    says="", caller=[Act(at=2.0, say="hello there")], answers=[Answer(says="Hi.")], ends_at=8.0
)
TURNS = Turns.of(simulate(SCENARIO).lines).records
OVER = {"outcome": "completed", "reason": "ended", "state": ""}


def picture(board: Board, now_s: float = 0.0, width: int = 80, height: int = 24) -> list[str]:
    return [line.plain for line in board.lines(now_s, width, height)]


def row_of(board: Board, call: str, now_s: float = 0.0, width: int = 80) -> list[str]:
    (row,) = [line for line in picture(board, now_s, width) if line.startswith(call)]
    return row.split()


# --- the board -------------------------------------------------------------------------------


def test_a_live_call_is_a_row() -> None:
    """State, for how long in it, turns, latency and its feeling, interruptions, false alarms,
    length."""
    board = Board(URL)
    board.look(0.0, Told([a_call(interruptions=2)]))
    assert row_of(board, "CA1") == [
        *("CA1", "speaking", "0:00", "1", "640", "acceptable", "2", "-", "0:04")
    ]


def test_time_goes_on_between_looks() -> None:
    """A state lasts until another is seen, and the call goes on while nothing happens in it."""
    board = Board(URL)
    board.look(10.0, Told([a_call()]))
    board.look(12.0, Told([a_call()]))
    assert row_of(board, "CA1", 13.0)[2] == "0:03"
    assert row_of(board, "CA1", 13.0)[-1] == "0:07"
    board.look(14.0, Told([a_call(state="listening", duration_ms=8000.0)]))
    assert row_of(board, "CA1", 15.0)[1:3] == ["listening", "0:01"]
    assert row_of(board, "CA1", 15.0)[-1] == "0:09"


def test_calls_that_ended_stand_below() -> None:
    """With what is worth a look; and no longer among the live ones."""
    board = Board(URL)
    board.look(0.0, Told([a_call("CA1"), a_call("CA2")]))
    ended = a_call("CA2", **OVER, flags=["slow", "false_alarm"])
    board.look(1.0, Told([a_call("CA1"), ended]))
    lines = picture(board, 1.0)
    heading = next(at for at, line in enumerate(lines) if line.startswith("ended"))
    assert "CA1" in "".join(lines[:heading])
    assert lines[heading + 1].split() == ["CA2", "0:04", "1", "640/640", "slow", "false", "alarm"]
    assert "CA2" not in "".join(lines[:heading])


def test_the_top_tells_of_the_last_hundred_turns() -> None:
    """Older ones count no more."""
    board = Board(URL)
    old = a_call("CA2", **OVER, latencies_ms=[9000.0] * 50)
    new = a_call("CA1", latencies_ms=[300.0] * 100)
    board.look(0.0, Told([new, old]))
    assert picture(board)[0] == f"{URL}  1 live  latency of the last 100 turns: p50 300 p95 300 ms"


def test_the_health_of_each_port_is_a_line() -> None:
    """In words, so that it can be read without colour."""
    sick = msgspec.structs.replace(
        EMBEDDED, provider="elevenlabs", breaker="open", failures_in_a_row=3
    )
    mind = msgspec.structs.replace(EMBEDDED, port="mind", provider="openai", failures_in_a_row=1)
    board = Board(URL)
    board.look(0.0, Told([], [mind, sick, EMBEDDED]))
    assert picture(board)[1:3] == [
        "mind        openai failed 1×",
        "voice       elevenlabs left alone, embedded ok",
    ]


def test_what_was_said_last_stands_under_a_call() -> None:
    """Of each side, where it was asked for."""
    board = Board(URL)
    board.look(0.0, Told([a_call()], words={"CA1": LastWords("where is it", "In Memphis.")}))
    assert [line.strip() for line in picture(board) if "“" in line] == [
        "caller “where is it”",
        "agent  “In Memphis.”",
    ]


@pytest.mark.parametrize(("width", "height"), [(30, 8), (48, 16), (80, 24), (140, 40)])
def test_the_picture_fits_the_terminal(width: int, height: int) -> None:
    """However many calls there are; a narrow one keeps the state and the latency."""
    board = Board(URL)
    calls = [a_call(f"CA{number}") for number in range(50)]
    board.look(0.0, Told([*calls, a_call("CA77", **OVER)], [EMBEDDED]))
    lines = picture(board, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "…" in lines
    assert row_of(board, "CA0", width=width)[:2] == ["CA0", "speaking"]
    assert ("640" in row_of(board, "CA0", width=width)) is (width >= 48)


# --- a line a change -------------------------------------------------------------------------


def test_each_change_is_a_line() -> None:
    """A call that is seen first, a turn and its latency, a state, an end; and nothing else."""
    board = Board(URL)
    recorded = a_call("CA0", **OVER)
    assert board.look(0.0, Told([a_call(), recorded])) == [
        "CA1    4.20  latency  640 ms (acceptable)",
        "CA1    4.20  state    speaking",
    ]
    assert board.look(0.5, Told([a_call(), recorded])) == []
    listening = a_call(state="listening", duration_ms=6000.0)
    assert board.look(1.0, Told([listening])) == ["CA1    6.00  state    speaking → listening"]
    answered = a_call(duration_ms=9000.0, turns=2, latencies_ms=[640.0, 1700.0])
    assert board.look(1.5, Told([answered])) == [
        "CA1    9.00  turn     2",
        "CA1    9.00  latency  1700 ms (broken)",
        "CA1    9.00  state    listening → speaking",
    ]
    over = msgspec.structs.replace(answered, **OVER)
    assert board.look(2.0, Told([over])) == ["CA1    9.00  call     over (completed: ended)"]
    assert board.look(2.5, Told([over])) == []


def test_a_call_that_is_told_of_no_more_is_over() -> None:
    """A service that keeps no journals forgets its calls."""
    board = Board(URL)
    board.look(0.0, Told([a_call()]))
    assert board.look(0.5, Told([])) == ["CA1 is over"]


# --- following a service ---------------------------------------------------------------------


class Scripted:
    """A service that tells this, look by look, and then stands still."""

    def __init__(self, *looks: Told | ServiceLost) -> None:
        self._looks = list(looks)
        self.looked = 0

    async def look(self) -> Told:
        await trio.lowlevel.checkpoint()
        told = self._looks[min(self.looked, len(self._looks) - 1)]
        self.looked += 1
        if isinstance(told, ServiceLost):
            raise told
        return told


async def followed(service: Scripted, seconds: float, **terminal: object) -> str:
    text = io.StringIO()
    console = Console(file=text, highlight=False, **terminal)  # type: ignore[arg-type]
    with trio.move_on_after(seconds):
        await follow(service, Board(URL), console)
    return text.getvalue()


async def test_a_pipe_gets_a_line_a_change(autojump_clock: trio.testing.MockClock) -> None:
    """A service that goes away is said once and waited for, and so is that it is back."""
    gone = ServiceLost("does not answer (connection refused)")
    live, over = Told([a_call(latencies_ms=[])]), Told([a_call(**OVER, latencies_ms=[])])
    service = Scripted(live, gone, gone, over)
    text = await followed(service, 10 * LOOK_S)
    assert text.splitlines() == [
        "CA1    4.20  state    speaking",
        f"{URL} does not answer (connection refused): waiting",
        f"{URL} answers",
        "CA1    4.20  call     over (completed: ended)",
    ]
    assert service.looked == 10


async def test_a_terminal_gets_a_picture(autojump_clock: trio.testing.MockClock) -> None:
    """With the trouble in it while there is some, and for how long there was."""
    service = Scripted(Told([a_call()]), ServiceLost("does not answer (connection refused)"))
    text = await followed(service, 2.6, force_terminal=True, width=80, height=24)
    assert "speaking" in text
    assert "it does not answer (connection refused): waiting for it, 0:02" in text


# --- over real sockets -----------------------------------------------------------------------


@asynccontextmanager
async def a_front(routes: Routes) -> AsyncIterator[str]:
    """A service with these routes; its URL."""

    async def no_call(_: Carrier) -> None:
        raise AssertionError("nobody calls here")

    async with trio.open_nursery() as nursery:
        bound: Listening = await nursery.start(
            partial(serve, "127.0.0.1", 0, on_call=no_call, routes=routes)
        )
        yield f"http://127.0.0.1:{bound.port}"
        nursery.cancel_scope.cancel()


class Desk:
    """What a service tells, and who asked for it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.calls: Response = answer([a_call()])

    @property
    def routes(self) -> Routes:
        async def calls(request: Request) -> Response:
            self.requests.append(request)
            return self.calls

        async def providers(_: Request) -> Response:
            return answer([EMBEDDED])

        async def turns(request: Request) -> Response:
            assert request.query == "call=CA1"
            return answer(CallTurns(call="CA1", over=False, turns=TURNS))

        return {
            ("GET", "/inspect/calls"): calls,
            ("GET", "/providers"): providers,
            ("GET", "/turns"): turns,
        }


def answer(what: object) -> Response:
    return Response(200, msgspec.json.encode(what), "application/json")


async def looked_at(desk: Desk, *, token: str | None = None, words: bool = False) -> Sequence[Told]:
    """Two looks over one connection."""
    async with a_front(desk.routes) as url, HttpService(url, token, words=words) as service:
        return [await service.look(), await service.look()]


async def test_a_service_is_asked_for_its_calls_and_providers() -> None:
    """With the token as a bearer's, if there is one; words only where they are wanted."""
    desk = Desk()
    for told in await looked_at(desk, token="open sesame"):
        assert told == Told([a_call()], [EMBEDDED], {})
    assert {request.headers["authorization"] for request in desk.requests} == {"Bearer open sesame"}


async def test_words_come_from_the_turns_of_a_call() -> None:
    """The caller's latest, and what was heard of the agent last."""
    told, _ = await looked_at(Desk(), words=True)
    assert told.words == {"CA1": LastWords("hello there", "Hi.")}


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (plain(404, "no such path"), ConfigError, "has no inspector"),
        (plain(401, "a token is needed"), ConfigError, "--token"),
        (answer({"calls": 3}), AntiphonError, "not what antiphon serve tells"),
        (plain(503, "loading"), ServiceLost, "is not ready"),
    ],
)
async def test_other_answers_are_told_apart(
    response: Response, error: type[Exception], says: str
) -> None:
    """What waiting does not mend ends the watch with a line; a service that loads is waited for."""
    desk = Desk()
    desk.calls = response
    async with a_front(desk.routes) as url, HttpService(url, None, words=False) as service:
        with pytest.raises(error, match=says):
            await service.look()


async def test_nobody_there_is_waited_for() -> None:
    """With the operating system's reason."""
    async with a_front({}) as url:
        pass
    async with HttpService(url, None, words=False) as service:
        with pytest.raises(ServiceLost, match=r"does not answer \(connection refused\)"):
            await service.look()


async def test_ctrl_c_ends_the_watch_well() -> None:
    """Exit code 0, and all that was seen is written."""
    desk = Desk()
    command = [sys.executable, "-c", "from engine.cli import main; main()", "watch", "--url"]
    async with a_front(desk.routes) as url, trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(trio.run_process, [*command, url], stdout=subprocess.PIPE, check=False)
        )
        first = await process.stdout.receive_some()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert first.startswith(b"CA1    4.20")


def test_an_address_that_is_none_is_one_line() -> None:
    """Exit code 2, and how to give it."""
    command = [sys.executable, "-c", "from engine.cli import main; main()", "watch", "--url"]
    result = subprocess.run(
        [*command, "localhost:8765"], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line == (
        "antiphon: localhost:8765 is not the address of a service: give it as http://host:port"
    )
