"""The door: who may bring a media stream, which itself proves nothing.

Whoever proved who they are (a signed webhook, a client of the session interface) gets a token for
one call, which its stream has to show in ``start``. Where no secret is configured nothing can be
proved, and whether the sockets are open at all is decided elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog
from pydantic import SecretStr

from adapters.twilio.tokens import Tokens
from effects.ports import CallInfo, Shared, SharedLost

log = structlog.get_logger()

TOKEN = "token"
"""The parameter of a media stream that holds it."""


class Door:
    """One worker's. All workers with the same secrets and the same shared state have the same."""

    def __init__(
        self,
        secrets: Sequence[SecretStr],
        shared: Shared,
        *,
        token_s: float = 30.0,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """``token_s``: how long a stream may take to come."""
        self._shared, self._token_s, self._wall_s = shared, token_s, wall_s
        whole = "\0".join(secret.get_secret_value() for secret in secrets)
        self._tokens = Tokens(SecretStr(whole)) if secrets else None
        self._used: dict[str, float] = {}  # by token, until when; by call, those taken back

    @property
    def is_locked(self) -> bool:
        """Whether a stream needs a token."""
        return self._tokens is not None

    @property
    def token_s(self) -> float:
        """How long a token lets in."""
        return self._token_s

    def token_for(self, call_id: str) -> str:
        """A token for this call; empty where none is needed."""
        if self._tokens is None:
            return ""
        return self._tokens.make(call_id, int(self._wall_s() + self._token_s))

    async def let_in(self, info: CallInfo) -> str:
        """Why this call is not let in, now that it said which it is; empty if it may come in."""
        if self._tokens is None:
            return ""
        text = info.parameters.get(TOKEN, "")
        token = self._tokens.read(text, info.call_id, self._wall_s())
        if token is None:
            return "the media stream has no token for this call"
        if not await self._first(f"token:{token.number}"):
            return "the token of this media stream was used before"
        if not await self._first(f"call:{info.call_id}"):
            return "this call was taken back, or has been held already"
        return ""

    async def take_back(self, call_id: str) -> None:
        """Let this call in no more; a call that was let in already goes on."""
        await self._first(f"call:{call_id}")

    async def _first(self, key: str) -> bool:
        """Whether nobody did this before, in any worker; here at least, where the others cannot be
        asked: a caller does not wait for our own trouble."""
        now_s, lapse_s = self._wall_s(), self._token_s * 2
        for old in [one for one, until_s in self._used.items() if until_s <= now_s]:
            del self._used[old]
        first_here = key not in self._used
        self._used[key] = now_s + lapse_s
        try:
            return await self._shared.once(key, lapse_s) and first_here
        except SharedLost as error:
            log.warning("door_is_alone", error=str(error))
            return first_here
