"""The telephone line at Twilio: webhooks in, calls out, and who may bring a media stream.

    POST /voice         a call came in, or one of ours was answered ──> TwiML
    POST /voice/status  how a call is doing                         ──> the log
    POST /calls         somebody of ours wants a call made          ──> Twilio's REST interface
    DELETE /calls/{id}  or ended, live or still ringing             ──> the same

A caller is never met by silence: whom we cannot take is told so, or put through elsewhere, in the
answer to the webhook. Whom we can take gets a token on the way to the media stream, for this call,
for a short while and once; the stream's socket is opened to nobody else.

Without an auth token nothing can be proved. Then all of it is open to this machine only, unless
``unsigned`` says that the network is one's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
import structlog
from pydantic import SecretStr

from adapters.front.http import Request, Response, Routes, plain
from adapters.twilio import twiml
from adapters.twilio.rest import TwilioRest
from adapters.twilio.settings import TwilioSettings
from adapters.twilio.signature import HEADER, Parameters, is_signed
from effects.ports import ProviderError, ProviderRefused
from engine.admission import Admission
from engine.bearer import shows, token_of
from engine.door import TOKEN, Door

log = structlog.get_logger()

VOICE, STATUS, CALLS = "/voice", "/voice/status", "/calls"

NUMBER = r"^(\+[1-9][0-9]{6,14}|sips?:[^\s<>\"]{1,200})$"
"""A telephone number as E.164 has it, or a SIP address."""

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIELDS_MAX = 200
_VALUE_CHARS = 200


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that somebody of ours wants made."""

    to: Annotated[str, msgspec.Meta(pattern=NUMBER)]


class Made(msgspec.Struct, frozen=True):
    """A call that was asked for: it is yet to ring."""

    call_id: str


