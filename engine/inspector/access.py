"""Who may look at calls, and what a browser is told to keep to. All of that is decided here.

What there is to see holds what callers said. So somebody may look only

- from this machine: where the service listens on a loopback address, the request names one as its
  host, and it does not say that it came through a proxy (``Forwarded``, ``X-Forwarded-For``,
  ``X-Forwarded-Host``, ``Via``). That keeps out a page of another site, and a carrier's proxy that
  says what it is. It does not keep out what comes through a plain TCP tunnel with a local name as
  its host, or through a proxy that hides itself: both look local.
- with the token (``[inspect] token``, or ``ANTIPHON_INSPECT__TOKEN``), wherever the service
  listens: as ``Authorization: Bearer TOKEN``; or once as ``/inspect?token=TOKEN`` (or
  ``/phone?token=TOKEN``), which is exchanged for a cookie.

Everybody else finds no such path; or, where there is a token, is asked for it.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from adapters.front.http import Handler, Request, Response, plain
from adapters.front.server import Listening
from adapters.twilio.dialing import Address
from engine.bearer import is_same, shows, token_of
from engine.config import Inspect

TOKEN_VARIABLE = "ANTIPHON_INSPECT__TOKEN"  # the variable's name, not a token

_COOKIE = "antiphon_inspect"
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")


class Access:
    """Who may look at the calls of one service."""

    def __init__(self, inspect: Inspect, host: Callable[[], str]) -> None:
        """``host`` is where the service listens. Raises :class:`ConfigError` for a token that is
        none."""
        self._enabled, self._host = inspect.enabled, host
        self._token = token_of("token in [inspect]", inspect.token) if inspect.enabled else None
        # Not the token: a browser keeps it on disk, and whoever reads it there cannot say it.
        whole = self._token.get_secret_value().encode() if self._token else b""
        key = hmac.new(whole, b"cookie", hashlib.sha256)
        self._cookie = key.hexdigest() if whole else ""

    @property
    def possible(self) -> bool:
        """Whether anybody may look: else nothing need be kept for them."""
        return self._enabled and (is_loopback(self._host()) or bool(self._token))

    def allows(self, request: Request) -> bool:
        """Whether this request may see."""
        return self._enabled and (self.is_near(request) or self._has_token(request))

    def guarded(self, handler: Handler) -> Handler:
        """The handler for those who may look, its replies with :data:`HEADERS`."""

        async def handle(request: Request) -> Response:
            allowed = self.allows(request)
            response = await handler(request) if allowed else self._refusal()
            headers = {**HEADERS, "content-security-policy": _policy(request)}
            return replace(response, headers={**headers, **response.headers})

        return handle

    def entrance(self, handler: Handler) -> Handler:
        """The same for a page, at which a token in the address is exchanged for a cookie."""
        inside = self.guarded(handler)

        async def handle(request: Request) -> Response:
            asked = parse_qsl(request.query, keep_blank_values=True)
            given = [value for name, value in asked if name == "token"]
            if not (given and self._is_token(given[0])):
                return await inside(request)
            rest = urlencode([(name, value) for name, value in asked if name != "token"])
            return self._welcome(request, f"{request.path}?{rest}" if rest else request.path)

        return handle

    def told(self, listening: Listening) -> str:
        """Where to look and to talk, or why not, in a line."""
        url = f"http://{Address(listening.host, listening.port, '').authority}"
        if not self._enabled:
            return "the inspector and the phone are off: [inspect] has enabled = false"
        if is_loopback(listening.host):
            return f"see calls at {url}/inspect; talk to it at {url}/phone"
        if self._token:
            return (
                f"see calls at {url}/inspect?token=…; talk to it at {url}/phone?token=… (from"
                " another machine through https: browsers give the microphone to no other page)"
            )
        return (
            f"the inspector and the phone are off: {listening.host} is no loopback address, and"
            f" there is no token (set {TOKEN_VARIABLE}, or token in [inspect])"
        )

    def is_near(self, request: Request) -> bool:
        """Whether this request is of this machine, as far as can be told."""
        proxied = any(name in request.headers for name in _PROXIED)
        named = is_loopback(_name_of(request.headers.get("host", "")))
        return named and not proxied and is_loopback(self._host())

    def _has_token(self, request: Request) -> bool:
        if not self._token:
            return False
        if shows(request, self._token):
            return True
        kept = [
            part.strip().partition("=") for part in request.headers.get("cookie", "").split(";")
        ]
        return any(name == _COOKIE and is_same(value, self._cookie) for name, _, value in kept)

    def _is_token(self, given: str) -> bool:
        return self._token is not None and is_same(given, self._token.get_secret_value())

    def _refusal(self) -> Response:
        if not (self._enabled and self._token):
            return plain(404, "no such path")
        return plain(401, "a token is needed: open /inspect?token=…", www_authenticate="Bearer")

    def _welcome(self, request: Request, to: str) -> Response:
        # No redirect: after a link on another site it would still count as that site's doing, and
        # a browser sends no strict cookie then. What this page does is our own.
        body = f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(to)}">\n'
        secure = "; Secure" if request.headers.get("x-forwarded-proto") == "https" else ""
        cookie = f"{_COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Strict{secure}"
        headers = {
            **HEADERS,
            "content-security-policy": "default-src 'none'",
            "set-cookie": cookie,
        }
        return Response(200, body.encode(), "text/html; charset=utf-8", headers)


HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every reply that tells something: nobody keeps it, and no other site gets at it."""


def _policy(request: Request) -> str:
    """What a page may load: nothing but ours. Inline styles are those of the chart's picture. Not
    every browser counts websockets among what is of 'self', so they are named."""
    host = request.headers.get("host", "")
    sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[\w.:\[\]-]+", host, re.A) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
        f" img-src 'self' data:; connect-src 'self'{sockets}; frame-src 'self';"
        " worker-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine is meant by it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(header: str) -> str:
    """A Host header without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
