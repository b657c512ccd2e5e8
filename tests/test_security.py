"""Those who have no business here, at each entry of a whole service (docs/security.md). In memory
and virtual time, but where a journal's folder is the point."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
import trio
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import ConnectionClosed

from adapters.front.http import Request, Response
from adapters.front.server import TWILIO, Front, FrontLimits
from adapters.twilio.dialing import websocket_over
from adapters.twilio.phone import talk
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import AtTime, Script
from adapters.twilio.settings import TwilioSettings
from engine.config import Config, Keys
from engine.journal import AnyLine
from engine.service import take_calls
from engine.session import Desk
from engine.sessions_settings import SessionSettings
from engine.telephony import VOICE
from tests.inspector_kit import a_call as a_recorded_call
from tests.inspector_kit import an_inspector, asked, journal
from tests.test_front_calls import Calls
from tests.test_service import Change, Port, a_desk
from tests.test_service import port as port
from tests.test_telephony import CALL, URL, Line, unsigned, wanted
from tests.twilio_kit import ADDRESS, UPGRADE, begin
from tests.twins.twilio import webhook

KEY = "twin-key"
CLIENTS = SessionSettings(token=SecretStr("what-clients-show-us"))
LINE = Config(keys=Keys(twilio=SecretStr(KEY)), twilio=TwilioSettings(public_url=URL))
"""A line at Twilio, and nothing else."""
BOTH = Config(keys=LINE.keys, twilio=LINE.twilio, sessions=CLIENTS)
"""Beside it clients of the session interface, whose media streams nobody signs."""


@asynccontextmanager
async def serving(config: Config, desk: Desk | None = None) -> AsyncIterator[list[list[AnyLine]]]:
    """A service on the port; what each call's journal says."""
    seen: list[list[AnyLine]] = []

    def watch() -> Callable[[AnyLine], None]:
        seen.append([])
        return seen[-1].append

    start = partial(take_calls, desk or a_desk(Change()), "", 80, watch=watch, config=config)
    async with trio.open_nursery() as nursery:
        await nursery.start(start)
        yield seen
        nursery.cancel_scope.cancel()


async def answer_to(port: Port, request: bytes) -> bytes:
    """What comes back first."""
    async with port.connect() as stream:
        await stream.send_all(request)
        return bytes(await stream.receive_some())


def on_the_wire(request: Request) -> bytes:
    head = [f"{request.method} {request.path} HTTP/1.1", "host: server.test"]
    head += [f"{name}: {value}" for name, value in request.headers.items() if name != "host"]
    head += [f"content-length: {len(request.body)}", "", ""]
    return "\r\n".join(head).encode() + request.body


