"""The reception: who is let in, and how calls come about at all.

A media stream has to pass two doors: the request for its websocket (:meth:`Reception.admit`), and
the ``start`` in which it says which call it is (:meth:`Reception.let_in`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import msgspec

from adapters.front.http import Request, Response, Routes, plain
from effects.ports import CallInfo, Shared
from engine.admission import Admission, Refusal
from engine.carriers import OtherCarriers
from engine.config import MEDIA_PATH, Config
from engine.door import Door
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.keys import key_of
from engine.sessions import Sessions
from engine.telephony import Telephony

READY, PHONE_TOKEN = "/readyz", "/phone/token"


class Readiness(msgspec.Struct, frozen=True):
    """Whether calls are taken: what everybody may know."""

    ready: bool
    why_not: Refusal | None


class Occupancy(Readiness, frozen=True):
    """What those may know besides who may look at calls."""

    calls: int
    calls_on_their_way: int
    calls_limit: int
    lag_p95_ms: float
    workers: int
    others_reachable: bool


class Reception:
    """One worker's."""

    def __init__(
        self,
        config: Config,
        access: Access,
        shared: Shared,
        fleet: Fleet,
        agents: Callable[[], Sequence[str]],
    ) -> None:
        """``agents`` are the names of those that answer. Raises :class:`ConfigError`."""
        self.admission = Admission(config.limits)
        self._access, self._fleet = access, fleet
        token = key_of("twilio", config.keys)
        clients = config.sessions.token
        self.door = Door([secret for secret in (token, clients) if secret], shared)
        self.telephony = Telephony(
            config.twilio,
            token,
            admission=self.admission,
            door=self.door,
            media_path=MEDIA_PATH,
            near=access.is_near,
            others=clients is not None,
        )
        self.others = OtherCarriers(config, access.is_near)
        self.sessions = Sessions(
            config.sessions,
            admission=self.admission,
            door=self.door,
            fleet=fleet,
            agents=agents,
            media_path=MEDIA_PATH,
        )

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        own: Routes = {
            ("GET", READY): self._ready,
            ("GET", PHONE_TOKEN): self._access.guarded(self._phone_token),
        }
        return {**own, **self.telephony.routes, **self.sessions.routes}

    def admit(self, request: Request) -> Response | None:
        """The refusal of a request for a media stream; None if its socket may be opened."""
        if refusal := self._unproved(request):
            return refusal
        # A place that is kept is a caller's, and no phone of ours takes it.
        is_phone = "origin" in request.headers
        if why_not := self.admission.why_not() if is_phone else self.admission.why_no_stream():
            self.admission.turned_away[why_not] += 1
            return plain(503, f"no call is taken now: {why_not}", retry_after="2")
        return None

    def _unproved(self, request: Request) -> Response | None:
        # A page's script asks (a carrier has no Origin): it has to be one that may show our phone.
        if "origin" in request.headers:
            return None if self._access.allows(request) else _NO_PHONE
        if self.others.is_for(request):
            return self.others.admit(request)
        return self.telephony.admit(request)

    async def let_in(self, info: CallInfo) -> str:
        """Why a call is not let in, now that it said which it is; empty if it may come in."""
        return await self.door.let_in(info)

    async def _phone_token(self, request: Request) -> Response:
        """The phone in the browser is let in as others are: with a token for its call."""
        call_id = parse_qs(request.query).get("id", [""])[0]
        token = self.door.token_for(call_id)
        return Response(200, msgspec.json.encode({"token": token}), "application/json")

    async def _ready(self, request: Request) -> Response:
        why_not = self.admission.why_not_ready()
        told = Readiness(why_not is None, why_not)
        if self._access.allows(request):
            told = self._occupancy(told)
        body = msgspec.json.encode(told) + b"\n"
        return Response(503 if why_not else 200, body, "application/json")

    def _occupancy(self, readiness: Readiness) -> Occupancy:
        admission, fleet = self.admission, self._fleet
        return Occupancy(
            ready=readiness.ready,
            why_not=readiness.why_not,
            calls=admission.live,
            calls_on_their_way=admission.reserved,
            calls_limit=admission.limits.calls,
            lag_p95_ms=round(admission.lag_p95_ms, 1),
            workers=fleet.workers,
            others_reachable=fleet.reachable,
        )


_NO_PHONE = plain(403, "calls from a browser are for those who may see /phone")
