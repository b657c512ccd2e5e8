"""The telephone line: webhooks, tokens, calls out; and everybody who has no business there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest
import trio
import trio.testing
from pydantic import SecretStr

from adapters.front.http import Handler, Request, Response
from adapters.twilio.settings import TwilioSettings
from adapters.twilio.signature import HEADER, signature
from effects.ports import (
    CallInfo,
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
)
from engine.admission import Admission, Limits
from engine.door import Door
from engine.telephony import CALLS, STATUS, VOICE, Telephony
from tests.test_fleet import Memory
from tests.twins.server import open_twin
from tests.twins.twilio import ACCOUNT, TwilioTwin, webhook

URL = "https://voice.example.com"
KEY = SecretStr("twin-key")
CALL = {"CallSid": "CA1", "From": "+15550001111", "To": "+15552223333", "Direction": "inbound"}


class Line:
    """A worker's line and what stands around it."""

    def __init__(
        self,
        *,
        token: SecretStr | None = KEY,
        callers: str = "",
        calls: int = 2,
        near: bool = False,
        memory: Memory | None = None,
        others: bool = False,
        **settings: Any,
    ) -> None:
        self.memory = memory or Memory()
        self.door = Door([token] if token else [], self.memory, wall_s=trio.current_time)
        self.admission = Admission(Limits(calls=calls))
        self.admission.ready = True
        self.telephony = Telephony(
            TwilioSettings(
                **{"public_url": URL, "account_sid": ACCOUNT, **settings},
                calls_token=SecretStr(callers) if callers else None,
            ),
            token,
            admission=self.admission,
            door=self.door,
            media_path="/media",
            near=lambda request: near,
            others=others,
        )

    async def ask(self, request: Request) -> Response:
        handler: Handler = self.telephony.routes[request.method, request.path]
        return await handler(request)

    async def voice(self, **fields: str) -> Element:
        """The TwiML for a call that comes in."""
        response = await self.ask(webhook(URL, VOICE, {**CALL, **fields}))
        assert (response.status, response.content_type) == (200, "text/xml; charset=utf-8")
        return fromstring(response.body)

    async def call(self, **fields: str) -> CallInfo:
        """What the media stream of a call that comes in says of itself."""
        stream = (await self.voice(**fields)).find("Connect/Stream")
        assert stream is not None
        parameters = {one.attrib["name"]: one.attrib["value"] for one in stream}
        return CallInfo(fields.get("CallSid", "CA1"), "MZ1", parameters)


def upgrade(url: str = f"{URL.replace('https', 'wss')}/media", key: SecretStr = KEY) -> Request:
    headers = {"host": "voice.example.com", HEADER: signature(url, (), key)}
    return Request("GET", "/media", headers=headers)


# --- calls that come in


async def test_a_call_is_led_to_its_media_stream() -> None:
    """By the address that Twilio knows us by, with who calls whom, and a token that lets it in."""
    line = Line()
    stream = (await line.voice()).find("Connect/Stream")
    assert stream is not None
    assert stream.attrib["url"] == "wss://voice.example.com/media"
    info = await line.call(CallSid="CA2", Direction="outbound-api", AnsweredBy="machine_start")
    told = {name: info.parameters[name] for name in ("direction", "from", "to", "answered_by")}
    assert told == {
        "direction": "outbound",
        "from": "+15550001111",
        "to": "+15552223333",
        "answered_by": "machine_start",
    }
    assert line.telephony.admit(upgrade()) is None
    assert await line.door.let_in(info) == ""


async def test_a_token_lets_one_stream_in_once() -> None:
    """Not a second one, in no worker; not another call's; not without."""
    memory = Memory()
    line, other = Line(memory=memory, calls=9), Line(memory=memory, calls=9)
    info = await line.call()
    stolen = CallInfo("CA9", "MZ9", info.parameters)
    assert "no token for this call" in await line.door.let_in(stolen)
    assert "no token" in await line.door.let_in(CallInfo("CA1", "MZ1"))
    assert await other.door.let_in(info) == ""
    assert "used before" in await line.door.let_in(info)


