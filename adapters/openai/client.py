"""The SDK's client, with connections that are kept warm.

A reply that is called off closes its connection: HTTP/1.1 has no other way to stop a server that
is writing. So there is always one ready for the next reply, which would wait for a handshake of
50 to 150 ms otherwise.
"""

from __future__ import annotations

import platform
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, cast

import structlog
import trio
from pydantic import SecretStr

from adapters.openai.failures import Exchange, told
from adapters.openai.settings import KEY_VARIABLE, OpenAiSettings, TranscriptionSettings
from adapters.secrets import revealed

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncOpenAI

log = structlog.get_logger()

CONNECTIONS_MAX = 256
"""Enough for 100 calls, each with a draft, a reply and a transcription."""
KEPT_MAX = 100
KEPT_S = 300.0
WARM_AGAIN_S = 240.0
"""Before connections have been idle for too long."""
PAUSE_S = 1.0
"""Between two times that connections are warmed, however many were lost."""
CLOSE_S = 0.1

Body = Mapping[str, object]
Speech = tuple[str, bytes, str]
"""A file to upload: its name, its content, its media type."""


class Client:
    """Entered, it can be posted with. ``answer_s`` bounds each silence of the server; None leaves
    that to others. An empty key is for servers that want none.

    Entering raises ProviderRefused for what cannot be a key; that the server is away is no error.
    """

    def __init__(
        self,
        key: SecretStr,
        server: OpenAiSettings | TranscriptionSettings,
        *,
        answer_s: float | None,
    ) -> None:
        self._key, self._server, self._answer_s = key, server, answer_s
        self._lost = trio.Event()
        self._trouble = ""

    async def __aenter__(self) -> Self:
        self._open = self._opened()
        self._sdk = await self._open.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._open.__aexit__(None, None, None)

    @asynccontextmanager
    async def streamed(
        self, path: str, body: Body, exchange: Exchange, *, speech: Speech | None = None
    ) -> AsyncIterator[Response]:
        """Post, and be given the answer as soon as it begins.

        Raises ProviderError for a refusal, for no answer, and for one that breaks off while the
        body reads it. Its connection is closed on leaving, unless the answer was read to its end.
        """
        import anyio
        import httpx2
        import openai

        try:
            response = await self._post(path, body, speech)
            exchange.request_id = response.headers.get("x-request-id", "")
            try:
                yield response
            finally:
                with trio.move_on_after(CLOSE_S, shield=True):
                    await response.aclose()
        except (openai.OpenAIError, httpx2.RequestError, ssl.SSLError, anyio.EndOfStream) as error:
            self._lost.set()
            raise told(error, exchange) from None
        except BaseException:
            self._lost.set()
            raise

    async def _post(self, path: str, body: Body, speech: Speech | None) -> Response:
        import httpx2
        import openai

        response = await self._sdk.post(
            path,
            cast_to=httpx2.Response,
            body=body,
            files={"file": speech} if speech else None,
            options={"headers": {"Content-Type": "multipart/form-data"}} if speech else {},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        return cast("Response", response)  # which the SDK does not say of a stream

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[AsyncOpenAI]:
        # Half a second of imports: not for those who use another vendor, and before any call.
        import httpx2
        import openai

        http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(
                self._answer_s, connect=self._server.connect_s, pool=self._server.connect_s
            ),
            limits=httpx2.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=KEPT_MAX,
                keepalive_expiry=KEPT_S,
            ),
        )
        sdk = openai.AsyncOpenAI(
            api_key=revealed(self._key, KEY_VARIABLE) or "none",
            base_url=self._server.base_url,
            organization=self._server.organization or None,
            project=self._server.project or None,
            max_retries=0,  # the engine retries, or asks another
            http_client=http,
        )
        sdk._platform = platform.system()  # type: ignore[assignment]  # or a thread finds it out
        async with sdk, trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_warm, sdk)
            yield sdk
            nursery.cancel_scope.cancel()

    async def _keep_warm(self, sdk: AsyncOpenAI) -> None:
        while True:
            self._lost = trio.Event()
            async with trio.open_nursery() as nursery:
                for _ in range(self._server.ready):
                    nursery.start_soon(self._warm, sdk)
            await trio.sleep(PAUSE_S)
            with trio.move_on_after(WARM_AGAIN_S):
                await self._lost.wait()

    async def _warm(self, sdk: AsyncOpenAI) -> None:
        """Ask for anything, so that there is a connection; whoever else asks at the same time
        makes one more."""
        import httpx2
        import openai

        trouble = ""
        try:
            with trio.move_on_after(self._server.connect_s * 2):
                await sdk.get("/models", cast_to=httpx2.Response)
        except openai.NotFoundError:
            pass  # a server that lists no models, but there is a connection
        except openai.OpenAIError as error:
            trouble = str(told(error, Exchange()))
        if trouble and trouble != self._trouble:  # once, not all the time that the server is away
            log.warning("not_warm", vendor="openai", error=trouble)
        self._trouble = trouble
