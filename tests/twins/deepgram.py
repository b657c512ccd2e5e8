"""Deepgram's twin: ``/v1/listen`` (nova) and ``/v2/listen`` (Flux), as documented.

    audio ── Ears (onset, offset, pre-roll) ──> the brain ── Heard ──> Nova or Flux ──> messages

The brain is what the port is: a coroutine that hears speech and says what it understood. The
default one understands :func:`spoken`; any gated :class:`~effects.ports.SpeechToText` can be put in
its place (``brain=recogniser.transcribe``). Time is the time of the audio that came, not the
clock's, except that nobody may be silent for ``idle_s``.

Sources, of developers.deepgram.com: docs/stt-troubleshooting-websocket-data-and-net-errors (close
codes), docs/errors (refusals), docs/finalize, docs/close-stream, docs/utterance-end,
docs/endpointing, docs/flux/state, docs/flux/close-stream, docs/flux/force-end-turn.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
import trio
from numpy.typing import NDArray
from wsproto.frame_protocol import CloseReason

from adapters.front.http import Request
from effects.ears import Ears
from effects.ports import Frame, Heard, Offset, Onset, Sound, VadStream
from states import mulaw
from states.settings import Settings
from tests.twins.deepgram_messages import Dialect, Flux, Nova, parsed
from tests.twins.server import Conversation, Lost, Twin

Brain = Callable[
    [trio.MemoryReceiveChannel[Sound], Callable[[Heard], None]],
    Awaitable[None],
]

NET_0001 = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
DATA_0000 = "Deepgram was unable to decode the payload as audio data. See https://dpgr.am/data0000"
CONTAINERS = (b"RIFF", b"OggS", b"fLaC", b"ID3")
FRAME_BYTES = 160
ERRORS = {
    400: ("Bad Request", "Bad Request: No such model/version combination found."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: (
        "ASR_PAYMENT_REQUIRED",
        "Project does not have enough credits for an ASR request and does not have an overage "
        "agreement.",
    ),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later"),
    503: ("Service Unavailable", "Please try again later"),
}


# --- what the default brain understands ------------------------------------------------------

WORDS = "zero one two three four five six seven eight nine ten yes no please thanks order".split()
WORD_MS = 160
"""Each word is so long, and followed by a pause of 40 ms."""
_HEARD_FRAMES = 3
"""Of a sound, so many make a word."""
_NO_RUN = (0xFF, 0)


def spoken(words: str) -> bytes:
    """µ-law audio of these ``WORDS``: a sound of its own for each."""
    sound = bytearray()
    for word in words.split():
        sound += bytes([WORDS.index(word)]) * (WORD_MS * mulaw.BYTES_PER_MS)
        sound += mulaw.SILENCE * (40 * mulaw.BYTES_PER_MS)
    return bytes(sound)


class LoudnessVad:
    """Takes whatever is loud for speech."""

    def probability(self, window: NDArray[np.float32]) -> float:
        return float(np.sqrt(np.mean(window * window)) > 0.01)


class Listener:
    """The default brain: it tells the words of :func:`spoken` apart. ``final_ms``: a segment that
    is so long is final at the next pause between words, though the speech goes on."""

    def __init__(self, final_ms: float = 1e9) -> None:
        self._final_ms = final_ms

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """As :meth:`~effects.ports.SpeechToText.transcribe`."""
        segment, words, run, begun_ms, known_ms = 0, list[str](), _NO_RUN, 0.0, -1.0
        async for item in sound:
            match item:
                case Frame() if item.at_ms > known_ms:  # pre-roll may come again
                    code, known_ms = item.mulaw[len(item.mulaw) // 2], item.at_ms
                    if code != run[0]:
                        if _is_word(run):
                            words.append(WORDS[run[0]])
                            heard(Heard(segment, " ".join(words), False, known_ms))
                        run = (code, 0)
                    run = (code, run[1] + 1)
                    if words and code >= len(WORDS) and known_ms - begun_ms > self._final_ms:
                        heard(Heard(segment, " ".join(words), True, known_ms))
                        segment, words, begun_ms = segment + 1, [], known_ms
                case Onset():
                    begun_ms = item.at_ms
                case Offset():
                    words += [WORDS[run[0]]] if _is_word(run) else []
                    heard(Heard(segment, " ".join(words), True, known_ms + 20))
                    segment, words, run = segment + 1, [], _NO_RUN


def _is_word(run: tuple[int, int]) -> bool:
    return run[0] < len(WORDS) and run[1] >= _HEARD_FRAMES


# --- the server -------------------------------------------------------------------------------


class DeepgramTwin(Twin):
    """Serves nova and Flux. ``idle_s``: it hangs up on a client that sends nothing for so long
    (nova: 10 s, Flux: 60 s). ``brain`` and ``vad`` make what a connection hears with.

    While it ``is_mute`` it hears and says nothing. ``calls`` holds every connection there was, the
    latest last.
    """

    name = "deepgram"

    def __init__(
        self,
        key: str = "twin-key",
        *,
        brain: Brain | None = None,
        vad: Callable[[], VadStream] = LoudnessVad,
        idle_s: float | None = None,
    ) -> None:
        super().__init__(key)
        self.brain = brain or Listener().transcribe
        self.vad = vad
        self.idle_s = idle_s
        self.is_mute = False
        self.calls: list[Call] = []

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        if request.headers.get("authorization") != f"Token {self.key}":
            return 401, self.error_body(401)
        wants_flux = "model=flux" in request.query
        if wants_flux != (request.path == "/v2/listen"):
            return 400, self.error_body(400)
        return None

    def error_body(self, status: int) -> bytes:
        code, why = ERRORS.get(status, ("Bad Request", "Bad Request"))
        return json.dumps({"err_code": code, "err_msg": why, "request_id": "twin"}).encode()

    async def converse(self, conversation: Conversation) -> None:
        call = Call(self, conversation)
        self.calls.append(call)
        await call.serve()

    def cut_off(self) -> None:
        """Break the connections there are, without a word."""
        for call in self.calls:
            call.cut.cancel()


class Call:
    """One connection. ``audio`` is all it was sent, ``controls`` the other messages' types."""

    def __init__(self, twin: DeepgramTwin, conversation: Conversation) -> None:
        self.audio = bytearray()
        self.binaries = 0
        self.controls: list[str] = []
        self.cut = trio.CancelScope()
        self._twin = twin
        self._conversation = conversation
        self._rest = bytearray()
        query = {name: values[-1] for name, values in conversation.query.items()}
        is_flux = conversation.request.path == "/v2/listen"
        self._dialect: Dialect = Flux(query) if is_flux else Nova(query)
        self._farewell = CloseReason.NO_STATUS_RCVD if is_flux else CloseReason.NORMAL_CLOSURE
        self._idle_s = twin.idle_s or (60.0 if is_flux else 10.0)
        self._ears = Ears(twin.vad(), msgspec.structs.replace(Settings(), offset_ms=_pause(query)))
        self._over = False

    async def serve(self) -> None:
        """Until the client closes the stream, or is hung up on."""
        with self.cut:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send)
                if await self._hear():
                    self._dialect.closed(self._ms)
                    self._over = True
                    self._dialect.wake()
                else:
                    nursery.cancel_scope.cancel()
        if self.cut.cancelled_caught:
            raise Lost

    async def _hear(self) -> bool:
        """Listen until the stream is closed and understood; False if the client was hung up on."""
        async with trio.open_nursery() as nursery:
            with self._ears.listen(gated=True) as sound:
                nursery.start_soon(self._twin.brain, sound.clone(), self._dialect.heard)
                if not await self._read():
                    nursery.cancel_scope.cancel()
                    return False
                self._end_speech()
        return True

    @property
    def _ms(self) -> float:
        return len(self.audio) / mulaw.BYTES_PER_MS

    async def _read(self) -> bool:
        """Take messages until the stream is closed; False if the client was hung up on."""
        deadline = trio.current_time() + self._idle_s
        while True:
            with trio.move_on_at(deadline) as patience:
                message = await self._conversation.receive()
            if patience.cancelled_caught:
                await self._conversation.close(1011, NET_0001)
                return False
            if isinstance(message, str):
                if message and parsed(message) == "CloseStream":
                    self.controls.append("CloseStream")
                    return True
                self._control(message)
                if self._dialect.fatal:
                    await self._conversation.send(json.dumps(self._dialect.fatal))
                    await self._conversation.close(self._farewell)
                    return False
            elif not message or message.startswith(CONTAINERS):
                await self._conversation.close(1008, DATA_0000)
                return False
            else:
                self._listen(message)
            if self.audio:  # only then does a KeepAlive count
                deadline = trio.current_time() + self._idle_s

    def _listen(self, audio: bytes) -> None:
        self.binaries += 1
        self._rest += audio
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            edges = self._ears.frame(Frame(frame, self._ms))
            self.audio += frame
            self._dialect.pending |= any(isinstance(edge, Onset) for edge in edges)
            self._dialect.speaking = self._ears.speaking
            self._dialect.listened(self._ms)

    def _control(self, message: str) -> None:
        kind = parsed(message)
        self.controls.append(kind)
        if kind == self._dialect.ends_speech:
            self._end_speech()
            self._dialect.asked(self._ms)
        elif kind not in self._dialect.knows:
            self._dialect.unknown(message)

    def _end_speech(self) -> None:
        self._ears.frames_lost(self._ms)
        self._dialect.speaking = False

    async def _send(self) -> None:
        while True:
            over = self._over
            for message in self._dialect.messages():
                if not self._twin.is_mute:
                    await self._conversation.send(json.dumps(message))
            if over:
                break
            await self._dialect.woken()
        await self._conversation.close(self._farewell)


def _pause(query: dict[str, str]) -> int:
    """The silence after which speech is over; without endpointing, half a second."""
    asked = query.get("endpointing", "200")
    return max(64, int(asked)) if asked.isdigit() else 500
