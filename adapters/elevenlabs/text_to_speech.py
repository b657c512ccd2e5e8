"""ElevenLabs as a :class:`effects.ports.TextToSpeech`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Self

import trio
from pydantic import SecretStr

from adapters.elevenlabs.errors import KEY_VARIABLE, VENDOR
from adapters.elevenlabs.http import Http
from adapters.elevenlabs.messages import socket_url
from adapters.elevenlabs.reply import Reply
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.secrets import revealed
from adapters.sockets import Endpoint
from adapters.standby import Standby
from effects.ports import Clause, Speech

IDLE_SHARE = 0.8
"""A socket that was idle for this share of the vendor's limit is renewed."""


DEFAULTS = ElevenLabsSettings()


class ElevenLabs:
    """The vendor's voice, for all calls of a process. To be entered once: then sockets are opened
    ahead of the replies that will need them."""

    name = "elevenlabs"

    def __init__(self, key: SecretStr, settings: ElevenLabsSettings = DEFAULTS) -> None:
        self.identity = settings.identity
        self._settings = settings
        self._stack = AsyncExitStack()
        self._http = Http(key, settings)
        self._sockets: Standby | None = None
        if settings.transport == "websocket":
            endpoint = Endpoint(
                VENDOR,
                socket_url(settings),
                KEY_VARIABLE,
                {"xi-api-key": revealed(key, KEY_VARIABLE)},
                settings.connect_s,
            )
            self._sockets = Standby(
                endpoint,
                ready=settings.ready,
                most=settings.most,
                idle_s=settings.inactivity_timeout_s * IDLE_SHARE,
            )

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        if self._sockets is not None:
            await self._stack.enter_async_context(self._sockets)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Synthesize clauses in order, as they come, into ``speech``; return after the last.

        While ``speech`` holds a clause back, the next is synthesized. Raises
        :class:`effects.ports.ProviderError`, after what came before it has been handed over. Safe
        to cancel anywhere: within 100 ms the vendor's contexts are closed, or the socket is.
        """
        await Reply(self._settings, self._sockets, self._http).run(clauses, speech)