async def invited(port: Port, call_id: str = "CA1", key: str = KEY) -> dict[str, str]:
    """The parameters that the signed webhook of a call gives to its stream."""
    signed = webhook(URL, "/voice", {**CALL, "CallSid": call_id}, key)
    head, _, body = (await answer_to(port, on_the_wire(signed))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return {one.attrib["name"]: one.attrib["value"] for one in fromstring(body).iter("Parameter")}


async def called(
    port: Port, call_id: str, parameters: dict[str, str], script: Script | None = None
) -> CallRecord:
    """A media stream that says it is this call."""
    script = script or Script(hang_up=AtTime(1000))
    async with websocket_over(port.connect(), ADDRESS) as websocket:
        return await talk(websocket, script, parameters=parameters, call_id=call_id)


# --- webhooks and media streams


async def test_a_stream_that_nobody_signed_is_not_opened(
    port: Port, autojump_clock: MockClock
) -> None:
    """Not even with a token: that of a line at Twilio alone is never anybody else's."""
    async with serving(LINE) as seen:
        assert (await answer_to(port, UPGRADE + b"\r\n")).startswith(b"HTTP/1.1 403 ")
        forged = UPGRADE + b"X-Twilio-Signature: AAAA\r\n\r\n"
        assert (await answer_to(port, forged)).startswith(b"HTTP/1.1 403 ")
    assert seen == []


async def test_a_webhook_that_is_replayed_opens_no_second_call(
    port: Port, autojump_clock: MockClock
) -> None:
    """Its signature is still right, and it is given another token: for a call that is held or was
    held just now. It takes no second place, and disturbs nobody."""
    async with serving(BOTH) as seen, trio.open_nursery() as nursery:
        records: list[CallRecord] = []

        async def hold() -> None:
            script = Script(hang_up=AtTime(5000))
            records.append(await called(port, "CA1", await invited(port), script))

        nursery.start_soon(hold)
        await trio.sleep(2)
        stolen = await invited(port)
        assert (await called(port, "CA1", stolen)).close_code == 1008
        await trio.sleep(5)
        assert records[0].outcome == "hung_up"
        assert (await called(port, "CA1", await invited(port))).close_code == 1008
    assert len(seen) == 1


async def test_a_token_that_was_stolen_opens_nothing(port: Port, autojump_clock: MockClock) -> None:
    """Neither another call nor, once it was used, the same one; nor does one that was changed."""
    async with serving(BOTH) as seen:
        told = await invited(port)
        changed = {**told, "token": told["token"][:-1] + "!"}
        for call_id, shown in (
            ("CA2", told),
            ("CA1", changed),
            ("CA1", {}),
            ("CA1", {"token": "é"}),
        ):
            assert (await called(port, call_id, shown)).close_code == 1008
        assert (await called(port, "CA1", told)).outcome == "hung_up"
        assert (await called(port, "CA1", told)).close_code == 1008
    assert len(seen) == 1


async def test_a_stream_that_drips_its_start_is_let_go(
    port: Port, autojump_clock: MockClock
) -> None:
    """After ten seconds, however lively it was; no call comes of it."""
    async with serving(BOTH) as seen, port.connect() as stream:
        began = trio.current_time()
        await stream.send_all(UPGRADE + b"\r\n")
        frame = b"\x81\xfe\xff\xff\0\0\0\0"  # the head of a text message of 65535 bytes
        with suppress(trio.BrokenResourceError):
            while trio.current_time() - began < 60:
                await stream.send_all(frame)
                frame = b"x"
                await trio.sleep(0.5)
        assert trio.current_time() - began < 15
    assert seen == []


async def test_a_message_that_is_too_long_ends_its_call_alone(
    port: Port, autojump_clock: MockClock
) -> None:
    """More than 64 KiB are not kept; the call beside it goes on."""
    async with serving(BOTH) as seen, trio.open_nursery() as nursery:
        records: list[CallRecord] = []

        async def hold() -> None:
            records.append(await called(port, "CA1", await invited(port)))

        nursery.start_soon(hold)
        async with websocket_over(port.connect(), ADDRESS) as websocket:
            await websocket.send_message("x" * 70_000)
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1009
        await trio.sleep(5)
    assert [record.outcome for record in records] == ["hung_up"]
    assert len(seen) == 1


async def test_a_flood_of_streams_leaves_the_calls_alone(autojump_clock: MockClock) -> None:
    """As many connections as there may be are opened and say nothing: the call that is held hears
    every frame, what comes then is told to go, and seconds later there is room again."""
    calls = Calls()
    front = Front(calls, {}, TWILIO, None, FrontLimits(connections=20))
    async with trio.open_nursery() as nursery:

        def connect() -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(front.handle, ours)
            return theirs

        async with websocket_over(connect(), ADDRESS) as websocket:
            stream = await begin(websocket)
            flood = [connect() for _ in range(19)]
            for one in flood:
                await one.send_all(UPGRADE + b"\r\n")
                assert (await one.receive_some()).startswith(b"HTTP/1.1 101 ")
            late = connect()
            assert (await late.receive_some()).startswith(b"HTTP/1.1 503 ")
            for _ in range(700):  # fourteen seconds
                await websocket.send_message(stream.media(bytes(160)))
                await websocket.get_message()
                await trio.sleep(0.02)
            async with websocket_over(connect(), ADDRESS) as another:
                await begin(another)
                await trio.sleep(1)
            assert len(calls.said["CA1"]) >= 700
        nursery.cancel_scope.cancel()


async def test_a_host_that_is_none_costs_a_refusal(port: Port, autojump_clock: MockClock) -> None:
    """It is part of what is signed where no public_url is set; and nothing fails of it."""
    config = Config(keys=LINE.keys)
    signed = on_the_wire(webhook("https://server.test", "/voice", CALL))
    async with serving(config):
        with capture_logs() as logs:
            answer = await answer_to(port, signed.replace(b"server.test", b"[server", 1))
            upgrade = UPGRADE.replace(b"server.test", b"[") + b"X-Twilio-Signature: A\r\n\r\n"
            assert (await answer_to(port, upgrade)).startswith(b"HTTP/1.1 403 ")
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert [log["event"] for log in logs if log["log_level"] == "error"] == []


async def test_a_host_becomes_no_markup(port: Port, autojump_clock: MockClock) -> None:
    """Where it is believed, it is the address of the media stream, and nothing more."""
    config = Config(twilio=TwilioSettings(unsigned=True))
    request = on_the_wire(webhook("http://server.test", "/voice", CALL))
    async with serving(config):
        answer = await answer_to(port, request.replace(b"server.test", b'a"/><Say>x</Say>', 1))
    document = fromstring(answer.partition(b"\r\n\r\n")[2])
    assert {one.tag for one in document.iter()} == {"Response", "Connect", "Stream", "Parameter"}


# --- calls out


@pytest.mark.parametrize("origin", ["", "http://evil.test", "null"])
async def test_nobody_has_calls_made_without_a_token(origin: str) -> None:
    """Neither this machine, which a proxy may look like, nor a page in a browser on it."""
    request = replace(wanted("+15552223333"), headers={"origin": origin} if origin else {})
    assert (await Line(near=True, token=None).ask(request)).status == 401


async def test_no_page_posts_a_webhook() -> None:
    """Where nothing is signed: a browser posts what any site tells it to, and says which it was."""
    request = unsigned(webhook("http://voice.example.com", VOICE, CALL))
    line = Line(near=True, token=None, public_url="")
    assert (await line.ask(request)).status == 200
    posted = replace(request, headers={**request.headers, "origin": "http://evil.test"})
    assert (await line.ask(posted)).status == 403


async def test_a_wish_that_is_no_text_is_refused() -> None:
    """With what is needed instead."""
    request = replace(wanted("", "the-callers-token"), body=b'{"to": "\xff"}')
    response = await Line(callers="the-callers-token").ask(request)
    assert (response.status, b"to is needed" in response.body) == (400, True)


# --- paths and heads


PATHS = [
    "/inspect/page/../access.py",
    "/inspect/page/%2e%2e/access.py",
    "/inspect/page//etc/passwd",
    "/phone/../inspect",
    "//inspect",
    "/inspect/",
    "/v1/session/../../inspect",
    "/v1/session/x/y",
    "/voice/",
    "/media/",
    "/INSPECT",
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_is_what_it_says(path: str, autojump_clock: MockClock) -> None:
    """Nothing is taken out of it and nothing decoded: it is one of ours, or there is no such."""
    routes = an_inspector(a_desk(Change())).routes

    async def closed(_: Request) -> Response:
        return Response(204)

    front = Front(
        Calls(), {**routes, ("GET", "/v1/session/{id}"): closed}, TWILIO, None, FrontLimits()
    )
    async with trio.open_nursery() as nursery:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(front.handle, ours)
        await theirs.send_all(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert (await theirs.receive_some()).startswith(b"HTTP/1.1 404 ")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "call_id",
    [
        "../outside",
        "../outside.jsonl",
        "/etc/passwd",
        "%2e%2e/outside",
        "..%2foutside.jsonl",
        "calls/../../outside",
        "outside%00",
        ".",
        "*",
        "%0d%0aset-cookie:%20a=b",
    ],
)
@pytest.mark.parametrize("path", ["/inspect/call", "/inspect/scenario", "/turns", "/inspect/live"])
async def test_a_call_is_looked_up_among_the_journals_only(
    path: str, call_id: str, tmp_path: Path
) -> None:
    """Whatever it is called: what lies beside the folder is not to be had."""
    calls = tmp_path / "calls"
    calls.mkdir()
    journal(calls, "20260101T000000-CA1.jsonl", a_recorded_call("CA1"))
    journal(tmp_path, "outside.jsonl", a_recorded_call("CA2"))
    inspector = an_inspector(a_desk(Change()), calls=calls)
    response = await asked(inspector, path, f"id={call_id}&call={call_id}")
    assert response.status == 404
    assert "set-cookie" not in response.headers


async def test_no_line_gets_into_the_head_of_a_reply(autojump_clock: MockClock) -> None:
    """Whatever a handler puts there: such a reply is not sent at all."""

    async def leads_on(request: Request) -> Response:
        return Response(200, headers={"location": f"/a\r\nset-cookie: {request.query}"})

    front = Front(Calls(), {("GET", "/on"): leads_on}, TWILIO, None, FrontLimits())
    async with trio.open_nursery() as nursery:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(front.handle, ours)
        await theirs.send_all(b"GET /on?a=b HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await theirs.receive_some() == b""
        nursery.cancel_scope.cancel()


# --- the page


def test_the_tests_that_the_page_names_are_there() -> None:
    """Each row of docs/security.md that names one."""
    here = Path(__file__).parent
    page = (here.parent / "docs" / "security.md").read_text(encoding="utf-8")
    sources = "".join(path.read_text(encoding="utf-8") for path in here.rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 25
    assert {name for name in named if f"def {name}(" not in sources} == set()
    assert all((here.parent / file).exists() for file in re.findall(r"tests/\w+\.py", page))
