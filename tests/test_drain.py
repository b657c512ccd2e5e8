"""How a service ends: no new calls, those that there are go on, a goodbye, and the end; over
memory streams and in virtual time."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from adapters.twilio.script import (
    AfterAgent,
    AtTime,
    IntoReply,
    KeyPress,
    Script,
    Utterance,
    When,
)
from adapters.twilio.settings import TwilioSettings
from bench.scripted import Spoken, TimedMind
from effects.choice import Choice
from effects.ports import Prompt, TextDelta, ToolCall, Usage
from engine import serve_cli, service
from engine.admission import Limits
from engine.config import Config
from engine.journal import AnyLine, Event
from engine.service import GOODBYE_S, HANDOVER_S, STOP_S, take_calls
from engine.session import Desk, Desks
from engine.simulation.providers import ScriptedJudge
from engine.simulation.scenario import Scenario
from states.events import CallTooLong
from tests import test_service
from tests.endure_kit import a_desk, end_of, says
from tests.test_service import Caller, Port
from tests.twilio_kit import UPGRADE

port = test_service.port  # the fixture

DRAIN_S = 30.0
GOODBYE = "Time is up."
LONG_S = 3600.0
GREETED_S = 1.5
WEBHOOK = (
    b"POST /voice HTTP/1.1\r\nHost: server.test\r\nContent-Length: 11\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nCallSid=CA%d"
)
READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
LISTENS = Script(hang_up=AtTime(LONG_S * 1000), limit_ms=LONG_S * 1000)


class Draining:
    """A running service that is to be drained."""

    def __init__(self, desk: Desk, drain_s: float) -> None:
        self.seen: list[list[AnyLine]] = []
        self.draining, self.ended = trio.Event(), trio.Event()
        self.on_line: Callable[[AnyLine], None] = lambda line: None
        limits = Limits(drain_s=drain_s, calls=3)
        self._config = Config(twilio=TwilioSettings(unsigned=True), limits=limits)
        self._desk = desk

    def watch(self) -> Callable[[AnyLine], None]:
        lines: list[AnyLine] = []
        self.seen.append(lines)

        def see(line: AnyLine) -> None:
            lines.append(line)
            self.on_line(line)

        return see

    async def run(self, task_status: trio.TaskStatus[object]) -> None:
        await take_calls(
            self._desk,
            "",
            80,
            watch=self.watch,
            config=self._config,
            draining=self.draining,
            task_status=task_status,
        )
        self.ended.set()


@asynccontextmanager
async def a_service(
    desk: Desk | None = None, drain_s: float = DRAIN_S
) -> AsyncIterator[tuple[Draining, trio.Nursery]]:
    """A service, and a nursery for those who call it; it has ended by itself afterwards."""
    it = Draining(desk or a_desk([]), drain_s)
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + LONG_S
        await nursery.start(it.run)
        yield it, nursery
    assert it.ended.is_set()


async def answer_to(port: Port, request: bytes) -> bytes:
    """What a service says to one request."""
    async with port.connect() as stream:
        await stream.send_all(request)
        return bytes(await stream.receive_some())


# --- who is let in --------------------------------------------------------------------------


async def test_a_draining_service_takes_no_new_calls(port: Port, autojump_clock: MockClock) -> None:
    """It says so to load balancers, to Twilio's webhook in words for the caller, and to media
    streams; it is alive all the same."""
    async with a_service() as (it, nursery):
        nursery.start_soon(Caller(Script(hang_up=AtTime(10_000))), port)
        await trio.sleep(1)
        it.draining.set()
        await trio.sleep(HANDOVER_S + 0.1)
        ready = await answer_to(port, READY)
        assert ready.startswith(b"HTTP/1.1 503")
        assert b'"why_not":"draining"' in ready
        turned_away = await answer_to(port, WEBHOOK % 1)
        assert turned_away.startswith(b"HTTP/1.1 200")
        assert b"<Say>We are sorry" in turned_away
        assert b"<Stream" not in turned_away
        stream = await answer_to(port, UPGRADE + b"\r\n")
        assert stream.startswith(b"HTTP/1.1 503")
        assert b"draining" in stream
        alive = await answer_to(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert alive.startswith(b"HTTP/1.1 200")


async def test_who_has_connected_already_is_let_in(port: Port, autojump_clock: MockClock) -> None:
    """Not ready is said first: a webhook and a media stream whose connections crossed with the
    signal would be lost."""
    caller = Caller(Script(hang_up=AtTime(5_000)))
    async with a_service() as (it, _):
        it.draining.set()
        await trio.sleep(HANDOVER_S / 2)
        assert (await answer_to(port, READY)).startswith(b"HTTP/1.1 503")
        assert b"<Stream" in await answer_to(port, WEBHOOK % 1)
        await trio.sleep(HANDOVER_S)
        assert b"<Stream" not in await answer_to(port, WEBHOOK % 2)
        await caller(port)
    assert caller.record.outcome == "hung_up"


async def test_calls_that_there_are_end_by_themselves(
    port: Port, autojump_clock: MockClock
) -> None:
    """Nobody is told to go who goes in time, and the service ends with the last of them."""
    callers = [Caller(Script(hang_up=AtTime(ms))) for ms in (5_000, 20_000)]
    async with a_service() as (it, nursery):
        for caller in callers:
            nursery.start_soon(caller, port)
        await trio.sleep(1)
        it.draining.set()
        await it.ended.wait()
        assert trio.current_time() == pytest.approx(20, abs=0.1)
    assert [caller.record.outcome for caller in callers] == ["hung_up", "hung_up"]
    assert [end_of(lines).reason for lines in it.seen] == ["ended", "ended"]
    assert not any(GOODBYE in line.text for lines in it.seen for line in end_of(lines).history)


async def test_a_service_without_calls_ends_soon(port: Port, autojump_clock: MockClock) -> None:
    """Nobody is waited for but who may have connected already."""
    async with a_service() as (it, _):
        it.draining.set()
        await it.ended.wait()
        assert trio.current_time() == pytest.approx(HANDOVER_S, abs=0.1)


@pytest.mark.parametrize("drain_s", [0.0, 5.0], ids=["at once", "with time"])
async def test_a_call_that_was_promised_a_place_is_let_in(
    drain_s: float, port: Port, autojump_clock: MockClock
) -> None:
    """Its webhook was answered before the drain began, so the caller is on their way: the service
    waits for them, and they are held as all others are, up to the goodbye. One more, who was
    promised nothing, is not let in."""
    caller = Caller(LISTENS)
    async with a_service(drain_s=drain_s) as (it, nursery):
        assert b"<Stream" in await answer_to(port, WEBHOOK % 1)
        it.draining.set()
        await trio.sleep(2)
        assert not it.ended.is_set()
        nursery.start_soon(caller, port)
        await trio.sleep(1)
        assert (await answer_to(port, UPGRADE + b"\r\n")).startswith(b"HTTP/1.1 503")
        await it.ended.wait()
        assert trio.current_time() < HANDOVER_S + drain_s + GOODBYE_S
    (lines,) = it.seen
    assert [line.text for line in end_of(lines).history][-1] == GOODBYE
    assert caller.record.outcome == "server_closed"


async def test_a_place_that_nobody_comes_for_is_not_waited_for_long(
    port: Port, autojump_clock: MockClock
) -> None:
    """It lapses after ``arrival_s``."""
    async with a_service() as (it, _):
        await answer_to(port, WEBHOOK % 1)
        it.draining.set()
        await it.ended.wait()
        assert trio.current_time() == pytest.approx(Limits().arrival_s, abs=1.1)


# --- the goodbye ----------------------------------------------------------------------------


class SlowMind(TimedMind):
    """Thinks for three seconds before it begins."""

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        await trio.sleep(3)
        return await super().reply(prompt, emit)


@dataclass(frozen=True)
class Moment:
    """A state of a call, and how a caller brings it about by what they say."""

    state: str
    said: Sequence[tuple[Spoken, When]] = ()
    keys: tuple[KeyPress, ...] = ()
    slow: bool = False
    incomplete: str = ""

    @property
    def script(self) -> Script:
        utterances = tuple(Utterance(spoken.mulaw, when) for spoken, when in self.said)
        return replace(LISTENS, utterances=utterances, keys=self.keys)

    @property
    def desk(self) -> Desk:
        desk = a_desk([spoken for spoken, _ in self.said])
        scenario = Scenario(says="", incomplete=[self.incomplete] if self.incomplete else [])
        ports = replace(desk.ports, turn_detector=ScriptedJudge(scenario))
        if self.slow:
            ports = replace(ports, language_model=Choice(SlowMind(trio.sleep)))
        return replace(desk, ports=ports)


ASKS = (says("please put me through to customer support"), AfterAgent())
MOMENTS = [
    Moment("speaking"),  # the greeting
    Moment("waiting"),
    Moment("hearing", [ASKS]),
    Moment("patient", [ASKS], incomplete=ASKS[0].words),
    Moment("keying", keys=(KeyPress("1", 4000),)),
    Moment("on_hold", [(says("hang on a second"), AfterAgent())]),
    Moment("thinking", [ASKS], slow=True),
    Moment("disturbed", [ASKS, (says("", 300), AtTime(4500))], slow=True),
    Moment("alone", [ASKS]),
    Moment("brief", [ASKS, (says("", 300), IntoReply(1500))]),
    Moment("contested", [ASKS, (says("no the other one", partials=False), IntoReply(1500))]),
    Moment("quieted", [ASKS, (says("", 900), IntoReply(1500))]),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=[moment.state for moment in MOMENTS])
async def test_the_agent_says_goodbye_whatever_is_going_on(
    moment: Moment, port: Port, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the drain has taken long enough, in every state of a call: at its next opportunity, and
    the caller hears it to its end; then the call is over, in time."""
    monkeypatch.setattr(service, "HANDOVER_S", 0.0)  # or the state would be over
    caller = Caller(moment.script)
    told_s = 0.0

    def drain_then(line: AnyLine) -> None:
        nonlocal told_s
        begun = moment.state in ("speaking", "waiting") or trio.current_time() > GREETED_S
        if isinstance(line, Event) and moment.state in line.states and begun:
            it.draining.set()
            told_s = told_s or trio.current_time()

    async with a_service(moment.desk, drain_s=0) as (it, nursery):
        it.on_line = drain_then
        nursery.start_soon(caller, port)
        await it.ended.wait()
        assert trio.current_time() <= told_s + GOODBYE_S
    (lines,) = it.seen
    steps = [line for line in lines if isinstance(line, Event)]
    (told,) = [number for number, one in enumerate(steps) if isinstance(one.event, CallTooLong)]
    assert moment.state in steps[told - 1].states
    end = end_of(lines)
    assert (end.outcome, end.reason) == ("completed", "ended")
    assert end.history[-1].text == GOODBYE
    assert not end.history[-1].interrupted
    assert caller.record.outcome == "server_closed"


