"""The carriers beside Twilio: who of them is let in, and where.

Each proves itself when it opens its line, so what comes over it needs no token of its own:
Telnyx and Asterisk by a secret in the request for the websocket, AudioSocket by coming from the
network where its port is open. Who shows no secret, because none is set, is let in from this
machine alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import trio
from trio_websocket import WebSocketConnection

from adapters.asterisk import audiosocket, channel
from adapters.carriers.answering import CarrierLimits, OnCall
from adapters.front.http import Request, Response, plain
from adapters.front.server import Answer, Listening
from adapters.telnyx import carrier as telnyx
from engine.config import Config


class OtherCarriers:
    """Those that are configured."""

    def __init__(self, config: Config, near: Callable[[Request], bool]) -> None:
        """``near`` says whether a request comes from this machine."""
        self._config, self._near = config, near

    def media(self, on_call: OnCall) -> Mapping[str, Answer]:
        """What to do with their websockets, by path. Their calls are held with ``on_call``."""
        asterisk = CarrierLimits(silence_s=self._config.asterisk.silence_s)
        answers: dict[str, Answer] = {
            self._config.telnyx.path: telnyx.answer,
            self._config.asterisk.path: partial(channel.answer, limits=asterisk),
        }

        async def held(answer: Answer, websocket: WebSocketConnection, _: OnCall) -> None:
            await answer(websocket, on_call)

        return {path: partial(held, answer) for path, answer in answers.items() if path}

    def is_for(self, request: Request) -> bool:
        """Whether a request is for a path of theirs."""
        return request.path in (self._config.telnyx.path, self._config.asterisk.path)

    def admit(self, request: Request) -> Response | None:
        """The refusal of a request for a path of theirs; None if its socket may be opened."""
        return None if self._is_proven(request) else _UNPROVEN

    def _is_proven(self, request: Request) -> bool:
        config = self._config
        if request.path == config.telnyx.path and config.telnyx.stream_token is not None:
            return telnyx.is_telnyx(request.headers, config.telnyx.stream_token)
        if request.path == config.asterisk.path and config.asterisk.password is not None:
            shown = request.headers
            return channel.is_asterisk(shown, config.asterisk.username, config.asterisk.password)
        return self._near(request)

    async def serve_audiosocket(
        self,
        on_call: OnCall,
        *,
        admit: Callable[[], bool],
        shared: bool,
        task_status: trio.TaskStatus[Listening | None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """As :func:`~adapters.asterisk.audiosocket.serve_audiosocket`; nothing where it has no
        port, and the status is None then."""
        settings = self._config.audiosocket
        if not settings.port:
            task_status.started(None)
            return
        await audiosocket.serve_audiosocket(
            settings.host,
            settings.port,
            on_call,
            calls=settings.calls,
            admit=admit,
            limits=CarrierLimits(silence_s=settings.silence_s),
            shared=shared,
            task_status=task_status,
        )


_UNPROVEN = plain(403, "this carrier has to show its secret, or to come from this machine")
