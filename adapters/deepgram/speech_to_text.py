"""Speech-to-text by Deepgram, behind the port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import trio
from pydantic import SecretStr

from adapters.deepgram.settings import DeepgramSettings
from adapters.secrets import revealed
from adapters.sockets import Endpoint
from effects.ports import Heard, Sound

KEY_VARIABLE = "DEEPGRAM_API_KEY"

_DEFAULTS = DeepgramSettings()

Transcribe = Callable[
    [trio.MemoryReceiveChannel[Sound], Callable[[Heard], None]],
    Awaitable[None],
]


class Deepgram:
    """A :class:`~effects.ports.SpeechToText`: enter it once, then transcribe any calls, each over
    a connection of its own.

    It takes all sound as it comes, silence too, because it judges by it when speech is over.
    """

    name = "deepgram"
    gated = False

    def __init__(self, key: SecretStr, settings: DeepgramSettings = _DEFAULTS) -> None:
        self._key = key
        self._settings = settings
        self._transcribe: Transcribe | None = None

    async def __aenter__(self) -> Self:
        # The SDK takes a fifth of a second to import: only a process that uses it waits for it.
        from adapters.deepgram.messages import VENDOR, address
        from adapters.deepgram.session import Session

        key = revealed(self._key, KEY_VARIABLE)
        settings = self._settings
        endpoint = Endpoint(
            VENDOR,
            address(settings),
            KEY_VARIABLE,
            {"Authorization": f"Token {key}"},
            settings.connect_s,
        )
        self._transcribe = lambda sound, heard: Session(endpoint, settings, sound, heard).run()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._transcribe = None

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Transcribe one call until ``sound`` ends and its last words are reported (a second later
        at most).

        A connection that is lost is replaced, and hears again what was not finalised. Raises
        :class:`~effects.ports.ProviderRefused` (``ProviderBusy`` where there are too many
        connections), :class:`~effects.ports.ProviderTimeout` if the first connection is not open
        in time, and :class:`~effects.ports.ProviderLost` if there is none, or none any more.
        Cancelling closes the connection at once.
        """
        if self._transcribe is None:
            raise RuntimeError("Deepgram is not open: use it in `async with`")
        await self._transcribe(sound, heard)
