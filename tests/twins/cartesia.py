"""Cartesia's `/tts/websocket`, from its documentation (API version 2026-03-01).

A context takes texts and says them one after the other; all contexts of a socket speak at once.

    texts ──> _Context.run ── chunk, timestamps … flush_done ──> … ──> done

Where the documentation is silent, the twin can be told which way the service turns out to be:
``marks``, ``times_from``, ``ends_cancelled``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import uuid4

import msgspec
import trio

from adapters.front.http import Request
from tests.twins.server import Conversation, Twin

Brain = Callable[[str], Awaitable[bytes]]
"""From a text to µ-law at 8 kHz."""

MULAW_BYTES_PER_S = 8000
LETTER_MS = 60
OLDEST_VERSION = "2024-06-10"


async def hum(text: str) -> bytes:
    """The default voice: 60 ms of one byte a letter, so that all can be counted."""
    return b"\x2a" * (len(text.strip()) * LETTER_MS * MULAW_BYTES_PER_S // 1000)


class _Input(msgspec.Struct):
    """A generation request or a cancellation; what else is in it must not change in a context."""

    context_id: str
    transcript: str = ""
    goes_on: bool = msgspec.field(name="continue", default=False)
    flush: bool = False
    cancel: bool = False
    model_id: str = ""
    voice: dict[str, str] = {}
    language: str = "en"
    output_format: dict[str, str | int] = {}
    generation_config: dict[str, str | float] = {}
    max_buffer_delay_ms: int = 3000
    add_timestamps: bool = False

    def fixed(self) -> tuple[object, ...]:
        return (
            self.model_id,
            self.voice,
            self.language,
            self.output_format,
            self.generation_config,
            self.max_buffer_delay_ms,
            self.add_timestamps,
        )


class _Refused(Exception):
    """An error event: status, code, title."""


class CartesiaTwin(Twin):
    """The service. Counts its open ``contexts``, and holds the ``texts`` that it has said.

    ``brain`` is the voice. ``first_byte_s`` passes before the first audio of a text, which then
    comes ``faster`` than real time in pieces of ``chunk_ms``. ``limit`` contexts may speak at
    once (15 on the plan called Scale). A context that was silent for ``expires_s`` is over.
    ``marks`` says what gets a flush_done: each flush, each text, or both; ``times_from`` what
    timestamps count from; ``ends_cancelled`` whether a cancelled context gets its done.
    ``complaint`` is answered to the next text: status, code, title.
    """

    name = "cartesia"

    def __init__(
        self,
        key: str = "twin-key",
        brain: Brain = hum,
        *,
        first_byte_s: float = 0.0,
        faster: float = 1000.0,
        chunk_ms: int = 100,
        limit: int = 15,
        expires_s: float = 1.0,
        idle_s: float = 300.0,
        marks: Literal["flushes", "texts", "both"] = "flushes",
        times_from: Literal["context", "text"] = "context",
        ends_cancelled: bool = True,
    ) -> None:
        super().__init__(key)
        self.brain = brain
        self.first_byte_s = first_byte_s
        self.faster = faster
        self.chunk_bytes = chunk_ms * MULAW_BYTES_PER_S // 1000
        self.limit = limit
        self.expires_s = expires_s
        self.idle_s = idle_s
        self.marks = marks
        self.times_from = times_from
        self.ends_cancelled = ends_cancelled
        self.complaint: tuple[int, str, str] | None = None
        self.contexts = 0
        self.texts: list[str] = []
        self.received: list[str] = []
        self.sent: list[str] = []

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        """Without its path, a version and the key."""
        version = request.headers.get("cartesia-version", "")
        keys = (request.headers.get("authorization"), request.headers.get("x-api-key"))
        status = 0
        if request.path != "/tts/websocket":
            status = 404
        elif version < OLDEST_VERSION:
            status = 400
        elif f"Bearer {self.key}" not in keys and self.key not in keys:
            status = 401
        return (status, self.error_body(status)) if status else None

    def error_body(self, status: int) -> bytes:
        """As the page "API Errors" has it."""
        code, title = {
            401: ("unauthorized", "Invalid API key"),
            402: ("quota_exceeded", "Credit limit reached"),
            429: ("concurrency_limited", "Too many concurrent requests"),
        }.get(status, (None, "Request failed"))
        body = {"error_code": code, "title": title, "message": title, "request_id": str(uuid4())}
        return msgspec.json.encode(body)

    async def converse(self, conversation: Conversation) -> None:
        """Serve one socket until it is closed, or idle for five minutes."""
        contexts: dict[str, _Context] = {}
        over: set[str] = set()
        async with trio.open_nursery() as nursery:
            try:
                while True:
                    with trio.move_on_after(self.idle_s) as patience:
                        message = await conversation.receive()
                    if not patience.cancelled_caught:
                        assert isinstance(message, str)
                        await self._take(message, conversation, contexts, over, nursery)
                    elif not contexts:
                        await conversation.close(1000, "connection idle timeout")
            finally:
                self.contexts -= len(contexts)
                nursery.cancel_scope.cancel()

    async def _take(
        self,
        message: str,
        conversation: Conversation,
        contexts: dict[str, _Context],
        over: set[str],
        nursery: trio.Nursery,
    ) -> None:
        self.received.append(message)
        try:
            asked = msgspec.json.decode(message, type=_Input)
        except msgspec.MsgspecError:
            await self._refuse(conversation, None, 400, "invalid_request", "Invalid message")
            return
        context = contexts.get(asked.context_id)
        try:
            if context is None and not asked.cancel:
                self._check(asked, over)
                context = contexts[asked.context_id] = _Context(self, conversation, asked)
                self.contexts += 1
                nursery.start_soon(self._run, context, contexts, over)
            if context is not None:
                context.take(asked)
        except _Refused as refused:
            status, code, title = refused.args
            await self._refuse(conversation, asked.context_id, status, code, title)

    def _check(self, asked: _Input, over: set[str]) -> None:
        if self.complaint:
            complaint, self.complaint = self.complaint, None
            raise _Refused(*complaint)
        if asked.context_id in over:
            raise _Refused(400, "context_closed", "Context has closed")
        if self.contexts >= self.limit:
            raise _Refused(429, "concurrency_limited", "Too many concurrent requests")
        if not asked.model_id.startswith("sonic-"):
            raise _Refused(404, "model_not_found", "Invalid model")
        if asked.output_format != {
            "container": "raw",
            "encoding": "pcm_mulaw",
            "sample_rate": 8000,
        }:
            raise _Refused(400, "invalid_output_format", "The twin speaks to telephones only")

    async def _run(self, context: _Context, contexts: dict[str, _Context], over: set[str]) -> None:
        await context.run()
        over.add(context.id)
        del contexts[context.id]
        self.contexts -= 1
        if not context.is_cancelled or self.ends_cancelled:
            await context.send("done", done=True)

    async def _refuse(
        self, conversation: Conversation, context: str | None, status: int, code: str, title: str
    ) -> None:
        event: dict[str, object] = {
            "type": "error",
            "done": True,
            "status_code": status,
            "error_code": code,
            "title": title,
            "message": title,
            "request_id": str(uuid4()),
        }
        if context is not None:
            event["context_id"] = context
        await self.send(conversation, event)

    async def send(self, conversation: Conversation, event: dict[str, object]) -> None:
        """Send an event."""
        message = msgspec.json.encode(event).decode()
        self.sent.append(message)
        await conversation.send(message)


class _Context:
    """Says texts, one after the other."""

    def __init__(self, twin: CartesiaTwin, conversation: Conversation, first: _Input) -> None:
        self.id = first.context_id
        self.is_cancelled = False
        self._twin, self._conversation = twin, conversation
        self._fixed = first.fixed()
        self._delay_s = first.max_buffer_delay_ms / 1000
        self._timed = first.add_timestamps
        self._give, self._inputs = trio.open_memory_channel[_Input](1000)
        self._text = ""
        self._flushes = 1
        self._said_s = 0.0

    def take(self, asked: _Input) -> None:
        if asked.cancel:
            self.is_cancelled = True
            self._give.close()
        elif asked.fixed() != self._fixed:
            raise _Refused(400, "invalid_request", "Inputs of a context differ")
        elif not self.is_cancelled:
            self._give.send_nowait(asked)

    async def run(self) -> None:
        """Until it is ended, cancelled, or expired."""
        while not self.is_cancelled:
            wait_s = self._delay_s if self._text else self._twin.expires_s
            with trio.move_on_after(wait_s) as waiting:
                try:
                    asked = await self._inputs.receive()
                except trio.EndOfChannel:
                    return
            if waiting.cancelled_caught:
                if not self._text:
                    return
                await self._say()
                continue
            self._text += asked.transcript
            if not self._delay_s or asked.flush or not asked.goes_on:
                if self._text:
                    await self._say()
                if asked.flush and self._twin.marks != "texts":
                    await self._mark()
            if not asked.goes_on:
                return

    async def _say(self) -> None:
        text, self._text = self._text, ""
        self._twin.texts.append(text)
        await trio.sleep(self._twin.first_byte_s)
        audio = await self._twin.brain(text)
        size = self._twin.chunk_bytes
        for first in range(0, len(audio), size):
            piece = audio[first : first + size]
            await trio.sleep(len(piece) / MULAW_BYTES_PER_S / self._twin.faster)
            await self.send(
                "chunk",
                data=b64encode(piece).decode(),
                step_time=1.0,
                flush_id=self._flushes,
            )
            if self._timed:
                await self._time(text, len(audio), first, first + size)
        self._said_s += len(audio) / MULAW_BYTES_PER_S
        if self._twin.marks != "flushes":
            await self._mark()

    async def _time(self, text: str, length: int, first: int, last: int) -> None:
        """Timestamps of the words that begin in a stretch of a text's audio."""
        words, starts, ends = [], [], []
        letters = 0
        letter_bytes = length / max(1, len(text.strip()))
        from_s = self._said_s if self._twin.times_from == "context" else 0.0
        for word in text.split():
            begin, letters = letters, letters + len(word) + 1
            if first <= begin * letter_bytes < last:
                words.append(word.strip('.,?!;:"'))
                starts.append(from_s + begin * letter_bytes / MULAW_BYTES_PER_S)
                ends.append(from_s + (letters - 1) * letter_bytes / MULAW_BYTES_PER_S)
        if words:
            times = {"words": words, "start": starts, "end": ends}
            await self.send("timestamps", word_timestamps=times, flush_id=self._flushes)

    async def _mark(self) -> None:
        await self.send("flush_done", flush_done=True, flush_id=self._flushes)
        self._flushes += 1

    async def send(self, kind: str, *, done: bool = False, **fields: object) -> None:
        await self._twin.send(
            self._conversation,
            {"type": kind, "context_id": self.id, "status_code": 206, "done": done, **fields},
        )
