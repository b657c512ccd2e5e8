"""An adapter of your own, complete: the voice of Whistle, a vendor that is made up.

Its protocol: a text message asks for a clause; µ-law at 8 kHz comes back in binary messages, the
last of them empty. A text message that comes back is an error: an HTTP status, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import trio
from pydantic import SecretStr

from adapters.refusals import refusal
from adapters.secrets import quoted, revealed
from adapters.sockets import Endpoint, Socket
from adapters.standby import Standby
from effects.ports import Clause, ProviderLost, ProviderTimeout, Speech

ANSWER_S = 5.0


class Whistle:
    """A :class:`effects.ports.TextToSpeech`. One for the process; the calls share it."""

    name = "whistle"
    identity = "whistle alto mulaw 8000"

    def __init__(self, key: SecretStr, base_url: str = "wss://whistle.example") -> None:
        plain = revealed(key, "WHISTLE_API_KEY")
        headers = {"Authorization": f"Bearer {plain}"}
        endpoint = Endpoint("whistle", f"{base_url}/speak", "WHISTLE_API_KEY", headers)
        self._sockets = Standby(endpoint, ready=1, most=8, idle_s=60)

    async def __aenter__(self) -> Self:
        await self._sockets.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._sockets.__aexit__(*exc)

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Raises ProviderError. A reply that is cancelled closes its socket."""
        async with self._sockets.take() as lease:
            async for clause in clauses:
                await lease.socket.send(clause.spoken)
                while audio := await _next(lease.socket):
                    await speech(Speech(clause.index, audio, ends_clause=False))
                await speech(Speech(clause.index, b"", ends_clause=True))
            lease.reusable = True


async def _next(socket: Socket) -> bytes:
    with trio.move_on_after(ANSWER_S):
        message = await socket.receive()
        if isinstance(message, bytes):
            return message
        status, _, why = message.partition(" ")
        if not (status.isascii() and status.isdigit()):
            raise ProviderLost(f"whistle said what is no status: {quoted(message)}")
        raise refusal("whistle", int(status), why, "WHISTLE_API_KEY")
    raise ProviderTimeout(f"whistle was silent for {ANSWER_S:g} s")
