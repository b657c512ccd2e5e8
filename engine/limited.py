"""Providers of which no more is asked at once than their vendor allows, by all workers together.

Each takes a place of its vendor's while it is asked, and says :class:`~effects.ports.NoneFree`
where there is none: the chart then does what it does when a vendor is busy, and the vendor never
has to refuse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import trio

from effects.ports import (
    Clause,
    Heard,
    LanguageModel,
    Prompt,
    Provider,
    Sound,
    Speech,
    SpeechToText,
    TextDelta,
    TextToSpeech,
    ToolCall,
    Usage,
)
from engine.fleet import Fleet


class _Limited:
    def __init__(self, provider: Provider, name: str, fleet: Fleet) -> None:
        self.name = name
        self._entered, self._fleet = provider, fleet

    async def __aenter__(self) -> Self:
        await self._entered.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._entered.__aexit__(*exc)


class LimitedSpeechToText(_Limited):
    """A place for each session."""

    def __init__(self, provider: SpeechToText, fleet: Fleet) -> None:
        super().__init__(provider, provider.name, fleet)
        self.gated = provider.gated
        self._provider = provider

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """See :class:`effects.ports.SpeechToText`."""
        async with self._fleet.asking(self.name):
            await self._provider.transcribe(sound, heard)


class LimitedMind(_Limited):
    """A place for each generation."""

    def __init__(self, provider: LanguageModel, fleet: Fleet) -> None:
        super().__init__(provider, provider.name, fleet)
        self._provider = provider

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """See :class:`effects.ports.LanguageModel`."""
        async with self._fleet.asking(self.name):
            return await self._provider.reply(prompt, emit)


class LimitedVoice(_Limited):
    """A place for each reply."""

    def __init__(self, provider: TextToSpeech, fleet: Fleet) -> None:
        super().__init__(provider, provider.name, fleet)
        self.identity = provider.identity
        self._provider = provider

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """See :class:`effects.ports.TextToSpeech`."""
        async with self._fleet.asking(self.name):
            await self._provider.speak(clauses, speech)
