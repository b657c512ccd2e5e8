"""What the vendor's errors mean for a call.

Errors have names, in error frames (``{"message": …, "error": NAME, "code": 1008}``, after which the
socket is closed) and in the bodies of HTTP errors (``{"detail": {"status": NAME, "code": NAME,
"message": …}}``); see elevenlabs.io/docs/eleven-api/resources/errors and help.elevenlabs.io, "API -
Error Code 400 or 401" and "429". A name says more than the status: a used-up quota is a 401.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from adapters.refusals import refusal
from adapters.secrets import quoted
from adapters.sockets import SocketClosed
from effects.ports import ProviderBusy, ProviderError, ProviderLost, ProviderRefused

VENDOR = "elevenlabs"
KEY_VARIABLE = "ELEVENLABS_API_KEY"

_POLICY_VIOLATION = 1008

_BUSY = {
    "too_many_concurrent_requests",
    "concurrent_limit_exceeded",
    "rate_limit_exceeded",
    "system_busy",
    "max_active_conversations",  # contexts on one socket
}
_LOST = {"input_timeout_exceeded", "internal_error", "internal_server_error", "service_unavailable"}
_UNPAID = {"quota_exceeded", "insufficient_credits", "payment_required", "invalid_subscription"}
_KEY = re.compile(r"api_key|authenti|authoriz|permission")
"""Such errors may quote the key: they are not quoted."""

_CLOSED_BUSY = re.compile(r"simultaneous|concurren|busy", re.I)
_CLOSED_LOST = re.compile(r"timeout|not received", re.I)


def named_error(name: str, said: str, code: int | str | None) -> ProviderError:
    """The error of an error frame. One with an unknown name is a refusal if its code says so."""
    detail = quoted(f"{name}: {said}" if said else name)
    if name in _BUSY:
        return ProviderBusy(f"{VENDOR} is asked for too much at once ({detail})")
    if name in _LOST:
        return ProviderLost(f"{VENDOR} broke off ({detail})")
    if name in _UNPAID:
        return ProviderRefused(f"{VENDOR}: the quota is used up ({name})")
    if _KEY.search(name):
        return ProviderRefused(f"{VENDOR} refused the key ({name}): check {KEY_VARIABLE}")
    if code != _POLICY_VIOLATION:
        return ProviderLost(f"{VENDOR} is in trouble ({detail})")
    return ProviderRefused(f"{VENDOR} refused the request ({detail})")


def closed_error(closed: SocketClosed) -> ProviderError:
    """The error of a socket that was closed without an error frame. The one code for policy has
    several reasons."""
    if closed.code != _POLICY_VIOLATION or _CLOSED_LOST.search(closed.reason):
        return closed
    if _CLOSED_BUSY.search(closed.reason):
        return ProviderBusy(f"{VENDOR} is asked for too much at once ({closed.reason})")
    return ProviderRefused(f"{VENDOR} refused the request ({closed.code}: {closed.reason})")


def http_error(status: int, body: object) -> ProviderError:
    """The error of an HTTP answer with this status and decoded body."""
    detail = body.get("detail") if isinstance(body, Mapping) else body
    if not isinstance(detail, Mapping):
        return refusal(VENDOR, status, str(detail or ""), KEY_VARIABLE)
    names = [str(detail[key]) for key in ("code", "status") if detail.get(key)]
    said = str(detail.get("message") or "")
    for name in names:
        if name in _BUSY | _LOST | _UNPAID:
            return named_error(name, said, status)
    return refusal(VENDOR, status, ": ".join([*names[:1], said]), KEY_VARIABLE)