async def test_a_token_does_not_keep(autojump_clock: trio.testing.MockClock) -> None:
    """A stream that comes late is not let in."""
    line = Line()
    info = await line.call()
    await trio.sleep(32)
    assert "no token for this call" in await line.door.let_in(info)


async def test_without_the_other_workers_a_token_is_still_used_once() -> None:
    """Each worker knows at least its own; no caller waits for our trouble."""
    line = Line()
    info = await line.call()
    line.memory.cut = True
    assert await line.door.let_in(info) == ""
    assert "used before" in await line.door.let_in(info)


async def test_a_caller_whom_we_cannot_take_is_told() -> None:
    """Words and the end, or somebody else; never silence."""
    line = Line(calls=1, turned_away="All lines are busy.")
    await line.voice()
    full = await line.voice(CallSid="CA2")
    assert [(one.tag, one.text) for one in full] == [
        ("Say", "All lines are busy."),
        ("Hangup", None),
    ]
    line = Line(overflow="+15559990000")
    line.admission.draining = True
    elsewhere = (await line.voice()).find("Dial/Number")
    assert elsewhere is not None
    assert elsewhere.text == "+15559990000"


async def test_a_webhook_that_comes_again_takes_no_second_place() -> None:
    """Twilio asks again where our answer was lost; the call is let in all the same."""
    line = Line(calls=1)
    first, second = await line.call(), await line.call()
    assert line.admission.reserved == 1
    assert await line.door.let_in(second) == ""
    assert first.parameters["token"] != second.parameters["token"]


async def test_a_webhook_that_comes_again_late_keeps_a_place_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its call is yet to come, and nobody else gets in before it."""
    line = Line(calls=1)
    await line.call()
    await trio.sleep(line.admission.limits.arrival_s + 1)
    await line.call()
    assert line.admission.has_place("CA1")
    assert (await line.voice(CallSid="CA2")).find("Say") is not None


# --- who has no business here


def unsigned(request: Request) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != HEADER}
    return Request(request.method, request.path, request.query, headers, request.body)


def with_body(body: bytes) -> Callable[[Request], Request]:
    return lambda one: Request(one.method, one.path, one.query, one.headers, body)


@pytest.mark.parametrize(
    "spoil",
    [
        unsigned,
        with_body(b"CallSid=CA2"),
        with_body(b""),
        lambda one: Request(one.method, one.path, "x=1", one.headers, one.body),
    ],
)
@pytest.mark.parametrize("path", [VOICE, STATUS])
async def test_a_webhook_that_is_not_signed_is_refused(
    path: str, spoil: Callable[[Request], Request]
) -> None:
    """Or not for this body, or not for this address."""
    assert (await Line().ask(spoil(webhook(URL, path, CALL)))).status == 403
    assert (await Line().ask(webhook(URL, path, CALL, "another-key"))).status == 403
    assert (await Line().ask(webhook("https://else.where", path, CALL))).status == 403


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"CallSid=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(300)), "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_is_refused(body: bytes, kind: str) -> None:
    """With what is needed."""
    request = Request("POST", VOICE, headers={"content-type": kind}, body=body)
    assert (await Line().ask(request)).status == 400


@pytest.mark.parametrize("call_id", ["", "CA 1", "CA1\n", "x" * 65, "../CA1", "<CA1>"])
async def test_a_call_needs_an_id(call_id: str) -> None:
    """One that can be the name of a file, too."""
    response = await Line().ask(webhook(URL, VOICE, {**CALL, "CallSid": call_id}))
    assert response.status == 400


async def test_a_media_stream_that_is_not_signed_is_not_opened() -> None:
    """Nor one that is signed for another address, or by another account."""
    telephony = Line().telephony
    for request in (
        unsigned(upgrade()),
        upgrade("wss://else.where/media"),
        upgrade(key=SecretStr("another")),
    ):
        refusal = telephony.admit(request)
        assert refusal is not None
        assert refusal.status == 403
    assert telephony.admit(upgrade("wss://voice.example.com:443/media")) is None


async def test_others_than_twilio_may_have_a_token() -> None:
    """Then a stream that is not signed is judged by its token; a wrong signature is still one."""
    line = Line(others=True)
    assert line.telephony.admit(unsigned(upgrade())) is None
    assert line.telephony.admit(upgrade(key=SecretStr("another"))) is not None
    assert await line.door.let_in(CallInfo("CA1", "MZ1")) != ""
    info = CallInfo("CA1", "MZ1", {"token": line.door.token_for("CA1")})
    assert await line.door.let_in(info) == ""


async def test_a_call_that_was_taken_back_is_not_let_in() -> None:
    """By no token that it was given."""
    line = Line()
    await line.door.take_back("CA1")
    assert "taken back" in await line.door.let_in(await line.call())


async def test_without_a_public_url_the_host_is_believed() -> None:
    """Behind a proxy that ends TLS, so https is tried first."""
    line = Line(public_url="")
    assert (await line.ask(webhook(URL, VOICE, CALL))).status == 200
    assert line.telephony.admit(upgrade()) is None


async def test_without_an_auth_token_only_this_machine_is_served() -> None:
    """Unless it is said that the network is one's own."""
    request = unsigned(webhook(URL, VOICE, CALL))
    assert (await Line(token=None).ask(request)).status == 403
    here = Line(token=None, near=True, public_url="")
    stream = fromstring((await here.ask(request)).body).find("Connect/Stream")
    assert stream is not None
    assert stream.attrib["url"] == "ws://voice.example.com/media"
    assert here.telephony.admit(Request("GET", "/media")) is None
    assert await here.door.let_in(CallInfo("CA1", "MZ1")) == ""
    assert (await Line(token=None, unsigned=True).ask(request)).status == 200


