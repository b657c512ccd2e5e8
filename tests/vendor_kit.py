"""Whole calls with the vendors' twins: the service, the four twins, and a caller.

    caller's recordings ── the phone ── the service ── adapters ── twins (scripted brains)

All over real sockets and in real time. The voices of the twins are tones of different bytes, so
that the recording of a call tells which voice was heard when.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self, TypeVar

import trio
from pydantic import SecretStr

from adapters.cartesia.settings import CartesiaSettings
from adapters.deepgram.settings import DeepgramSettings
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.front.server import Listening
from adapters.openai.settings import OpenAiSettings
from adapters.twilio.phone import place_call
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import Script
from adapters.twilio.wav import read_caller_wav
from effects.ports import Frame, Heard, Offset, Onset, Prompt, Sound, TextDelta, ToolCall, Usage
from engine.agents import AgentKit
from engine.config import Config, Keys
from engine.journal import AnyLine, End, Event, Note, read_journal
from engine.replay import replay
from engine.service import media_url, take_calls
from engine.session import Desk
from engine.stack import open_desk
from states.agent import Agent
from states.call import Line
from states.mulaw import BYTES_PER_MS, from_pcm16
from tests.twins.cartesia import CartesiaTwin
from tests.twins.deepgram import DeepgramTwin
from tests.twins.elevenlabs import ElevenLabsTwin
from tests.twins.openai import OpenAiTwin, Scripted
from tests.twins.server import Twin, open_twin

KEY = "twin-key"
NUMBER, YES = "Two nine three four zero.", "Yes."
LONG = "I have it here. It left the depot this morning, and it is due with you on Thursday."
SPARE = "The other one has it too."
APOLOGY = "Sorry, again please?"
ELEVENLABS, CARTESIA = 0x55, 0x2A
LETTER_MS = 30
LIMIT_S = 30.0

_FOLDER = Path(__file__).parent.parent / "engine" / "demo_call"
NUMBER_SPOKEN = read_caller_wav(_FOLDER / "2-two-nine-three-four-zero.wav")[: 1500 * BYTES_PER_MS]
YES_SPOKEN = read_caller_wav(_FOLDER / "3-yes.wav")[: 800 * BYTES_PER_MS]


class SpareMind:
    """The agent's own mind, behind OpenAI: always says the same."""

    name = "spare"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """As :meth:`effects.ports.LanguageModel.reply`."""
        await trio.lowlevel.checkpoint()
        emit(TextDelta(SPARE))
        return Usage(1, 1)


DESK = AgentKit(
    Agent(name="desk", instructions="Be short.", greeting="Hello.", apology=APOLOGY), SpareMind
)


class Understands:
    """A brain for Deepgram's twin: understands these texts, one after the other, whenever somebody
    speaks; half of one while it is being spoken."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = list(texts)

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """As :meth:`effects.ports.SpeechToText.transcribe`."""
        segment, begun_ms, now_ms = 0, 0.0, 0.0
        async for item in sound:
            match item:
                case Onset():
                    begun_ms = item.at_ms
                case Frame():
                    now_ms = item.at_ms
                    if begun_ms and now_ms >= begun_ms + 300 and self._texts:
                        text, begun_ms = self._texts[0], 0.0
                        heard(Heard(segment, text[: len(text) // 2].rstrip(), False, now_ms))
                case Offset() if self._texts:
                    heard(Heard(segment, self._texts.pop(0), True, now_ms))
                    segment += 1


@dataclass
class Vendors:
    """The twins, each on a port of its own, which can go away and come back."""

    nursery: trio.Nursery
    deepgram: DeepgramTwin
    openai: OpenAiTwin
    elevenlabs: ElevenLabsTwin
    cartesia: CartesiaTwin
    _scopes: dict[str, trio.CancelScope] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Twin, ...]:
        """Each of them."""
        return self.deepgram, self.openai, self.elevenlabs, self.cartesia

    async def open(self, twin: Twin) -> None:
        """Serve a twin; where it was before, if it was."""
        await self.nursery.start(self._serve, twin)

    def kill(self, name: str) -> None:
        """Its server is gone, connections and all."""
        self._scopes[name].cancel()

    async def _serve(self, twin: Twin, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope() as self._scopes[twin.name]:
            async with open_twin(twin, port=twin.port):
                task_status.started()
                await trio.sleep_forever()

    def left(self) -> dict[str, int]:
        """What is going on at the twins for some call, but for warm sockets."""
        return {
            "deepgram sockets": self.deepgram.sockets,
            "openai replies": self.openai.generating,
            "elevenlabs contexts": self.elevenlabs.contexts,
            "cartesia contexts": self.cartesia.contexts,
        }

    def config(self, folder: Path, **changes: Any) -> Config:
        """A service that uses them; the agent's own mind and Cartesia are behind the first."""
        usual: dict[str, Any] = {
            "agent": "tests.vendor_kit:DESK",
            "calls": str(folder / "calls"),
            "data": str(folder / "data"),
            "speech_to_text": ("deepgram",),
            "language_model": ("openai", "agent"),
            "voice": ("elevenlabs", "cartesia"),
            "keys": Keys(**dict.fromkeys(Keys.__struct_fields__, SecretStr(KEY))),
            "deepgram": DeepgramSettings(base_url=self.deepgram.ws_url),
            "openai": OpenAiSettings(base_url=self.openai.base_url),
            "elevenlabs": ElevenLabsSettings(base_url=self.elevenlabs.http_url),
            "cartesia": CartesiaSettings(base_url=self.cartesia.ws_url),
        }
        return Config(**(usual | changes))