class Telephony:
    """One worker's line."""

    def __init__(
        self,
        settings: TwilioSettings,
        token: SecretStr | None,
        *,
        admission: Admission,
        door: Door,
        media_path: str,
        near: Callable[[Request], bool],
        others: bool = False,
    ) -> None:
        """``token``: the account's, if there is one. ``near``: whether a request is of this
        machine. ``others``: whether media streams may come from others than Twilio, with a token
        of the door's. Raises :class:`ConfigError` for a ``calls_token`` that is none."""
        self._callers = token_of("calls_token in [twilio]", settings.calls_token)
        self._settings, self._token = settings, token
        self._admission, self._door = admission, door
        self._media_path, self._near, self._others = media_path, near, others
        self.rest = TwilioRest(token, settings) if token else None

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        return {
            ("POST", VOICE): self._voice,
            ("POST", STATUS): self._status,
            ("POST", CALLS): self._calls,
            ("DELETE", f"{CALLS}/{{id}}"): self._hang_up,
        }

    # --- webhooks

    async def _voice(self, request: Request) -> Response:
        fields = self._proved(request)
        if isinstance(fields, Response):
            return fields
        call_id = fields.get("CallSid", "")
        if not _CALL_ID.fullmatch(call_id):
            return plain(400, "CallSid: letters, digits, - and _ are needed")
        # Twilio asks again where an answer was lost: then a place is kept already.
        why_not = None if self._admission.has_place(call_id) else self._admission.why_not()
        if why_not:
            log.warning("call_turned_away", call=call_id, reason=why_not)
            self._admission.turned_away[why_not] += 1
            return self._turned_away()
        self._admission.reserve(call_id)
        return _twiml(self._connected(request, call_id, fields))

    def _proved(self, request: Request) -> dict[str, str] | Response:
        """The fields of a webhook that proves where it comes from, or why it is refused."""
        form = _form(request)
        if form is None:
            return plain(400, "a form is needed, as Twilio sends it")
        return self._unproved(request, form) or dict(form)

    def _connected(self, request: Request, call_id: str, fields: dict[str, str]) -> bytes:
        parameters = {
            "direction": "outbound" if fields.get("Direction", "").startswith("out") else "inbound",
            "from": fields.get("From", "")[:_VALUE_CHARS],
            "to": fields.get("To", "")[:_VALUE_CHARS],
        }
        if answered_by := fields.get("AnsweredBy", ""):
            parameters["answered_by"] = answered_by[:_VALUE_CHARS]
        if token := self._door.token_for(call_id):
            parameters[TOKEN] = token
        base = self._bases(request)[0]
        media = base.replace("http", "ws", 1) + self._media_path
        return twiml.connect(media, parameters, status_url=base + STATUS)

    def _turned_away(self) -> Response:
        settings = self._settings
        if settings.overflow:
            return _twiml(twiml.dial(settings.overflow))
        return _twiml(twiml.say(settings.turned_away))

    async def _status(self, request: Request) -> Response:
        fields = self._proved(request)
        if isinstance(fields, Response):
            return fields
        log.info(
            "call_status",
            call=fields.get("CallSid", "")[:64],
            status=fields.get("CallStatus", fields.get("StreamEvent", ""))[:32],
            answered_by=fields.get("AnsweredBy", "")[:32],
            error=fields.get("StreamError", "")[:_VALUE_CHARS],
        )
        return Response(204)

    # --- who may do that

    def admit(self, request: Request) -> Response | None:
        """The refusal of a request for a media stream; None if its socket may be opened. One that
        is not signed is for the door to judge, where others than Twilio may have a token."""
        if self._others and HEADER not in request.headers:
            return None
        return self._unproved(request, ())

    def _unproved(self, request: Request, form: Parameters) -> Response | None:
        if self._token is None:
            # A page of any site can have its visitor's browser post here, and its Origin says so.
            from_page = "origin" in request.headers
            if not from_page and (self._settings.unsigned or self._near(request)):
                return None
            log.warning("request_not_near", path=request.path)
            return plain(403, "this is open to this machine only: no auth token is set")
        given = request.headers.get(HEADER, "")
        if is_signed(given, self._urls(request), form, request.body, self._token):
            return None
        log.warning("signature_wrong", path=request.path, given=bool(given))
        return plain(403, "the signature is not right")

    def _urls(self, request: Request) -> Sequence[str]:
        """The URLs by which Twilio may have asked for this."""
        query = f"?{request.query}" if request.query else ""
        urls = [base + request.path + query for base in self._bases(request)]
        if request.path == self._media_path:
            urls = [url.replace("http", "ws", 1) for url in urls]
        return urls

    def _bases(self, request: Request) -> Sequence[str]:
        if self._settings.public_url:
            return [self._settings.public_url.rstrip("/")]
        host = request.headers.get("host", "")
        return [f"http://{host}"] if self._near(request) else [f"https://{host}", f"http://{host}"]

    # --- calls out, and elsewhere

    async def _calls(self, request: Request) -> Response:
        if not self._is_ours(request):
            needed = "a bearer token is needed: calls_token in [twilio]"
            return plain(401, needed, www_authenticate="Bearer")
        try:
            wanted = msgspec.json.decode(request.body, type=Wanted)
        except ValueError as error:  # msgspec's own, and that of bytes that are no UTF-8
            return plain(400, f"{error}: to is needed: +15551234567, or sip:…")
        if why_not := self._admission.why_not():
            self._admission.turned_away[why_not] += 1
            return plain(503, f"no call can be made now: {why_not}", retry_after="5")
        try:
            call_id = await self.dial(wanted.to)
        except ProviderError as error:
            return plain(502 if error.retryable else 409, str(error))
        return Response(201, msgspec.json.encode(Made(call_id)), "application/json")

    async def _hang_up(self, request: Request) -> Response:
        if not self._is_ours(request):
            needed = "a bearer token is needed: calls_token in [twilio]"
            return plain(401, needed, www_authenticate="Bearer")
        call_id = request.parameters["id"]
        if not _CALL_ID.fullmatch(call_id):
            return plain(404, "there is no such call")
        try:
            await self._asked().hang_up(call_id)
        except ProviderError as error:
            return plain(502 if error.retryable else 409, str(error))
        return Response(204)

    def _is_ours(self, request: Request) -> bool:
        # Not even this machine is believed without: what a proxy hands on may look like it, and
        # each call costs money.
        return self._callers is not None and shows(request, self._callers)

    async def dial(self, to: str) -> str:
        """Call somebody; they come in by ``POST /voice`` when they answer. Returns the call's id.
        Raises :class:`ProviderError`."""
        base = self._settings.public_url.rstrip("/")
        if not base or not self._settings.from_number:
            raise ProviderRefused("calling out needs public_url and from_number in [twilio]")
        return await self._asked().call(to, answer_url=base + VOICE, status_url=base + STATUS)

    async def put_through(self, call_id: str, to: str) -> None:
        """Have a live call put through to a number or SIP address. Raises
        :class:`ProviderError`."""
        if not re.fullmatch(NUMBER, to):
            raise ProviderRefused(f"callers cannot be put through to '{to}': +15551234567 or sip:…")
        await self._asked().redirect(call_id, twiml.dial(to))

    def _asked(self) -> TwilioRest:
        if self.rest is None:
            raise ProviderRefused("without TWILIO_AUTH_TOKEN nothing can be asked of Twilio")
        return self.rest


def _form(request: Request) -> Parameters | None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    try:
        return parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(request.body),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        return None


def _twiml(document: bytes) -> Response:
    return Response(200, document, twiml.CONTENT_TYPE)