async def test_nothing_in_a_webhook_becomes_markup() -> None:
    """A caller's name is the caller's choice."""
    document = await Line().voice(From='"/><Redirect>https://else.where</Redirect>')
    assert [one.tag for one in document.iter()] == ["Response", "Connect", "Stream"] + [
        "Parameter"
    ] * 4


# --- calls out


def wanted(to: str, token: str = "") -> Request:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Request("POST", CALLS, headers=headers, body=msgspec.json.encode({"to": to}))


@asynccontextmanager
async def dialling(**settings: Any) -> AsyncIterator[tuple[Line, TwilioTwin]]:
    async with open_twin(TwilioTwin()) as twin:
        usual = {"api_url": twin.http_url, "from_number": "+15550009999"}
        line = Line(callers="the-callers-token", **{**usual, **settings})
        assert line.telephony.rest is not None
        async with line.telephony.rest:
            yield line, twin


async def test_a_call_is_made() -> None:
    """Twilio is told whom to call, and to ask us what to do when they answer."""
    async with dialling(machine_detection=True) as (line, twin):
        response = await line.ask(wanted("+15552223333", "the-callers-token"))
        assert response.status == 201
        (call,) = twin.calls.values()
        assert msgspec.json.decode(response.body) == {"call_id": call.sid}
        assert call.made == {
            "To": "+15552223333",
            "From": "+15550009999",
            "Url": f"{URL}{VOICE}",
            "StatusCallback": f"{URL}{STATUS}",
            "Timeout": "30",
            "MachineDetection": "Enable",
        }


@pytest.mark.parametrize(
    "to", ["", "5551234", "+0123456789", "sip:", "sip:a b", "+1555123456789012"]
)
async def test_a_call_to_nowhere_is_refused(to: str) -> None:
    """Before Twilio is asked."""
    async with dialling() as (line, twin):
        assert (await line.ask(wanted(to, "the-callers-token"))).status == 400
        assert twin.calls == {}


