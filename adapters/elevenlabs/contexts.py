"""Clauses on one websocket, each in a context of its own.

Why not one context for all of a reply? Because its clauses could not be told apart. A ``flush`` is
not answered: ``isFinal`` comes once for each context, after it was closed. The alignments do not
tell it either: they are missing from most messages, and cut words and repeat themselves in others.
But a mark must follow each clause at once, and audio must not count for its neighbour.

A context is closed as soon as its first audio is here, and no sooner: one that is closed before the
vendor has begun with its text may end without a sound, as production telemetry of others has shown.
From then on what was flushed is said to its end (the reference of CloseContext), then ``isFinal``
comes. So no context waits for anything, and none has to be kept alive.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import trio

from adapters.elevenlabs import messages
from adapters.elevenlabs.errors import closed_error
from adapters.elevenlabs.saying import Saying
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.sockets import Socket, SocketClosed
from effects.ports import ProviderLost

CLOSE_S = 0.1
"""For the contexts of an interrupted reply to end. A socket on which one goes on is given up."""

_numbers = itertools.count(1)
"""No two contexts have the same id, so that late audio finds nobody."""


@dataclass(slots=True)
class _Context:
    saying: Saying | None
    """Who gets its audio; None when nobody wants it any more."""
    is_closing: bool = False


class Contexts:
    """The open contexts on a socket that one has to oneself. One task listens, another says."""

    def __init__(self, socket: Socket, settings: ElevenLabsSettings) -> None:
        self._socket = socket
        self._settings = settings
        self._open: dict[str, _Context] = {}
        self._sends = 0

    async def say(self, saying: Saying) -> None:
        """Ask for a clause. Raises :class:`SocketClosed`, as does :meth:`listen` then."""
        context = str(next(_numbers))
        self._open[context] = _Context(saying)
        await self._send(messages.open_context(context, self._settings))
        await self._send(messages.send_text(context, saying.clause.spoken))

    async def listen(self) -> NoReturn:
        """Pass audio on, until the socket is lost: raises :class:`ProviderError` then. Safe to
        cancel, but for :meth:`close`."""
        try:
            while True:
                await self._take(await self._socket.receive())
        except SocketClosed as closed:
            raise closed_error(closed) from None

    def abandon(self) -> list[Saying]:
        """Let go of what has not been said to its end: what still comes of it is dropped."""
        unfinished = []
        for context in self._open.values():
            if context.saying is not None:
                unfinished.append(context.saying)
            context.saying = None
        return unfinished

    async def close(self) -> bool:
        """Close all contexts, within ``CLOSE_S``; does its work even where it is cancelled.
        Returns whether they are closed, and the socket is as good as new."""
        self.abandon()
        with trio.move_on_after(CLOSE_S, shield=True), suppress(ProviderLost):
            for name, context in tuple(self._open.items()):
                if not context.is_closing:
                    await self._send(messages.close_context(name))
            while self._open:
                await self._take(await self._socket.receive())
        return not self._open and not self._sends

    async def _take(self, message: str | bytes) -> None:
        received = messages.parse(message)
        if received is None:
            return
        if received.failure is not None:
            raise received.failure
        name = received.context_id or ""
        context = self._open.get(name)
        if context is None:
            return  # of a context that is over, or a message that we do not know
        if received.audio:
            if context.saying is not None:
                context.saying.add(received.audio, received.aligned)
            if not context.is_closing:
                context.is_closing = True
                await self._send(messages.close_context(name))
        if received.ends_context:
            self._end(name, context)

    def _end(self, name: str, context: _Context) -> None:
        if context.saying is not None:
            if not context.saying.audio_ms:
                raise ProviderLost("elevenlabs ended a clause without a sound")
            context.saying.end()
        del self._open[name]

    async def _send(self, message: str) -> None:
        self._sends += 1  # and if this is cancelled half-way, the socket is of no more use
        await self._socket.send(message)
        self._sends -= 1
