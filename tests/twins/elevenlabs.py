"""ElevenLabs' text-to-speech, as its documentation has it and as it was seen to be.

``/v1/text-to-speech/{voice}/multi-stream-input``, message for message (elevenlabs.io/docs/
api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input), with its habits: a
flush is not answered; a context that is closed says what was flushed and then ``isFinal``; closed
before its first sound, it says nothing more; text that was not flushed is dropped; a sixth context,
or a silence, ends the socket with an error frame and 1008. And ``…/stream`` and
``…/stream/with-timestamps`` over HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import trio

from adapters.front.http import Request
from states import mulaw
from tests.twins.elevenlabs_audio import pieces_of
from tests.twins.server import Conversation, Reply, Twin

Brain = Callable[[str], Awaitable[bytes]]
"""What a text sounds like, in µ-law at 8 kHz."""

LETTER_MS = 60
CONTEXTS_MOST = 5
CLOSE_REASON_BYTES = 123

SAID = {
    "quota_exceeded": "This request exceeds your quota of 10000. You have 0 credits remaining.",
    "voice_id_does_not_exist": "A voice with this voice_id does not exist.",
    "detected_unusual_activity": "Unusual activity detected. Free Tier usage disabled.",
    "too_many_concurrent_requests": "Too many concurrent requests for your subscription.",
    "max_active_conversations": (
        "Maximum simultaneous contexts per WebSocket connection exceeded (5). "
        "Please close an existing context before opening a new one."
    ),
    "input_timeout_exceeded": (
        "Have not received a new text input within the timeout. Streaming input terminated. "
        "Please make sure to feed the input in the timely manner."
    ),
}
"""Error frames by name: what they say."""

_STATUS = {
    400: ("invalid_request", "The request is invalid."),
    401: ("invalid_api_key", "Invalid API key"),
    403: ("missing_permissions", "The API key is missing a permission."),
    404: ("voice_not_found", "A voice with this voice_id was not found."),
    429: ("too_many_concurrent_requests", SAID["too_many_concurrent_requests"]),
    503: ("service_unavailable", "Try again later."),
}
_PATH = re.compile(
    r"/v1/text-to-speech/(?P<voice>[^/]+)/(?P<way>multi-stream-input|stream(/with-timestamps)?)"
)


async def hum(text: str) -> bytes:
    """A steady tone, so much for each letter; nothing for punctuation."""
    letters = sum(char.isalnum() for char in text)
    return b"\x55" * (letters * LETTER_MS * mulaw.BYTES_PER_MS)


class ElevenLabsTwin(Twin):
    """``first_byte_s`` passes before the first audio of a text, which then comes ``speed`` times
    faster than it sounds, ``piece_ms`` of it a message; one of ``aligned_pieces`` is aligned, for
    itself and the others. ``voices``: the ids it knows (None: any).

    What can be asked of it, besides the faults of all twins: ``error``, an error frame of that name
    after ``error_after`` messages of a socket; ``refuse_sockets``, the status of handshakes alone;
    ``is_mute``: nothing is said on websockets; ``is_hasty``: contexts end without a sound.
    ``inactivity_s`` replaces what the client asks for.

    ``contexts`` are open now, ``contexts_most`` were at once; ``said`` are the texts that it said,
    ``received`` and ``sent`` all messages of all websockets.
    """

    name = "elevenlabs"

    def __init__(
        self,
        key: str = "twin-key",
        *,
        brain: Brain = hum,
        first_byte_s: float = 0.0,
        speed: float = 50.0,
        piece_ms: int = 200,
        aligned_pieces: int = 1,
        voices: frozenset[str] | None = None,
    ) -> None:
        super().__init__(key)
        self.brain, self.voices = brain, voices
        self.first_byte_s, self.speed = first_byte_s, speed
        self.piece_ms, self.aligned_pieces = piece_ms, aligned_pieces
        self.error, self.error_after = "", 0
        self.refuse_sockets = 0
        self.is_mute = self.is_hasty = False
        self.inactivity_s: float | None = None
        self.contexts = self.contexts_most = 0
        self.said: list[str] = []
        self.received: list[str] = []
        self.sent: list[str] = []

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        known = _PATH.fullmatch(request.path)
        if request.headers.get("xi-api-key") != self.key:
            return 401, self.error_body(401)
        if known is None:
            return 404, self.error_body(404)
        if parse_qs(request.query).get("output_format") != ["ulaw_8000"]:
            return 400, self.error_body(400)
        if known["way"] == "multi-stream-input":
            status = self.refuse_sockets
        else:
            status = 0 if self.knows(request) else 404
        return (status, self.error_body(status)) if status else None

    def knows(self, request: Request) -> bool:
        """Whether the voice that is asked for exists."""
        asked = _PATH.fullmatch(request.path)
        return self.voices is None or (asked is not None and asked["voice"] in self.voices)

    def error_body(self, status: int) -> bytes:
        name, said = _STATUS.get(status, ("error", "Something is wrong."))
        detail = {"status": name, "code": name, "message": said, "request_id": "twin"}
        return json.dumps({"detail": detail}).encode()

    async def http(self, request: Request, reply: Reply) -> None:
        text = json.loads(request.body)["text"]
        self.said.append(text)
        audio = await self.brain(text)
        is_timed = request.path.endswith("with-timestamps")
        kind = "application/json" if is_timed else "audio/basic"
        await reply.begin(200, {"content-type": kind})
        await trio.sleep(self.first_byte_s)
        for piece in pieces_of(text, audio, self.piece_ms, self.aligned_pieces):
            await reply.piece(piece.in_http() if is_timed else piece.audio)
            await trio.sleep(self.piece_ms / 1000 / self.speed)
        await reply.end()

    async def converse(self, conversation: Conversation) -> None:
        async with trio.open_nursery() as nursery:
            session = _Session(self, conversation, nursery)
            try:
                await session.run()
            finally:
                self.contexts -= len(session.contexts)
                nursery.cancel_scope.cancel()


@dataclass(slots=True)
class _Context:
    """One voice on a socket. ``texts`` were flushed and wait, ``buffer`` was not."""

    name: str
    used_at: float
    buffer: str = ""
    texts: list[str] = field(default_factory=list)
    is_busy: bool = False
    is_closed: bool = False
    has_sounded: bool = False
    is_over: bool = False


class _Session:
    """One websocket."""

    def __init__(
        self, twin: ElevenLabsTwin, conversation: Conversation, nursery: trio.Nursery
    ) -> None:
        self._twin, self._conversation, self._nursery = twin, conversation, nursery
        self.contexts: dict[str, _Context] = {}
        self._used_at = trio.current_time()
        self._is_automatic = conversation.query.get("auto_mode") == ["true"]
        asked_s = float(conversation.query.get("inactivity_timeout", ["20"])[0])
        self._inactivity_s = asked_s if twin.inactivity_s is None else twin.inactivity_s
        self._sent = 0

    async def run(self) -> None:
        """Until the socket is closed."""
        if not self._twin.knows(self._conversation.request):
            await self._fail("voice_id_does_not_exist")
        is_over = False
        while not is_over:
            message: str | bytes | None = None
            used_at = min((one.used_at for one in self.contexts.values()), default=self._used_at)
            with trio.move_on_at(used_at + self._inactivity_s):
                message = await self._conversation.receive()
            if message is None:
                await self._fail("input_timeout_exceeded")
                return
            self._used_at = trio.current_time()
            self._twin.received.append(str(message))
            is_over = await self._take(json.loads(message))

    async def _take(self, message: dict[str, Any]) -> bool:
        """Whether the socket is over."""
        if message.get("close_socket"):
            while self.contexts:
                for one in tuple(self.contexts.values()):
                    await self._close(one)
                await trio.sleep(0.001)
            return True
        name = message.get("context_id") or message.get("contextId") or "default"
        context = self.contexts.get(name)
        if message.get("close_context"):
            if context is not None:
                await self._close(context)
            return False
        if context is None:
            if len(self.contexts) == CONTEXTS_MOST:
                await self._fail("max_active_conversations")
                return True
            context = self._open(name)
        elif message.get("voice_settings"):
            reason = "voice_settings can only be provided in the first message of a context"
            await self._conversation.close(1008, reason)
            return True
        await self._hear(context, message)
        return False

    def _open(self, name: str) -> _Context:
        context = self.contexts[name] = _Context(name, trio.current_time())
        self._twin.contexts += 1
        self._twin.contexts_most = max(self._twin.contexts_most, self._twin.contexts)
        return context

    async def _hear(self, context: _Context, message: dict[str, Any]) -> None:
        """Text for a context; an empty one keeps it alive, and no more."""
        context.used_at = trio.current_time()
        context.buffer += message.get("text") or ""
        if (message.get("flush") or self._is_automatic) and context.buffer.strip():
            context.texts.append(context.buffer.removeprefix(" "))
            context.buffer = ""
            if not context.is_busy:
                context.is_busy = True
                self._nursery.start_soon(self._say, context)

    async def _say(self, context: _Context) -> None:
        await trio.sleep(self._twin.first_byte_s)
        while context.texts and (context.has_sounded or not context.is_closed):
            text = context.texts.pop(0)
            self._twin.said.append(text)
            if self._twin.is_mute:
                await trio.sleep_forever()
            audio = b"" if self._twin.is_hasty else await self._twin.brain(text)
            for piece in pieces_of(text, audio, self._twin.piece_ms, self._twin.aligned_pieces):
                await self._send(piece.on_websocket() | {"contextId": context.name})
                context.has_sounded = True
                await trio.sleep(self._twin.piece_ms / 1000 / self._twin.speed)
        context.is_busy = False
        if context.is_closed or self._twin.is_hasty:
            await self._end(context)

    async def _close(self, context: _Context) -> None:
        context.is_closed = True
        if not context.is_busy:
            await self._end(context)

    async def _end(self, context: _Context) -> None:
        if not context.is_over:
            context.is_over = True
            await self._send({"isFinal": True, "contextId": context.name})
            del self.contexts[context.name]
            self._twin.contexts -= 1

    async def _send(self, message: dict[str, Any]) -> None:
        if self._twin.error and self._sent == self._twin.error_after:
            await self._fail(self._twin.error)
        self._sent += 1
        self._twin.sent.append(json.dumps(message))
        await self._conversation.send(self._twin.sent[-1])

    async def _fail(self, name: str) -> None:
        said = SAID.get(name, "Something is wrong.")
        await self._conversation.send(json.dumps({"message": said, "error": name, "code": 1008}))
        await self._conversation.close(1008, said[:CLOSE_REASON_BYTES])