async def test_only_those_with_the_token_have_calls_made() -> None:
    """Each call costs money."""
    async with dialling() as (line, twin):
        for token in ("", "another", "the-callers-tokeN"):
            assert (await line.ask(wanted("+15552223333", token))).status == 401
        line.admission.draining = True
        assert (await line.ask(wanted("+15552223333", "the-callers-token"))).status == 503
        assert twin.calls == {}
    assert (await Line(near=True, token=None).ask(wanted("+15552223333"))).status == 401
    assert (await Line(near=False).ask(wanted("+15552223333"))).status == 401


async def test_a_call_is_ended_at_twilio() -> None:
    """Live or still ringing, by those with the token; a call that is none is not asked about."""
    async with dialling() as (line, twin):
        call_id = await line.telephony.dial("+15552223333")
        end = line.telephony.routes["DELETE", f"{CALLS}/{{id}}"]

        async def ended(call_id: str, token: str) -> int:
            headers = {"authorization": f"Bearer {token}"}
            path, parameters = f"{CALLS}/{call_id}", {"id": call_id}
            return (await end(Request("DELETE", path, "", headers, b"", parameters))).status

        assert await ended(call_id, "another") == 401
        assert await ended("..", "the-callers-token") == 404
        assert twin.calls[call_id].asked == []
        assert await ended(call_id, "the-callers-token") == 204
        assert twin.calls[call_id].asked == [{"Status": "completed"}]
        assert await ended("CA-none", "the-callers-token") == 409


async def test_a_caller_is_put_through() -> None:
    """The live call is told to dial; a number that is none is not asked for."""
    async with dialling() as (line, twin):
        call_id = await line.telephony.dial("+15552223333")
        await line.telephony.put_through(call_id, "sip:desk@example.com")
        (asked,) = twin.calls[call_id].asked
        sip = fromstring(asked["Twiml"]).find("Dial/Sip")
        assert sip is not None
        assert sip.text == "sip:desk@example.com"
        with pytest.raises(ProviderRefused, match="cannot be put through"):
            await line.telephony.put_through(call_id, "nobody")


@pytest.mark.parametrize(
    ("refuse", "error", "says"),
    [
        (401, ProviderRefused, "check TWILIO_AUTH_TOKEN"),
        (404, ProviderRefused, "404"),
        (429, ProviderBusy, "Too Many Requests"),
        (503, ProviderLost, "in trouble"),
    ],
)
async def test_what_twilio_refuses_is_said(
    refuse: int, error: type[ProviderError], says: str
) -> None:
    """As an error of the ports, without the token."""
    async with dialling() as (line, twin):
        twin.faults.refuse = refuse
        with pytest.raises(error, match=says) as raised:
            await line.telephony.put_through("CA1", "+15552223333")
        assert KEY.get_secret_value() not in str(raised.value)


async def test_a_twilio_that_does_not_answer_is_given_up() -> None:
    """In a bounded time; nor is one that is not there waited for."""
    async with dialling(answer_s=0.05) as (line, twin):
        twin.faults.stall_s = 60
        with trio.fail_after(10), pytest.raises(ProviderTimeout, match=r"within 0\.05 s"):
            await line.telephony.dial("+15552223333")
    line = Line(api_url="http://127.0.0.1:1", from_number="+15550009999")
    assert line.telephony.rest is not None
    async with line.telephony.rest:
        with trio.fail_after(10), pytest.raises(ProviderLost, match="cannot be reached"):
            await line.telephony.dial("+15552223333")


async def test_what_is_missing_for_calling_out_is_said() -> None:
    """Which key of the configuration it is."""
    async with dialling(from_number="") as (line, _):
        response = await line.ask(wanted("+15552223333", "the-callers-token"))
        assert (response.status, b"from_number" in response.body) == (409, True)
    async with dialling(account_sid="") as (line, _):
        with pytest.raises(ProviderRefused, match="account_sid"):
            await line.telephony.dial("+15552223333")
