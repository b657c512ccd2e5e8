"""Fixed lines, rendered once, kept from one start to the next, and spoken from memory.

A greeting that has to be synthesized for each call costs each caller its time; an apology that
needs the voice that just failed is never heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import structlog
import trio

from effects.ports import Clause, PhraseStore, ProviderError, ProviderLost, Speech, TextToSpeech
from effects.spoken import clause_of

log = structlog.get_logger()

RENDER_LIMIT_S = 20.0

FORMAT = "mulaw 8000 1"
"""What is kept. Another format is another key, so that nothing kept in this one is found."""


class Phrases:
    """The audio of fixed lines by their text. One book serves all calls of a process.

    ``store`` keeps what was rendered; without one it is rendered at each start.
    """

    def __init__(self, texts: Iterable[str] = (), store: PhraseStore | None = None) -> None:
        self._audio: dict[str, bytes] = {}
        self._pending = list(dict.fromkeys(texts))
        self._store = store
        self._rendered = trio.lowlevel.ParkingLot()

    def get(self, text: str) -> bytes | None:
        """The line as µ-law, or None if it has not been rendered."""
        return self._audio.get(text)

    def add(self, text: str, audio: bytes) -> None:
        """Keep a line that was rendered elsewhere."""
        self._audio[text] = audio

    async def wait_for(self, text: str) -> None:
        """Wait until :meth:`render` has come past a line."""
        while text in self._pending:
            await self._rendered.park()

    async def recall(self, voice: TextToSpeech) -> None:
        """Take the lines that this voice has rendered before from the store."""
        if self._store is None:
            return
        for text in tuple(self._pending):
            audio = await self._store.load(phrase_key(text, voice.identity))
            if audio is not None:
                self._audio[text] = audio
                self._pending.remove(text)
        self._rendered.unpark_all()

    async def render(self, voice: TextToSpeech) -> None:
        """Render the lines that are wanted and not there, in order, and keep them. A line that
        fails is logged and left out: it will be synthesized when it is needed. Safe to
        cancel."""
        while self._pending:
            text = self._pending[0]
            try:
                with trio.fail_after(RENDER_LIMIT_S):
                    self._audio[text] = await render_line(text, voice)
            except (ProviderError, trio.TooSlowError) as error:
                log.warning("phrase_not_rendered", chars=len(text), error=str(error) or "too slow")
            del self._pending[0]
            self._rendered.unpark_all()
            if self._store is not None and text in self._audio:
                await self._store.save(phrase_key(text, voice.identity), self._audio[text])


def phrase_key(text: str, voice: str) -> str:
    """Names the audio of a text by all that it depends on, in hexadecimal: how the text is said
    counts, not how it is written."""
    said = clause_of(0, text).spoken
    return hashlib.sha256("\0".join((FORMAT, voice, said)).encode()).hexdigest()


async def render_line(text: str, voice: TextToSpeech) -> bytes:
    """The whole audio of one line. Raises what the voice raises, and :class:`ProviderLost` if it
    gave no sound."""
    audio = bytearray()

    async def gather(speech: Speech) -> None:
        audio.extend(speech.mulaw)

    send, receive = trio.open_memory_channel[Clause](1)
    async with receive:
        async with send:
            send.send_nowait(clause_of(0, text))
        await voice.speak(receive, gather)
    if not audio:
        raise ProviderLost("the voice gave no sound")
    return bytes(audio)
