"""Twilio's REST interface, as far as a call needs it: call out, redirect, hang up.

(https://www.twilio.com/docs/voice/api/call-resource) A request that may have reached Twilio is not
repeated, except to a call that exists already, where the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import msgspec
from pydantic import SecretStr

from adapters.refusals import refusal
from adapters.secrets import quoted, revealed
from adapters.twilio.settings import KEY_VARIABLE, TwilioSettings
from effects.ports import ProviderLost, ProviderRefused, ProviderTimeout

if TYPE_CHECKING:
    import httpx

_VENDOR = "Twilio"
_VERSION = "2010-04-01"
_KEPT_S = 300.0


class _Call(msgspec.Struct):
    sid: str


class _Complaint(msgspec.Struct):
    message: str = ""
    code: int | None = None


class TwilioRest:
    """One account. Enter it once in a process; all calls share its connections.

    Every method raises a :class:`~effects.ports.ProviderError`; cancelling closes the request's
    connection, and leaves open whether Twilio did what was asked.
    """

    def __init__(self, token: SecretStr, settings: TwilioSettings) -> None:
        self._token, self._settings = token, settings
        self._stack = AsyncExitStack()
        self._http: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        import httpx  # here, because it takes a while to import, and many never need it

        settings = self._settings
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"{settings.api_url}/{_VERSION}/Accounts/{settings.account_sid}",
                auth=(settings.account_sid, revealed(self._token, KEY_VARIABLE)),
                timeout=settings.answer_s,
                limits=httpx.Limits(keepalive_expiry=_KEPT_S),
            )
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def call(self, to: str, *, answer_url: str, status_url: str) -> str:
        """Call somebody; what happens when they answer is asked at ``answer_url``. Returns the
        call's id at once: it is yet to ring."""
        settings = self._settings
        form = {
            "To": to,
            "From": settings.from_number,
            "Url": answer_url,
            "StatusCallback": status_url,
            "Timeout": str(settings.ring_s),
        }
        if settings.machine_detection:
            form["MachineDetection"] = "Enable"
        body = await self._post("/Calls.json", form)
        try:
            return msgspec.json.decode(body, type=_Call).sid
        except msgspec.MsgspecError as error:
            raise ProviderLost(f"{_VENDOR} answered with something else than a call") from error

    async def redirect(self, call_sid: str, twiml: bytes) -> None:
        """Have a live call do something else from now on; its media stream ends with that."""
        await self._post(f"/Calls/{call_sid}.json", {"Twiml": twiml.decode()}, again=True)

    async def hang_up(self, call_sid: str) -> None:
        """End a call, live or still ringing."""
        await self._post(f"/Calls/{call_sid}.json", {"Status": "completed"}, again=True)

    async def _post(self, path: str, form: Mapping[str, str], *, again: bool = False) -> bytes:
        import httpx

        if not self._settings.account_sid:
            raise ProviderRefused("Twilio's account is not known: set account_sid in [twilio]")
        try:
            response = await self._http.post(path, data=dict(form))
        except httpx.ConnectError as error:
            raise ProviderLost(f"{_VENDOR} cannot be reached: {quoted(str(error))}") from None
        except httpx.TimeoutException:
            limit_s = self._settings.answer_s
            raise ProviderTimeout(f"{_VENDOR} did not answer within {limit_s:g} s") from None
        except httpx.HTTPError as error:
            if again:  # a connection that was kept had been closed meanwhile
                return await self._post(path, form)
            raise ProviderLost(f"{_VENDOR} broke off: {quoted(str(error))}") from None
        if response.is_success:
            return response.content
        raise refusal(_VENDOR, response.status_code, _why(response.content), KEY_VARIABLE)


def _why(body: bytes) -> str:
    try:
        complaint = msgspec.json.decode(body, type=_Complaint)
    except msgspec.MsgspecError:
        return ""
    code = f" (error {complaint.code})" if complaint.code else ""
    return complaint.message + code