async def _tone(text: str, byte: int) -> bytes:
    return bytes([byte]) * (sum(map(str.isalnum, text)) * LETTER_MS * BYTES_PER_MS)


@asynccontextmanager
async def open_vendors(*understood: str, says: str = LONG) -> AsyncIterator[Vendors]:
    """All four twins. Deepgram's understands these texts; OpenAI's says this, a word every 20 ms;
    the voices come a little faster than they sound, as the vendors' do."""

    async def elevenlabs(text: str) -> bytes:
        return await _tone(text, ELEVENLABS)

    async def cartesia(text: str) -> bytes:
        return await _tone(text, CARTESIA)

    async with trio.open_nursery() as nursery:
        vendors = Vendors(
            nursery,
            DeepgramTwin(KEY, brain=Understands(understood).transcribe),
            OpenAiTwin(Scripted(says, token_s=0.02), key=KEY),
            ElevenLabsTwin(KEY, brain=elevenlabs, speed=3.0),
            CartesiaTwin(KEY, brain=cartesia, faster=3.0),
        )
        for twin in vendors.all:
            await vendors.open(twin)
        yield vendors
        nursery.cancel_scope.cancel()


L = TypeVar("L")


class Held:
    """A call as it was held: its journal's lines as they come, and at its end the record of the
    caller's telephone."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.lines: list[AnyLine] = []
        self.record = CallRecord()
        self._whens: list[tuple[Callable[[AnyLine], bool], trio.Event]] = []

    def watch(self) -> Callable[[AnyLine], None]:
        """The watcher of the call."""
        return self._see

    def _see(self, line: AnyLine) -> None:
        self.lines.append(line)
        for moment, event in self._whens:
            if not event.is_set() and moment(line):
                event.set()

    async def moment(self, is_it: Callable[[AnyLine], bool]) -> None:
        """Wait until the journal has such a line; one that it has already does not count."""
        event = trio.Event()
        self._whens.append((is_it, event))
        await event.wait()

    def events(self, kind: type[L]) -> list[L]:
        """The events of a kind."""
        happened = [line.event for line in self.lines if isinstance(line, Event)]
        return [event for event in happened if isinstance(event, kind)]

    def notes(self, kind: type[L]) -> list[L]:
        """The notes of a kind."""
        noted = [line.note for line in self.lines if isinstance(line, Note)]
        return [note for note in noted if isinstance(note, kind)]

    @property
    def history(self) -> list[tuple[str, str]]:
        """Who said what, as it was heard."""
        end = self.lines[-1]
        assert isinstance(end, End)
        lines: list[Line] = end.history
        return [(line.role, line.text) for line in lines]

    @property
    def voices(self) -> list[int]:
        """The voices in the order in which they were heard, by their bytes; silence left out."""
        heard = from_pcm16(self.record.recording.samples()[:, 1])
        runs = [(byte, len(list(run))) for byte, run in groupby(heard)]
        long = [byte for byte, count in runs if count > 400 and byte in (ELEVENLABS, CARTESIA)]
        return [byte for byte, _ in groupby(long)]

    def check(self, folder: Path) -> None:
        """It came to an end in form, and its journal replays identically."""
        (path,) = (folder / "calls").glob(f"*-{self.record.call_id}.jsonl")
        again = replay(read_journal(path), self.desk.chart)
        assert again.difference is None, str(again)
        assert not again.cut_off
        assert again.events > 10
        end = self.lines[-1]
        assert isinstance(end, End)
        assert (end.outcome, end.strays) == ("completed", 0)
        assert not self.record.refused


@asynccontextmanager
async def on_call(config: Config, script: Script) -> AsyncIterator[Held]:
    """A service, and a call to it that goes on while the body runs, and to its end after it."""
    async with open_desk(config) as desk:
        held = Held(desk)
        async with trio.open_nursery() as service:
            listening: Listening = await service.start(
                lambda task_status: take_calls(
                    desk, "127.0.0.1", 0, watch=held.watch, task_status=task_status
                )
            )

            async def call() -> None:
                held.record = await place_call(media_url(listening), script)

            over = trio.Event()
            async with trio.open_nursery() as calling:
                held._whens.append((lambda line: isinstance(line, End), over))
                calling.start_soon(call)
                yield held
            await over.wait()
            service.cancel_scope.cancel()
