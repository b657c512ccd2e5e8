"""What the tests of Deepgram share: a call whose sound a test makes, over a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import trio
from pydantic import SecretStr

from adapters.deepgram.settings import DeepgramSettings
from adapters.deepgram.speech_to_text import Deepgram
from effects.ports import Frame, Heard, Offset, Onset, ProviderError, Sound
from states import mulaw
from tests.sockets_kit import SOON_S
from tests.twins.deepgram import DeepgramTwin, spoken
from tests.twins.server import Conversation

FRAME_BYTES = 160
NOVA = DeepgramSettings(reconnect_wait_ms=20)
FLUX = msgspec.structs.replace(NOVA, model="flux-general-en")
EAGER = msgspec.structs.replace(FLUX, eager_eot_threshold=0.4)


class Puppet(DeepgramTwin):
    """Sends what a test says, and never reads."""

    def __init__(self, *messages: str) -> None:
        super().__init__()
        self._messages = messages

    async def converse(self, conversation: Conversation) -> None:
        for message in self._messages:
            await conversation.send(message)
        await trio.sleep_forever()


def results(text: str, *, final: bool = True, through_s: float = 1.0) -> str:
    """A result of nova's, with no more in it than is needed."""
    words = {"alternatives": [{"transcript": text}]}
    message = {"type": "Results", "start": 0, "duration": through_s, "channel": words}
    return json.dumps({**message, "is_final": final, "something_new": {"a": 1}})


class Caller:
    """One call: what its caller says, and what is heard of it. ``error`` is what ended it."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.error: ProviderError | None = None
        self.over = trio.Event()
        self.at_ms = 0.0
        self._send, self.sound = trio.open_memory_channel[Sound](5000)

    def says(self, words: str) -> None:
        """Say these words, and then pause for less than ends speech: so they are all sent."""
        self.sounds(spoken(words))
        self.is_quiet(80)

    def is_quiet(self, ms: int) -> None:
        self.sounds(mulaw.SILENCE * (ms * mulaw.BYTES_PER_MS))

    def sounds(self, audio: bytes) -> None:
        """Put in audio at the time it is."""
        for at in range(0, len(audio), FRAME_BYTES):
            self._send.send_nowait(Frame(audio[at : at + FRAME_BYTES], self.at_ms))
            self.at_ms += mulaw.duration_ms(audio[at : at + FRAME_BYTES])

    def sounds_at_once(self, audio: bytes) -> None:
        """Put in one large frame."""
        self._send.send_nowait(Frame(audio, self.at_ms))
        self.at_ms += mulaw.duration_ms(audio)

    def begins(self) -> None:
        """Our own voice activity detector finds that there is speech."""
        self._send.send_nowait(Onset(self.at_ms))

    def pauses(self) -> None:
        """Our own voice activity detector finds that the speech is over."""
        self._send.send_nowait(Offset(self.at_ms))

    def hangs_up(self) -> None:
        self._send.close()

    def speech_over(self) -> None:
        """Say no more: silence that ends the turn."""
        self.is_quiet(2000)
        self.hangs_up()

    @property
    def words(self) -> list[str]:
        """The text of each segment, as it is known last."""
        texts = {words.segment: words.text for words in self.heard}
        return [text for _, text in sorted(texts.items())]

    @property
    def text(self) -> str:
        return " ".join(text for text in self.words if text)

    def has_heard(self, text: str) -> bool:
        """Whether that is all that was heard so far."""
        return self.text == text

    def has_ended_turns(self, number: int) -> bool:
        """Whether so many turns are over."""
        return sum(words.endpoint for words in self.heard) == number

    async def ended(self) -> None:
        """Wait for the end of the call's speech-to-text."""
        with trio.fail_after(SOON_S):
            await self.over.wait()

    async def run(self, recogniser: Deepgram) -> None:
        try:
            await recogniser.transcribe(self.sound, self.heard.append)
        except ProviderError as error:
            self.error = error
        self.over.set()


def deepgram(twin: DeepgramTwin, settings: DeepgramSettings, key: str = "twin-key") -> Deepgram:
    """The adapter, pointed at a twin."""
    at = msgspec.structs.replace(settings, base_url=twin.ws_url)
    return Deepgram(SecretStr(key), at)


@asynccontextmanager
async def calling(
    twin: DeepgramTwin, settings: DeepgramSettings = NOVA, key: str = "twin-key"
) -> AsyncIterator[Caller]:
    """A call that is being transcribed while the body runs."""
    caller = Caller()
    async with deepgram(twin, settings, key) as recogniser, trio.open_nursery() as nursery:
        nursery.start_soon(partial(caller.run, recogniser))
        yield caller
        nursery.cancel_scope.cancel()
