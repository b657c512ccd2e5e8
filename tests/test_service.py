"""The service: readiness, a watcher for each call, and stopping; in memory and virtual time."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from msgspec.structs import replace
from pydantic import SecretStr
from trio.testing import MockClock, memory_stream_pair

from adapters.carriers.answering import CarrierLimits
from adapters.front.server import Listening
from adapters.twilio.dialing import websocket_over
from adapters.twilio.phone import talk
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import AtTime, KeyPress, Script
from adapters.twilio.settings import TwilioSettings
from effects.choice import Choice
from effects.phrases import Phrases
from effects.ports import JournalSink, ToolContext, ToolSpec
from effects.stage import Ports
from engine import service
from engine.config import Config, Inspect
from engine.errors import ChartError, ConfigError
from engine.journal import AnyLine, End, Event, Head
from engine.service import STOP_S, run_service, take_calls
from engine.session import Desk, Desks
from engine.simulation.providers import (
    Scripted,
    ScriptedJudge,
    ScriptedMind,
    ScriptedVad,
    ScriptedVoice,
)
from engine.simulation.recogniser import ScriptedRecogniser
from engine.simulation.scenario import Answer, Asks, Scenario
from engine.simulation.world import agent_for, default_chart
from states.events import ToolSettled
from states.settings import Settings
from tests.twilio_kit import ADDRESS, UPGRADE

SCENARIO = Scenario(says="", answers=[Answer(asks=Asks(tool="change"), says="Done.")])
KEYS = (KeyPress("1", 1000), KeyPress("#", 1200))
CLOSE_S = CarrierLimits().close_s
TOKEN = "a-token-of-some-length"
OPEN = Config(twilio=TwilioSettings(unsigned=True))
"""For callers who are in memory, and so not on this machine's loopback."""
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"


class Port(trio.abc.Listener[trio.abc.Stream]):
    """Stands in for a listening socket: connections in memory."""

    def __init__(self) -> None:
        self.socket = self
        self._send, self._arrivals = trio.open_memory_channel[trio.abc.Stream](100)

    def getsockname(self) -> tuple[str, int]:
        return ("server.test", 80)

    async def accept(self) -> trio.abc.Stream:
        return await self._arrivals.receive()

    async def aclose(self) -> None:
        await self._arrivals.aclose()

    def connect(self) -> trio.abc.Stream:
        """A connection to the service."""
        ours, theirs = memory_stream_pair()
        self._send.send_nowait(ours)
        return theirs

    async def call(self, script: Script) -> CallRecord:
        """One whole call to the service."""
        async with websocket_over(self.connect(), ADDRESS) as websocket:
            return await talk(websocket, script)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Port:
    """The port that the service listens on."""
    port = Port()

    async def open_listeners(port_number: int, *, host: str) -> list[Port]:
        return [port]

    monkeypatch.setattr(trio, "open_tcp_listeners", open_listeners)
    return port


class Change:
    """A tool with a side effect that takes a second."""

    spec = ToolSpec("change", "changes something", {"type": "object"}, changes=True)

    def __init__(self) -> None:
        self.began = trio.Event()

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        return self._run

    async def _run(self) -> str:
        self.began.set()
        await trio.sleep(1.0)
        return '{"done": true}'


class NoStore(Scripted):
    """Keeps nothing: the watchers see it all."""

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        pass


def a_desk(change: Change) -> Desk:
    agent, phrases = agent_for(SCENARIO), Phrases()
    phrases.add(agent.greeting, bytes(8000))
    ports = Ports(
        speech_to_text=Choice(ScriptedRecogniser(SCENARIO)),
        language_model=Choice(ScriptedMind(SCENARIO)),
        text_to_speech=Choice(ScriptedVoice(SCENARIO)),
        voice_activity=ScriptedVad(),
        turn_detector=ScriptedJudge(SCENARIO),
        tools={"change": change},
        phrases=phrases,
    )
    return Desk(default_chart(), agent, Settings(), ports, NoStore())