async def test_a_caller_who_goes_on_talking_is_not_waited_for_for_ever(
    port: Port, autojump_clock: MockClock
) -> None:
    """Who leaves the agent no opportunity for its goodbye is hung up on."""
    endless = says("and another thing", 40_000)
    moment = Moment("hearing", [(endless, AfterAgent())])
    caller = Caller(moment.script)
    async with a_service(moment.desk, drain_s=5) as (it, nursery):
        nursery.start_soon(caller, port)
        await trio.sleep(5)
        it.draining.set()
        await it.ended.wait()
        assert 0 <= trio.current_time() - (5 + HANDOVER_S + 5 + GOODBYE_S) < STOP_S
    assert end_of(it.seen[0]).reason == "stopped"
    assert caller.record.close_code == 1000


# --- signals --------------------------------------------------------------------------------


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_hurries(
    second: signal.Signals,
    port: Port,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first lets calls go on, the second hangs them up at once; their journals have an end."""
    caller = Caller(LISTENS)
    journals: list[list[AnyLine]] = []

    @asynccontextmanager
    async def open_desks(*_: object) -> AsyncIterator[Desks]:
        yield Desks(a_desk([]), {}, {})

    def watched(_: object) -> Callable[[], Callable[[AnyLine], None]]:
        def watch() -> Callable[[AnyLine], None]:
            journals.append([])
            return journals[-1].append

        return watch

    @asynccontextmanager
    async def open_keeping(*_: object) -> AsyncIterator[None]:
        yield None  # its threads are not on the test's clock

    monkeypatch.setattr(service, "open_desks", open_desks)
    monkeypatch.setattr(service, "open_keeping", open_keeping)
    monkeypatch.setattr(serve_cli, "CallsPrinter", watched)
    config = Config(twilio=TwilioSettings(unsigned=True))
    ended = trio.Event()

    async def work() -> None:
        await serve_cli._work(Console(quiet=True), config, show=True)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await trio.sleep(1)
        nursery.start_soon(caller, port)
        await trio.sleep(5)
        os.kill(os.getpid(), signal.SIGTERM)
        await trio.sleep(5)
        assert not ended.is_set()
        os.kill(os.getpid(), second)
        await ended.wait()
    end = end_of(journals[0])
    assert end.reason == "stopped"
    assert end.at_ms == pytest.approx(10_000, abs=100)
    assert caller.record.close_code == 1000
