"""Sessions as their clients meet them: a service on a real port, HTTP, and a media stream."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace as changed
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import schemathesis
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from pydantic import SecretStr
from schemathesis import GenerationMode

from adapters.front.server import Listening
from adapters.shared_state.alone import Alone
from adapters.twilio.dialing import dialled
from adapters.twilio.phone import talk
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import AtTime, Script
from engine import service
from engine.admission import Limits
from engine.config import Config
from engine.errors import ConfigError
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.journal import AnyLine, Head
from engine.reception import Reception
from engine.service import media_url, run_service
from engine.session import Desks
from engine.sessions import Session
from engine.sessions_settings import SessionSettings
from tests.sockets_kit import until
from tests.test_service import Change, a_desk

TOKEN = "what-clients-show-us"
SESSIONS = SessionSettings(token=SecretStr(TOKEN), region="here")
CONFIG = Config(port=0, sessions=SESSIONS, limits=Limits(calls=3, lag_ms=0, drain_s=30))
SHORT = Script(hang_up=AtTime(200))
LONG = Script(hang_up=AtTime(60_000))
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
NEVER_OPENED = "VS" + "0" * 32


class Service:
    """A running service, and a client of it that shows the token."""

    def __init__(self, listening: Listening, draining: trio.Event) -> None:
        self.listening, self.draining = listening, draining
        self.seen: list[list[AnyLine]] = []
        self.client: httpx.AsyncClient

    def watch(self) -> Callable[[AnyLine], None]:
        self.seen.append([])
        return self.seen[-1].append

    async def post(self, body: object = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body or {})
        kind = {"content-type": "application/json", **headers}
        return await self.client.post("/v1/session", content=content, headers=kind)

    async def opened(self, **wanted: object) -> Session:
        """A session that was granted."""
        response = await self.post(wanted)
        assert response.status_code == 201, response.text
        return msgspec.json.decode(response.content, type=Session)

    async def delete(self, session_id: str) -> int:
        return (await self.client.delete(f"/v1/session/{session_id}")).status_code

    async def call(self, session: Session, script: Script = SHORT, **changed: str) -> CallRecord:
        """The session's call, as its client holds it."""
        told = {**session.parameters, **changed}
        async with dialled(session.media_url) as websocket:
            return await talk(websocket, script, parameters=told, call_id=session.id)


def two_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service has a shop and a bank."""

    @asynccontextmanager
    async def open_desks(*_: object) -> AsyncIterator[Desks]:
        shop = a_desk(Change())
        bank = changed(shop, agent=changed(shop.agent, name="bank"))
        yield Desks(shop, {"shop": shop, "bank": bank}, {})

    monkeypatch.setattr(service, "open_desks", open_desks)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Service]:
    """A service on a free port of this machine."""
    two_agents(monkeypatch)
    draining = trio.Event()
    async with trio.open_nursery() as nursery:
        it = Service(Listening("", 0, lambda: None), draining)
        config = replace(CONFIG, calls=str(tmp_path), data=str(tmp_path))
        start = partial(run_service, config, watch=it.watch, draining=draining)
        it.listening = await nursery.start(start)
        url = f"http://127.0.0.1:{it.listening.port}"
        async with httpx.AsyncClient(base_url=url, headers=SHOWN, trust_env=False) as it.client:
            yield it
        nursery.cancel_scope.cancel()


# --- a session and its call


async def test_a_session_becomes_a_call(running: Service) -> None:
    """With its id, the agent that was asked for, and what its client wants the tools to know."""
    session = await running.opened(agent="bank", caller="app:7", parameters={"order": "29340"})
    assert session.media_url == media_url(running.listening)
    assert session.region == "here"
    record = await running.call(session)
    assert record.outcome == "hung_up"
    ((head, *_),) = running.seen
    assert isinstance(head, Head)
    assert (head.call_id, head.agent.name) == (session.id, "bank")
    told = dict(session.parameters)
    assert told.pop("token")
    assert told == {"agent": "bank", "from": "app:7", "direction": "inbound", "order": "29340"}


async def test_a_session_is_for_one_stream(running: Service) -> None:
    """With its own token, under its own id, and once."""
    session, other = await running.opened(), await running.opened()
    stolen = msgspec.structs.replace(other, parameters=session.parameters)
    assert (await running.call(stolen)).close_code == 1008
    assert (await running.call(session, token="none")).close_code == 1008
    assert (await running.call(session)).outcome == "hung_up"
    assert (await running.call(session)).close_code == 1008
    assert len(running.seen) == 1


async def test_a_client_cannot_say_that_we_called(running: Service) -> None:
    """What the service itself says of a call comes before what its client says."""
    session = await running.opened(parameters={"direction": "outbound", "token": "x", "a": "b"})
    assert session.parameters["direction"] == "inbound"
    assert session.parameters["token"] != "x"
    assert session.parameters["a"] == "b"


async def test_a_session_that_was_taken_back_is_not_held(running: Service) -> None:
    """Its stream is not let in; to take it back again changes nothing."""
    session = await running.opened()
    assert await running.delete(session.id) == 204
    assert await running.delete(session.id) == 204
    assert (await running.call(session)).close_code == 1008
    assert running.seen == []


async def test_a_session_can_be_ended_in_the_middle_of_its_call(running: Service) -> None:
    """The call is hung up, with its end in the journal; others go on."""
    sessions = [await running.opened(), await running.opened()]
    records: dict[str, CallRecord] = {}

    async def hold(session: Session) -> None:
        records[session.id] = await running.call(session, LONG)

    async with trio.open_nursery() as nursery:
        for session in sessions:
            nursery.start_soon(hold, session)
        await until(lambda: len(running.seen) == 2 and all(running.seen))
        assert await running.delete(sessions[0].id) == 204
        await until(lambda: bool(records))
        assert list(records) == [sessions[0].id]
        assert records[sessions[0].id].outcome == "server_closed"
        nursery.cancel_scope.cancel()


# --- who is refused, and how


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer another", f"Basic {TOKEN}", TOKEN])
async def test_only_clients_have_sessions(running: Service, shown: str) -> None:
    """Whoever shows something else, or nothing, is told what is needed, and no more."""
    running.client.headers["authorization"] = shown
    for response in (
        await running.post(),
        await running.client.delete(f"/v1/session/{NEVER_OPENED}"),
        await running.client.delete("/v1/session/nonsense"),
    ):
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["detail"] == "a bearer token is needed"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "truncated"),
        (b"", 400, "truncated"),
        (b"[]", 400, "Expected `object`"),
        (b'{"agent": "\xff"}', 400, "utf-8"),
        (b'{"agnet": "bank"}', 400, "agnet"),
        (b'{"caller": 5}', 400, "$.caller"),
        (b'{"parameters": {"a b": "c"}}', 400, "matching regex"),
        (b'{"parameters": {"a": "%s"}}' % (b"x" * 501), 400, "length <= 500"),
        (b'{"agent": "butcher"}', 422, "there is no agent 'butcher'"),
        (b" " * 70_000, 413, "65536 bytes at most"),
    ],
)
async def test_a_mistake_is_said(running: Service, body: bytes, status: int, says: str) -> None:
    """As a problem that a program can read, with what is wrong."""
    response = await running.post(body)
    assert response.status_code == status
    assert says in response.text
    assert (await running.post()).status_code == 201, "the service goes on"


async def test_another_kind_of_body_is_refused(running: Service) -> None:
    """So no page of another site can send one without its browser asking us first."""
    assert (await running.post({}, **{"content-type": "text/plain"})).status_code == 415


async def test_a_full_service_opens_no_more(running: Service) -> None:
    """It says when to come again."""
    for _ in range(3):
        await running.opened()
    response = await running.post()
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "full" in response.json()["detail"]


async def test_a_draining_service_opens_no_more(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But a session that was granted is still held."""
    monkeypatch.setattr(service, "HANDOVER_S", 0.0)
    session = await running.opened()
    running.draining.set()
    await trio.testing.wait_all_tasks_blocked()
    response = await running.post()
    assert response.status_code == 503
    assert "draining" in response.json()["detail"]
    assert (await running.call(session)).outcome == "hung_up"


