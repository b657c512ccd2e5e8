"""Cartesia's voice behind the port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import trio
from pydantic import SecretStr

from adapters.cartesia.messages import PATH, VERSION
from adapters.cartesia.reply import KEY_VARIABLE, VENDOR, Reply
from adapters.cartesia.settings import CartesiaSettings
from adapters.secrets import revealed
from adapters.sockets import Endpoint
from adapters.standby import Standby
from effects.ports import Clause, Speech


class CartesiaVoice:
    """A :class:`effects.ports.TextToSpeech` by Cartesia. One for the process.

    Entering it opens the first socket, in the background; that the vendor is away is told when a
    reply is to be spoken.
    """

    name = VENDOR

    def __init__(self, key: SecretStr, settings: CartesiaSettings | None = None) -> None:
        self._settings = chosen = settings or CartesiaSettings()
        sound = f"speed {chosen.speed} volume {chosen.volume} emotion {chosen.emotion}"
        self.identity = (
            f"{VENDOR} {chosen.voice} {chosen.model} {chosen.language} {sound} mulaw 8000"
        )
        headers = {
            "Authorization": f"Bearer {revealed(key, KEY_VARIABLE)}",
            "Cartesia-Version": VERSION,
        }
        url = chosen.base_url.rstrip("/") + PATH
        self._standby = Standby(
            Endpoint(VENDOR, url, KEY_VARIABLE, headers, chosen.connect_s),
            ready=chosen.ready_sockets,
            most=chosen.kept_sockets,
            idle_s=chosen.idle_s,
        )

    async def __aenter__(self) -> Self:
        await self._standby.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close all sockets."""
        await self._standby.__aexit__(*exc)

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """As :meth:`effects.ports.TextToSpeech.speak`.

        Takes its socket at once, so that a handshake there may be is over when the first clause
        comes. A cancelled reply is cancelled at the vendor; within 100 ms its socket is ready for
        another, or closed.
        """
        async with self._standby.take() as lease:
            reply = Reply(lease.socket, self._settings, speech)
            try:
                await reply.say(clauses)
                lease.reusable = True
            except trio.Cancelled:
                lease.reusable = await reply.cancel()
                raise
