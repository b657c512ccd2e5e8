"""Twilio's end of a telephone line: the REST interface, and signed webhooks.

``POST /2010-04-01/Accounts/{Sid}/Calls.json`` makes a call and ``…/Calls/{CallSid}.json`` changes
one, with HTTP basic authentication and forms, as
https://www.twilio.com/docs/voice/api/call-resource has it. What it was told to do with each call is
kept in :attr:`TwilioTwin.calls`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

from pydantic import SecretStr

from adapters.front.http import Request
from adapters.twilio.signature import HEADER, signature
from tests.twins.server import Reply, Twin

ACCOUNT = "AC" + "0" * 32


@dataclass(slots=True)
class TwinCall:
    """A call as Twilio knows it: how it was made, and what was asked of it since."""

    sid: str
    made: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)


class TwilioTwin(Twin):
    """One account; ``key`` is its auth token."""

    name = "twilio"

    def __init__(self, key: str = "twin-key") -> None:
        super().__init__(key)
        self.calls: dict[str, TwinCall] = {}

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        wanted = base64.b64encode(f"{ACCOUNT}:{self.key}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return 401, self.error_body(401)
        return None

    def error_body(self, status: int) -> bytes:
        said = {401: (20003, "Authenticate"), 429: (20429, "Too Many Requests")}
        code, message = said.get(status, (20000 + status, "It does not work"))
        return json.dumps({"code": code, "message": message, "status": status}).encode()

    async def http(self, request: Request, reply: Reply) -> None:
        root = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.method == "POST" and request.path == f"{root}.json":
            call = TwinCall(f"CA{len(self.calls):032x}", made=form)
            self.calls[call.sid] = call
            await reply.whole(201, json.dumps({"sid": call.sid, "status": "queued"}).encode())
            return
        sid = request.path.removeprefix(f"{root}/").removesuffix(".json")
        known = self.calls.get(sid)
        if known is None:
            await reply.whole(404, self.error_body(404))
            return
        known.asked.append(form)
        await reply.whole(200, json.dumps({"sid": sid, "status": "in-progress"}).encode())


def webhook(
    url: str, path: str, fields: dict[str, str], key: str = "twin-key", *, host: str = ""
) -> Request:
    """A signed request of Twilio's for ``url`` + ``path``, as our front hands it on."""
    form = list(fields.items())
    headers = {
        "host": host or url.partition("://")[2],
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        HEADER: signature(url + path, form, SecretStr(key)),
    }
    return Request("POST", path, headers=headers, body=urlencode(form).encode())