@pytest.mark.parametrize(
    "one", ["", "VS", "VS" + "A" * 32, f"{NEVER_OPENED}/..", "..", "%2e%2e%2f", "CA1"]
)
async def test_what_can_be_no_session_is_not_found(running: Service, one: str) -> None:
    """Whatever stands there; nothing is looked up by it."""
    listening = running.listening
    async with await trio.open_tcp_stream(listening.host, listening.port) as stream:
        head = f"DELETE /v1/session/{one} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        await stream.send_all(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("token", ["", "  ", "short", "with a space in it, and long"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    """An empty variable would make a lock that anybody can open. It is not quoted."""
    config = Config(sessions=SessionSettings(token=SecretStr(token)))
    with pytest.raises(ConfigError, match=r"token in \[sessions\] is no token") as error:
        reception(config)
    assert not token.strip() or token not in str(error.value)


def reception(config: Config) -> Reception:
    shared = Alone()
    access = Access(config.inspect, lambda: "127.0.0.1")
    return Reception(config, access, shared, Fleet(shared, {}), list)


async def test_without_a_token_there_are_no_sessions() -> None:
    """Nor is anything said of them."""
    assert not any("session" in path for _, path in reception(Config()).routes)


# --- against its own document


@contextmanager
def in_a_thread(config: Config) -> Iterator[str]:
    """A service in a loop of its own; its URL."""
    began = threading.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(run_service, config)
            found.extend([listening, trio.lowlevel.current_trio_token(), nursery.cancel_scope])
            began.set()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    try:
        assert began.wait(30)
        yield f"http://127.0.0.1:{found[0].port}"
    finally:
        found[1].run_sync_soon(found[2].cancel)
        thread.join(30)


def test_the_service_does_what_its_document_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever a client sends, right or wrong: the status, type and shape of each answer are those
    of the document, what it forbids is refused, and nothing works without the token."""
    two_agents(monkeypatch)
    many = Limits(calls=100_000, lag_ms=0)
    config = replace(CONFIG, limits=many, calls=str(tmp_path), data=str(tmp_path))
    with in_a_thread(config) as url:
        document = httpx.get(f"{url}/v1/openapi.json", trust_env=False).json()
        # The agents are not told to everybody.
        document["components"]["schemas"]["Wanted"]["properties"]["agent"]["enum"] = ["", "bank"]
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=url)
        tried = set()
        for found in schema.get_all_operations():
            operation = cast(Any, found).ok()
            for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:

                @settings(
                    max_examples=30,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                )
                @given(operation.as_strategy(generation_mode=mode))
                def hold(case: Any) -> None:
                    response = case.call_and_validate(headers=SHOWN)
                    tried.add((case.method, response.status_code))

                hold()
    assert {("POST", 201), ("POST", 400), ("DELETE", 204)} <= tried
