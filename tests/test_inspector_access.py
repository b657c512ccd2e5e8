"""Who may look at calls, and what a browser is told to keep to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.front.http import Request, Response
from adapters.front.server import Listening
from engine.config import Inspect, load_config
from engine.errors import ConfigError
from engine.inspector.access import TOKEN_VARIABLE, Access
from tests.inspector_kit import LOCAL, TOKEN, a_call, an_inspector, asked, watched
from tests.test_service import Change, a_desk

PATHS = (
    "/inspect/calls",
    "/inspect/call",
    "/inspect/live",
    "/inspect/scenario",
    "/inspect/chart.svg",
    "/providers",
    "/turns",
)
ELSEWHERE = {"host": "calls.example.com"}
POLICY = "content-security-policy"
BEARER = {"authorization": f"Bearer {TOKEN}"}


def access(host: str = "127.0.0.1", token: str = "", *, enabled: bool = True) -> Access:
    return Access(Inspect(enabled=enabled, token=SecretStr(token) if token else None), lambda: host)


def request(headers: Mapping[str, str], query: str = "", path: str = "/inspect") -> Request:
    return Request("GET", path, query, headers)


async def page(_: Request) -> Response:
    return Response(200, b"the page", "text/html")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        ELSEWHERE,
        {"host": "localhost.example.com:80"},
        {"host": "10.0.0.5:8765"},
        {"host": "[::2]:8765"},
        {**LOCAL, "x-forwarded-for": "203.0.113.7"},
        {**LOCAL, "x-forwarded-host": "calls.example.com"},
        {**LOCAL, "forwarded": "for=203.0.113.7"},
        {**LOCAL, "via": "1.1 proxy"},
        {**LOCAL, "via": "", "authorization": "Bearer "},
    ],
)
async def test_nobody_from_elsewhere_is_told(path: str, headers: dict[str, str]) -> None:
    """A request that may come from elsewhere finds no such path."""
    inspector = an_inspector(a_desk(Change()))
    watched(inspector, a_call("CA1"))
    assert (await asked(inspector, path, "id=CA1&call=CA1", headers)).status == 404


@pytest.mark.parametrize("path", PATHS)
async def test_somebody_at_this_machine_is_told(path: str) -> None:
    """Everything there is."""
    inspector = an_inspector(a_desk(Change()))
    watched(inspector, a_call("CA1"))
    assert (await asked(inspector, path, "id=CA1&call=CA1")).status == 200


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765", "LOCALHOST"])
def test_this_machine_has_several_names(host: str) -> None:
    """With a port and without."""
    assert access().allows(request({"host": host}))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "server.test"])
async def test_a_service_that_others_can_reach_tells_and_keeps_nothing(host: str) -> None:
    """Whatever the request says of its host."""
    inspector = an_inspector(a_desk(Change()), host)
    assert inspector.watchers() == []
    for path in PATHS:
        assert (await asked(inspector, path)).status == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_the_token_lets_in_from_anywhere(host: str) -> None:
    """Through a proxy as well; every path but for it is asked for, in a way that browsers and
    programs understand."""
    inspector = an_inspector(a_desk(Change()), host, token=TOKEN)
    watched(inspector, a_call("CA1"))
    proxied = {**ELSEWHERE, "x-forwarded-for": "203.0.113.7"}
    for path in PATHS:
        query = "id=CA1&call=CA1"
        assert (await asked(inspector, path, query, {**proxied, **BEARER})).status == 200
        refused = await asked(inspector, path, query, proxied)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert TOKEN.encode() not in refused.body


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": "Bearer t\xf6ken"},
        {"cookie": f"antiphon_inspect={TOKEN}"},
        {"cookie": "antiphon_inspect="},
        {"cookie": "antiphon_inspect"},
    ],
)
def test_what_is_not_the_token_lets_nobody_in(headers: dict[str, str]) -> None:
    """Nor does the token where its cookie belongs."""
    assert not access("0.0.0.0", TOKEN).allows(request({**ELSEWHERE, **headers}))


async def test_a_token_in_the_address_is_exchanged_for_a_cookie() -> None:
    """By a page of our own, because a browser would send a strict cookie on no redirect after a
    link of another site. The address it leads to has no token any more."""
    guard = access("0.0.0.0", TOKEN)
    enter = guard.entrance(page)
    welcome = await enter(request(ELSEWHERE, f"id=CA%261&token={TOKEN}"))
    assert welcome.status == 200
    assert b'content="0; url=/inspect?id=CA%261"' in welcome.body
    assert TOKEN not in f"{welcome.body!r} {welcome.headers}"
    cookie, *attributes = welcome.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    kept = {**ELSEWHERE, "cookie": f"theme=dark; {cookie}"}
    assert (await enter(request(kept))).body == b"the page"
    assert guard.allows(request(kept, path="/inspect/calls"))


async def test_a_cookie_that_came_through_https_goes_through_nothing_else() -> None:
    """A proxy says that it did."""
    enter = access("127.0.0.1", TOKEN).entrance(page)
    welcome = await enter(request({**ELSEWHERE, "x-forwarded-proto": "https"}, f"token={TOKEN}"))
    assert welcome.headers["set-cookie"].endswith("; Secure")


async def test_a_wrong_token_in_the_address_is_none() -> None:
    """And one that is right opens pages only: elsewhere it would stay in addresses."""
    guard = access("0.0.0.0", TOKEN)
    assert (await guard.entrance(page)(request(ELSEWHERE, "token=wrong"))).status == 401
    assert (await guard.guarded(page)(request(ELSEWHERE, f"token={TOKEN}"))).status == 401
    assert (await access().entrance(page)(request(ELSEWHERE, "token="))).status == 404


async def test_what_leads_on_from_a_token_stays_on_our_page() -> None:
    """Whatever else the address says is text."""
    enter = access("0.0.0.0", TOKEN).entrance(page)
    welcome = await enter(request(ELSEWHERE, f'x="><script>&token={TOKEN}'))
    assert b"<script>" not in welcome.body


async def test_a_cookie_is_good_for_its_own_token_only() -> None:
    """Whoever changes the token has locked out everybody."""
    enter = access("0.0.0.0", TOKEN).entrance(page)
    welcome = await enter(request(ELSEWHERE, f"token={TOKEN}"))
    kept = {**ELSEWHERE, "cookie": welcome.headers["set-cookie"].partition(";")[0]}
    assert not access("0.0.0.0", TOKEN + "2").allows(request(kept))


async def test_turned_off_it_is_off_for_everybody() -> None:
    """From this machine and with the token; nothing is kept for anybody."""
    inspector = an_inspector(a_desk(Change()), token=TOKEN, enabled=False)
    assert inspector.watchers() == []
    for path in PATHS:
        assert (await asked(inspector, path, headers={**LOCAL, **BEARER})).status == 404


async def test_replies_tell_a_browser_to_keep_to_us() -> None:
    """No other host, no other page's frame, nothing kept, and the microphone for our pages."""
    reply = await access().guarded(page)(request(LOCAL))
    assert reply == replace(await page(request(LOCAL)), headers=reply.headers)
    policy = dict(part.strip().split(" ", 1) for part in reply.headers[POLICY].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:8765 wss://127.0.0.1:8765"
    assert policy["frame-ancestors"] == "'self'"
    assert "unsafe-inline" not in policy["script-src"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["permissions-policy"] == "microphone=(self)"


async def test_a_host_that_is_none_adds_nothing_to_the_policy() -> None:
    """It comes from the client."""
    guard = access("127.0.0.1", TOKEN).guarded(page)
    reply = await guard(request({"host": "a; script-src *", **BEARER}))
    assert "script-src *" not in reply.headers[POLICY]
    assert "connect-src 'self';" in reply.headers[POLICY]


@pytest.mark.parametrize("token", ["short", "with spaces in between", "t\xf6ken-of-some-length"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    """And not quoted."""
    with pytest.raises(ConfigError, match=r"token in \[inspect\] is no token") as caught:
        access(token=token)
    assert token not in str(caught.value)
    assert access(token=token, enabled=False).possible is False


def test_the_token_may_stand_in_the_configuration(tmp_path: Path) -> None:
    """Or in the environment; it is not shown with the rest, nor quoted where it is none."""
    path = tmp_path / "antiphon.toml"
    path.write_text(f'[inspect]\ntoken = "{TOKEN}"\n')
    given = request({**ELSEWHERE, **BEARER})
    for inspect in (
        load_config(path, {}).inspect,
        load_config(None, {TOKEN_VARIABLE: TOKEN}).inspect,
    ):
        assert TOKEN not in repr(inspect)
        assert Access(inspect, lambda: "0.0.0.0").allows(given)
    path.write_text("[inspect]\ntoken = 1234567\n")
    with pytest.raises(ConfigError, match=r"a token is a string.*inspect\.token") as caught:
        load_config(path)
    assert "1234567" not in str(caught.value)


@pytest.mark.parametrize(
    ("guard", "host", "says"),
    [
        (access(), "127.0.0.1", "http://127.0.0.1:80/inspect; talk to it at http://127.0.0.1:80/p"),
        (access(), "::1", r"http://\[::1\]:80/inspect;"),
        (access("0.0.0.0"), "0.0.0.0", f"are off: 0.0.0.0 is no loopback .*set {TOKEN_VARIABLE}"),
        (access("0.0.0.0", TOKEN), "0.0.0.0", r"http://0\.0\.0\.0:80/inspect\?token=….* https"),
        (access(enabled=False), "127.0.0.1", r"are off: \[inspect\] has enabled = false"),
    ],
)
def test_a_service_says_where_to_look(guard: Access, host: str, says: str) -> None:
    """Or why there is nothing to see; never the token."""
    told = guard.told(Listening(host, 80, drain=lambda: None))
    assert "\n" not in told
    assert re.search(says, told)
    assert TOKEN not in told
