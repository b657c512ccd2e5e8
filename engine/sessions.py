"""Sessions: calls from devices and apps, which no carrier brings.

    POST   /v1/session        a call is wanted ──> where its media stream goes, and a token for it
    DELETE /v1/session/{id}   it is not wanted any more, or is to end
    GET    /v1/openapi.json   this interface, for programs

The client then opens the media stream itself and speaks as Twilio does: ``start`` with the
session's id as ``callSid`` and the token among its ``customParameters``. Mistakes are answered as
problems (RFC 9457). What the document says is made from the types below.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import structlog

from adapters.front.http import Request, Response, Routes
from engine.admission import Admission
from engine.bearer import shows, token_of
from engine.door import TOKEN, Door
from engine.fleet import Fleet
from engine.sessions_settings import SessionSettings

log = structlog.get_logger()

SESSION, ONE, DOCUMENT = "/v1/session", "/v1/session/{id}", "/v1/openapi.json"

ID = "VS[0-9a-f]{32}"

Parameter = Annotated[str, msgspec.Meta(max_length=500)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_.-]+$")]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session that is wanted. ``agent`` is one of those that the service has; ``caller`` is who
    calls, ``parameters`` are what the agent's tools are to know of the call."""

    agent: Annotated[str, msgspec.Meta(max_length=200)] = ""
    caller: Parameter = ""
    region: Annotated[str, msgspec.Meta(max_length=64)] = ""
    parameters: Annotated[dict[Name, Parameter], msgspec.Meta(max_length=20)] = {}


class Session(msgspec.Struct, frozen=True):
    """A session that was granted. ``parameters`` go into the ``customParameters`` of its stream's
    ``start``, as they are. ``expires_at`` is until when the stream may begin."""

    id: str
    media_url: str
    region: str
    expires_at: str
    parameters: dict[str, str]


class Problem(msgspec.Struct, frozen=True):
    """Why not (RFC 9457)."""

    status: int
    title: str
    detail: str = ""
    type: str = "about:blank"


class Sessions:
    """The routes of one worker."""

    def __init__(
        self,
        settings: SessionSettings,
        *,
        admission: Admission,
        door: Door,
        fleet: Fleet,
        agents: Callable[[], Sequence[str]],
        media_path: str,
    ) -> None:
        """``agents`` are the names of those that may be asked for. Raises :class:`ConfigError` for
        a token that is none."""
        self._settings, self._admission, self._door = settings, admission, door
        self._token = token_of("token in [sessions]", settings.token)
        self._fleet, self._agents, self._media_path = fleet, agents, media_path

    @property
    def routes(self) -> Routes:
        """To be served beside the others; none without a token."""
        if self._token is None:
            return {}
        return {
            ("POST", SESSION): self._open,
            ("DELETE", ONE): self._close,
            ("GET", DOCUMENT): self._document,
        }

    async def _open(self, request: Request) -> Response:
        if not self._is_client(request):
            return _UNKNOWN
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return problem(415, "application/json is needed")
        try:
            wanted = msgspec.json.decode(request.body, type=Wanted)
        except ValueError as error:  # msgspec's own, and that of bytes that are no UTF-8
            return problem(400, str(error))
        if wanted.agent and wanted.agent not in self._agents():
            return problem(422, f"there is no agent '{wanted.agent}'")
        if wanted.region and wanted.region != self._settings.region:
            log.info("session_far_from_home", wanted=wanted.region, here=self._settings.region)
        if why_not := self._admission.why_not():
            self._admission.turned_away[why_not] += 1
            return problem(503, f"no session can be had now: {why_not}", retry_after="5")
        session = self._granted(request, wanted)
        self._admission.reserve(session.id)
        return _json(201, session)

    def _granted(self, request: Request, wanted: Wanted) -> Session:
        session_id = f"VS{secrets.token_hex(16)}"
        told = {"agent": wanted.agent, "from": wanted.caller, "direction": "inbound"}
        parameters = {name: value for name, value in told.items() if value}
        parameters = {**wanted.parameters, **parameters, TOKEN: self._door.token_for(session_id)}
        expires = datetime.now(UTC) + timedelta(seconds=self._door.token_s)
        return Session(
            id=session_id,
            media_url=self._settings.media_url or self._media_url(request),
            region=self._settings.region,
            expires_at=expires.isoformat("T", "seconds"),
            parameters=parameters,
        )

    def _media_url(self, request: Request) -> str:
        scheme = "wss" if request.headers.get("x-forwarded-proto") == "https" else "ws"
        return f"{scheme}://{request.headers.get('host', '')}{self._media_path}"

    async def _close(self, request: Request) -> Response:
        if not self._is_client(request):
            return _UNKNOWN
        session_id = request.parameters["id"]
        if not re.fullmatch(ID, session_id):
            return problem(404, "there is no such session")
        self._admission.give_back(session_id)
        await self._door.take_back(session_id)
        await self._fleet.hang_up(session_id)  # it may have been let in before
        return Response(204)

    async def _document(self, request: Request) -> Response:
        return Response(200, document(), "application/json")

    def _is_client(self, request: Request) -> bool:
        return self._token is not None and shows(request, self._token)


def problem(status: int, detail: str, **headers: str) -> Response:
    """A mistake, as a program can read it; a header's underscores become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = msgspec.json.encode(Problem(status, HTTPStatus(status).phrase, detail))
    return Response(status, body, "application/problem+json", named)


_UNKNOWN = problem(401, "a bearer token is needed", www_authenticate="Bearer")


def _json(status: int, what: object) -> Response:
    return Response(status, msgspec.json.encode(what), "application/json")


# --- the document ---------------------------------------------------------------------------


def document() -> bytes:
    """This interface as an OpenAPI 3.1 document."""
    _, schemas = msgspec.json.schema_components(
        [Wanted, Session, Problem], ref_template="#/components/schemas/{name}"
    )
    told = {
        "openapi": "3.1.0",
        "info": {"title": "antiphon sessions", "version": "1"},
        "paths": {
            SESSION: {"post": _posted()},
            ONE: {"delete": _deleted()},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def _posted() -> dict[str, Any]:
    wrong = {
        "400": "not JSON, or not as the schema says",
        "401": "no token, or a wrong one",
        "415": "not application/json",
        "422": "there is no such agent",
        "503": "loading, draining, full or lagging: try again after Retry-After",
    }
    return {
        "operationId": "openSession",
        "summary": "Ask for a call",
        "requestBody": {"required": True, "content": _content("Wanted")},
        "responses": {
            "201": {"description": "it may begin", "content": _content("Session")},
            **{status: _problem(what) for status, what in wrong.items()},
        },
    }


def _deleted() -> dict[str, Any]:
    return {
        "operationId": "closeSession",
        "summary": "Take a session back, or end its call",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": f"^{ID}$"},
            }
        ],
        "responses": {
            "204": {"description": "it is over, or will be in a few seconds"},
            "401": _problem("no token, or a wrong one"),
            "404": _problem("there can be no such session"),
        },
    }


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _problem(what: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": what, "content": {"application/problem+json": schema}}
