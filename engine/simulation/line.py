"""The simulated carrier: a telephone line in virtual time, with a true playout buffer.

Sound carries meaning here. A byte of caller audio names the utterance it belongs to, so the
scripted recogniser understands only what really reached it; a byte of agent audio is a letter
of what is said, so what the caller heard can be read off the line, letter by letter, without
asking the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import trio

from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from engine.simulation.scenario import Act, Scenario
from states import mulaw

SOUND = 0x7E
"""The byte of caller sound without words. Utterances count up from 0."""

LONG_FRAME_S = 0.2
SETTLING_S = 0.4

Kind = Literal["media", "mark", "clear", "echo", "hang_up", "stop"]


@dataclass(frozen=True, slots=True)
class Crossed:
    """Something that crossed the line ``at_ms``: sent by the engine (media, mark, clear,
    hang_up) or by the carrier (echo, stop). ``size`` is the bytes of media."""

    at_ms: float
    kind: Kind
    name: str = ""
    size: int = 0
    audio: bytes = b""


@dataclass(slots=True)
class Played:
    """A stretch of agent audio that the caller heard."""

    from_ms: float
    audio: bytes

    @property
    def to_ms(self) -> float:
        return self.from_ms + mulaw.duration_ms(self.audio)


@dataclass(slots=True)
class _Queued:
    """Audio or a mark in the carrier's buffer, due to begin (or be reached) at a time."""

    due_ms: float
    audio: bytes = b""
    mark: str = ""


@dataclass
class Line:
    """The Carrier port, and the caller behind it."""

    scenario: Scenario
    info: CallInfo = field(default_factory=lambda: CallInfo("CA-sim", "MZ-sim"))
    crossed: list[Crossed] = field(default_factory=list)
    voiced: list[tuple[float, float, str]] = field(default_factory=list)
    """What the caller did: from, to (ms), and the words (empty for a sound)."""

    def __post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[CarrierMessage](10_000)
        self._played: list[Played] = []
        self._buffer: list[_Queued] = []
        self._ends_ms = 0.0
        self._news = trio.lowlevel.ParkingLot()
        self._over = False
        self._started_at = trio.current_time()

    # --- the engine's side ---

    async def receive(self) -> CarrierMessage:
        return await self._receive.receive()

    def send_audio(self, audio: bytes) -> None:
        self._cross("media", size=len(audio), audio=audio)
        self._enqueue(_Queued(self._due_ms(), audio=audio))
        self._ends_ms = self._due_ms() + mulaw.duration_ms(audio)

    def send_mark(self, name: str) -> None:
        self._cross("mark", name)
        self._enqueue(_Queued(self._due_ms(), mark=name))

    def send_clear(self) -> None:
        self._cross("clear")
        self._settle()
        now_ms = self._arrival_ms()
        for queued in self._buffer:
            if queued.audio and queued.due_ms < now_ms:
                heard = round((now_ms - queued.due_ms) * mulaw.BYTES_PER_MS)
                self._played.append(Played(queued.due_ms, queued.audio[:heard]))
            if queued.mark:
                self._echo(queued.mark)
        self._buffer = []
        self._ends_ms = now_ms

    async def hang_up(self) -> None:
        if not self._over:
            self._cross("hang_up")
        self._over = True

    # --- the caller's side ---

    async def live(self, nursery: trio.Nursery) -> None:
        """Play the caller's script, and the carrier's part."""
        nursery.start_soon(self._echo_marks)
        nursery.start_soon(self._speak)
        for act in self.scenario.caller:
            if act.press or act.hang_up:
                nursery.start_soon(self._act, act)
        nursery.start_soon(self._act, Act(at=self.scenario.ends_at, hang_up=True))

    def played(self) -> list[Played]:
        """What the caller heard by now, in order."""
        self._settle()
        return sorted(self._played, key=lambda played: played.from_ms)

    @property
    def now_ms(self) -> float:
        """Milliseconds since the line was opened."""
        return round((trio.current_time() - self._started_at) * 1000, 1)

    async def _act(self, act: Act) -> None:
        await trio.sleep(act.at)
        if act.press:
            self._deliver(Dtmf(act.press))
        if act.hang_up:
            self._settle()
            self._deliver(Stop("the caller hung up"))
            self._cross("stop")
            self._over = True

    async def _speak(self) -> None:
        sounds = self._sounds()
        dead = [(act.at, act.at + act.lose) for act in self.scenario.caller if act.lose]
        at = 0.0
        while not self._over:
            until = at + self._frame_s(at, sounds)
            await trio.sleep_until(self._started_at + until)
            if not any(start <= at < end for start, end in dead):
                byte = next((code for start, end, code in sounds if start <= at < end), None)
                audio = mulaw.SILENCE if byte is None else bytes([byte])
                self._deliver(Media(audio * round((until - at) * mulaw.SAMPLE_RATE_HZ)))
            at = until

    def _frame_s(self, at: float, sounds: list[tuple[float, float, int]]) -> float:
        """The length of the next frame. Silence far from any sound comes in long frames (a
        carrier may cut as it likes), which is what makes a simulated hour cheap."""
        short = self.scenario.wire.frame_ms / 1000
        if any(start - short < at < end + SETTLING_S for start, end, _ in sounds):
            return short
        coming = min((start for start, _, _ in sounds if start > at), default=at + LONG_FRAME_S)
        return max(short, min(LONG_FRAME_S, coming - at))

    def _sounds(self) -> list[tuple[float, float, int]]:
        sounds = []
        for number, act in enumerate(self.scenario.caller):
            if act.say or act.sound:
                code = number if act.say else SOUND
                sounds.append((act.at, act.at + act.during, code))
                self.voiced.append((act.at * 1000, (act.at + act.during) * 1000, act.say))
        return sounds

    def _deliver(self, message: CarrierMessage) -> None:
        if self._over:
            return
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:  # nobody reads: a carrier drops, too
            return

    # --- the buffer ---

    def _due_ms(self) -> float:
        return max(self._ends_ms, self._arrival_ms())

    def _arrival_ms(self) -> float:
        return self.now_ms + self.scenario.wire.lag * 1000

    def _enqueue(self, queued: _Queued) -> None:
        self._settle()
        self._buffer.append(queued)
        self._news.unpark_all()

    def _settle(self) -> None:
        """Move what has been played out of the buffer."""
        now_ms = self.now_ms
        kept = []
        for queued in self._buffer:
            if queued.audio and queued.due_ms + mulaw.duration_ms(queued.audio) <= now_ms:
                self._played.append(Played(queued.due_ms, queued.audio))
            elif queued.audio and self._over and queued.due_ms < now_ms:
                heard = round((now_ms - queued.due_ms) * mulaw.BYTES_PER_MS)
                self._played.append(Played(queued.due_ms, queued.audio[:heard]))
            else:
                kept.append(queued)
        self._buffer = kept

    async def _echo_marks(self) -> None:
        while not self._over:
            marks = [queued for queued in self._buffer if queued.mark]
            if not marks:
                await self._news.park()
                continue
            wait_ms = marks[0].due_ms - self.now_ms
            if wait_ms > 0:
                with trio.move_on_after(wait_ms / 1000):
                    await self._news.park()
                continue
            self._buffer.remove(marks[0])
            self._echo(marks[0].mark)

    def _echo(self, name: str) -> None:
        if not self.scenario.wire.loses_marks:
            self._cross("echo", name)
            self._deliver(Mark(name))

    def _cross(self, kind: Kind, name: str = "", size: int = 0, audio: bytes = b"") -> None:
        self.crossed.append(Crossed(self.now_ms, kind, name, size, audio))