class Service:
    """A running service; ``seen`` holds what each call's watcher saw."""

    def __init__(self) -> None:
        self.change = Change()
        self.seen: list[list[AnyLine]] = []
        self._scope = trio.CancelScope()
        self._closed = trio.Event()

    def watch(self) -> Callable[[AnyLine], None]:
        self.seen.append([])
        return self.seen[-1].append

    async def run(self, task_status: trio.TaskStatus[Listening]) -> None:
        with self._scope:
            await take_calls(
                a_desk(self.change), "", 80, watch=self.watch, config=OPEN, task_status=task_status
            )
        self._closed.set()

    async def stop(self) -> float:
        """Stop it, as a signal does; how many seconds it took to close."""
        began = trio.current_time()
        self._scope.cancel()
        await self._closed.wait()
        return trio.current_time() - began


@asynccontextmanager
async def a_service() -> AsyncIterator[tuple[Service, trio.Nursery]]:
    """A service, and a nursery for those who call it."""
    it = Service()
    async with trio.open_nursery() as nursery:
        await nursery.start(it.run)
        yield it, nursery
        await it.stop()


class Caller:
    """Calls in the background; ``record`` is what came of it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.record = CallRecord()

    async def __call__(self, port: Port) -> None:
        self.record = await port.call(self._script)


async def test_stopping_gives_side_effects_their_time(
    port: Port, autojump_clock: MockClock
) -> None:
    """A side effect that has begun is finished and recorded, and nothing else is waited for:
    the websocket is read until it is closed."""
    caller = Caller(Script(keys=KEYS, hang_up=AtTime(60_000)))
    async with a_service() as (it, nursery):
        nursery.start_soon(caller, port)
        await it.change.began.wait()
        assert await it.stop() == pytest.approx(1.0, abs=0.01)
    (lines,) = it.seen
    settled = [line.event for line in lines if isinstance(line, Event)]
    assert [one.outcome for one in settled if isinstance(one, ToolSettled)] == ["done"]
    assert isinstance(lines[-1], End)
    assert (lines[-1].reason, lines[-1].strays) == ("stopped", 0)
    assert (caller.record.outcome, caller.record.close_code) == ("server_closed", 1000)


async def test_stopping_closes_all_calls_at_once(port: Port, autojump_clock: MockClock) -> None:
    """Calls in which nothing is under way close without delay, each with its end."""
    callers = [Caller(Script(hang_up=AtTime(60_000))) for _ in range(3)]
    async with a_service() as (it, nursery):
        for caller in callers:
            nursery.start_soon(caller, port)
        await trio.sleep(2)
        assert await it.stop() < 0.01
    assert [caller.record.close_code for caller in callers] == [1000] * 3
    assert all(isinstance(lines[-1], End) for lines in it.seen)


async def test_stopping_does_not_wait_for_idle_connections(
    port: Port, autojump_clock: MockClock
) -> None:
    """A browser that was served and stays connected is let go."""
    async with a_service() as (it, _):
        idle = port.connect()
        await idle.send_all(HEALTH)
        await idle.receive_some()
        assert await it.stop() < 0.01


async def test_stopping_waits_a_while_for_a_websocket_without_a_call(
    port: Port, autojump_clock: MockClock
) -> None:
    """It has said nothing and might say nothing for long: it is closed."""
    async with a_service() as (it, _), websocket_over(port.connect(), ADDRESS):
        assert await it.stop() <= STOP_S + CLOSE_S
    assert it.seen == []


async def test_a_call_that_begins_while_the_service_stops_is_not_taken(
    port: Port, autojump_clock: MockClock
) -> None:
    """Its websocket is closed at once."""
    async with a_service() as (it, nursery), websocket_over(port.connect(), ADDRESS) as websocket:
        nursery.start_soon(it.stop)
        await trio.sleep(1)
        record = await talk(websocket, Script(hang_up=AtTime(60_000)))
        assert (record.close_code, record.heard) == (1000, [])
    assert it.seen == []


async def test_each_call_has_a_watcher_of_its_own(port: Port, autojump_clock: MockClock) -> None:
    """What one call's watcher sees is that call, from its head to its end."""
    callers = [Caller(Script(hang_up=AtTime(ms))) for ms in (2000, 3000)]
    async with a_service() as (it, _), trio.open_nursery() as calling:
        for caller in callers:
            calling.start_soon(caller, port)
    heads = [line.call_id for lines in it.seen for line in lines if isinstance(line, Head)]
    assert sorted(heads) == sorted(caller.record.call_id for caller in callers)
    for lines in it.seen:
        assert isinstance(lines[0], Head)
        assert isinstance(lines[-1], End)


async def test_until_it_is_loaded_a_service_says_so(
    port: Port, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port is open at once; calls and readiness checks get a 503 at once, until they can be
    taken."""
    loaded = trio.Event()

    @asynccontextmanager
    async def open_slowly(*_: object) -> AsyncIterator[Desks]:
        await loaded.wait()
        yield Desks(a_desk(Change()), {}, {})

    async def statuses() -> list[bytes]:
        answers = []
        for request in (READY, UPGRADE + b"\r\n"):
            async with port.connect() as stream:
                await stream.send_all(request)
                answers.append(bytes(await stream.receive_some())[9:12])
        return answers

    monkeypatch.setattr(service, "open_desks", open_slowly)
    async with trio.open_nursery() as nursery:
        ready = trio.Event()

        async def run() -> None:
            await nursery.start(run_service, OPEN)
            ready.set()

        nursery.start_soon(run)
        await trio.sleep(1)
        began = trio.current_time()
        assert await statuses() == [b"503", b"503"]
        assert trio.current_time() == began
        assert not ready.is_set()
        loaded.set()
        await ready.wait()
        assert await statuses() == [b"200", b"101"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        (TOKEN, "", 101),
        (TOKEN, "Origin: http://server.test\r\n", 403),
        (TOKEN, f"Origin: http://server.test\r\nAuthorization: Bearer {TOKEN}\r\n", 101),
        (TOKEN, f"Origin: http://other.test\r\nAuthorization: Bearer {TOKEN}\r\n", 403),
        (None, "Origin: http://server.test\r\n", 403),
    ],
    ids=["a carrier", "any page", "our phone", "another site", "no phone"],
)
async def test_calls_from_a_browser_are_for_those_who_may_see_the_phone(
    token: str | None, headers: str, status: int, port: Port, autojump_clock: MockClock
) -> None:
    """Or a page could call a service on its visitor's machine, by a name that leads there."""
    inspect = Inspect(token=SecretStr(token) if token else None)
    config = replace(OPEN, inspect=inspect)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(take_calls, a_desk(Change()), "", 80, config=config))
        async with port.connect() as stream:
            await stream.send_all(UPGRADE + headers.encode() + b"\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 %d " % status)
        nursery.cancel_scope.cancel()


async def test_a_busy_port_is_noticed_before_anything_is_loaded() -> None:
    """Loading takes seconds, and nobody waits them out to be told of a port."""

    def load(step: str) -> None:
        raise AssertionError(step)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config(port=taken.getsockname()[1], chart="none.yaml")
        with pytest.raises(ExceptionGroup) as caught:
            await run_service(config, progress=load)
    assert caught.group_contains(ConfigError, match="in use")


async def test_a_desk_that_cannot_be_opened_closes_the_port(
    port: Port, autojump_clock: MockClock
) -> None:
    """The error comes out, and nothing stays behind."""
    before = trio.lowlevel.current_statistics().tasks_living
    with pytest.raises(ExceptionGroup) as caught:
        await run_service(Config(chart="none.yaml"))
    assert caught.group_contains(ChartError, match=r"none\.yaml")
    assert trio.lowlevel.current_statistics().tasks_living == before
