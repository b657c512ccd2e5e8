"""The simulated carrier: a telephone line in virtual time, with a true playout buffer.

Sound carries meaning here. A byte of caller audio names the utterance it belongs to, so the
scripted recogniser understands only what really reached it; a byte of agent audio is a letter
of what is said, so what the caller heard can be read off the line, letter by letter, without
asking the engine.

The line has no task of its own: whoever waits in :meth:`Line.receive` sleeps until the next
thing arrives. That is a third of the steps that a feeding task would take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import msgspec
import trio

from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from engine.journal import AnyLine
from engine.simulation.anchors import Anchored
from engine.simulation.faults import raise_fault
from engine.simulation.room import Room
from engine.simulation.scenario import Act, Scenario
from engine.simulation.schedule import JumpingClock
from engine.simulation.services import Services
from states import mulaw
from states.endpointing import Contour

SOUND = 0x7E
"""The byte of caller sound without words. Utterances count up from 0."""

LONG_FRAME_S = 0.6
SETTLING_S = 0.11
"""After a sound its end is noticed: once it has been quiet for as long as the ears or the
recogniser wait, told in windows and frames, which takes so much longer."""

BREATH_S = 0.1
"""The least between two sounds of the caller that are not written by hand. A sound is one byte over
and over: where two of them meet there is a step and nothing else, which no telephone line carries,
and which is like any step in the agent's voice."""

GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, are spread evenly: a jitter that needs no random numbers."""

Kind = Literal["media", "mark", "clear", "echo", "hang_up", "stop", "transfer"]


class Crossed(msgspec.Struct, frozen=True):
    """Something that crossed the line ``at_ms``: sent by the engine (media, mark, clear,
    hang_up) or by the carrier (echo, stop). ``after`` is how many lines the journal had then,
    which orders what crossed and what was written within one moment."""

    at_ms: float
    kind: Kind
    name: str = ""
    audio: bytes = b""
    after: int = 0


class Played(msgspec.Struct, frozen=True):
    """A stretch of agent audio that the caller heard; ``media`` is the place in ``crossed``
    of what was sent."""

    from_ms: float
    audio: bytes
    media: int = -1

    @property
    def to_ms(self) -> float:
        return self.from_ms + mulaw.duration_ms(self.audio)


@dataclass(frozen=True, slots=True)
class Voiced:
    """A sound the caller made, and its words if it had any."""

    from_ms: float
    to_ms: float
    words: str = ""


@dataclass
class Line:
    """The Carrier port, and the caller behind it.

    It is opened as time begins. ``written`` says how many lines the journal has. ``said`` is what
    the caller says, in script and out of it.
    """

    scenario: Scenario
    clock: JumpingClock
    written: Callable[[], int] = lambda: 0
    services: Services = field(default_factory=Services)
    info: CallInfo = field(default_factory=lambda: CallInfo("CA-sim", "MZ-sim"))
    crossed: list[Crossed] = field(default_factory=list)

    def __post_init__(self) -> None:
        told = {"direction": "outbound"} if self.scenario.wire.outbound else {}
        told |= {"answered_by": "machine_start"} if self.scenario.wire.machine else {}
        self.info = replace(self.info, parameters=told)
        self._lag_s = self.scenario.wire.lag
        self.said = list(self.scenario.caller)
        self._room = Room(self.scenario.wire.echo)
        self._caller = _Caller(self.scenario, self._room)
        self._acts = deque(_messages(self.scenario))
        self._echoes: deque[tuple[float, str]] = deque()
        self._ends_s = 0.0
        self._alarm = self.clock.alarm()
        self._over_s = float("inf")
        self._anchored = Anchored(self.said, self._act)

    # --- the engine's side ---

    async def receive(self) -> CarrierMessage:
        """The next message. Cancelling loses none."""
        slept = False
        while True:
            due_s = self._due_s()
            if due_s > self._now_s():
                await self._alarm.wait_until(due_s)
                slept = True
                continue
            message = self._take(due_s)
            if message is not None:
                if not slept:
                    await trio.lowlevel.checkpoint()
                return message

    def send_audio(self, audio: bytes) -> None:
        self._cross("media", audio=audio)
        self._room.plays(audio, self._arrival_s())
        self._ends_s = self._arrival_s() + mulaw.duration_ms(audio) / 1000

    def send_mark(self, name: str) -> None:
        self._cross("mark", name)
        self._echo_at(self._arrival_s(), name)

    def send_clear(self) -> None:
        """Throw away what is not yet played; the marks after it come back at once."""
        self._cross("clear")
        reached_s = self._now_s() + self._lag_s
        back_s = reached_s + self._lag_s
        self._echoes = deque((min(due_s, back_s), name) for due_s, name in self._echoes)
        self._ends_s = reached_s
        self._room.falls_silent(reached_s)
        self._look_again()

    async def transfer(self, to: str) -> None:
        """The caller is put through, if the script lets them be."""
        work = partial(trio.sleep, self.scenario.wire.transfer_takes)
        await self.services.serve("transfer", work, None)
        if self.scenario.wire.transfer_fault:
            raise_fault(self.scenario.wire.transfer_fault, "the scripted carrier")
        self._cross("transfer", to)

    async def hang_up(self) -> None:
        """Our side ends the call."""
        if self._now_s() < self._over_s:
            self._cross("hang_up")
            self._over_s = self._now_s() + self._lag_s
        await trio.sleep(self.scenario.wire.hang_up_takes)

    # --- the caller's side ---

    def arrive(self, message: CarrierMessage) -> None:
        """Something arrives at this very moment, out of script."""
        self._acts.appendleft((self._now_s(), message))
        self._look_again()

    def make_sound(self, words: str, during: float) -> bool:
        """The caller begins to speak at this very moment, out of script; or makes a sound, if
        there are no words. They make one sound at a time: shorter if one in script is to follow,
        and none (False) if they are making one."""
        now_s = round(self._now_s(), 6)
        during = min(during, round(self._caller.quiet_until_s(now_s) - BREATH_S - now_s, 6))
        if during <= 0:
            return False
        act = Act(at=now_s, say=words, sound=not words, during=during)
        self.said.append(act)
        self._caller.begin(act, len(self.said) - 1)
        self._look_again()
        return True

    def watch(self, line: AnyLine) -> None:
        """A line of the journal was written: the caller may be waiting for that."""
        self._anchored.watch(line)

    @property
    def contour(self) -> Contour:
        """How the caller's voice ended; unknown while it sounds."""
        return self._caller.contour(self._now_s() - self._lag_s)

    @property
    def is_over(self) -> bool:
        """Whether one of both sides has hung up."""
        return self._now_s() >= self._over_s

    def played(self) -> list[Played]:
        """What the caller heard by now, in order."""
        return heard_of(self.crossed, self._lag_s * 1000, min(self._over_s * 1000, self.now_ms))

    def voiced(self) -> list[Voiced]:
        """The sounds that the caller made, in order."""
        return self._caller.voiced()

    @property
    def now_ms(self) -> float:
        """Milliseconds of the call."""
        return round(self._now_s() * 1000, 1)

    # --- inside ---

    def _now_s(self) -> float:
        return self.clock.current_time()

    def _arrival_s(self) -> float:
        """When what is sent now begins to play."""
        return max(self._ends_s, self._now_s() + self._lag_s)

    def _due_s(self) -> float:
        """When the next message arrives."""
        due_s = self._caller.due_s
        if self._acts:
            due_s = min(due_s, self._acts[0][0])
        if self._echoes:
            due_s = min(due_s, self._echoes[0][0])
        return due_s

    def _take(self, due_s: float) -> CarrierMessage | None:
        if self._acts and self._acts[0][0] <= due_s:
            _, message = self._acts.popleft()
            if isinstance(message, Stop):
                self._cross("stop")
                self._over_s = self._now_s() - self._lag_s
                self._caller.due_s = float("inf")
                self._acts.clear()
                self._echoes.clear()
            return message
        if self._echoes and self._echoes[0][0] <= due_s:
            _, name = self._echoes.popleft()
            self._cross("echo", name)
            return Mark(name)
        audio = self._caller.take()
        return None if audio is None else Media(audio)

    def _echo_at(self, reached_s: float, name: str) -> None:
        if not self.scenario.wire.loses_marks:
            self._echoes.append((reached_s + self._lag_s, name))
            self._look_again()

    def _look_again(self) -> None:
        """What comes next may come sooner than the receiver thinks."""
        self._alarm.bring_forward(self._due_s())

    def _act(self, act: Act, number: int) -> None:
        """It is known now when the caller does this."""
        self.said[number] = act
        if act.say or act.sound:
            self._caller.begin(act, number)
        self._acts = deque(sorted([*self._acts, *_messages_of(act, self._lag_s)], key=_when))
        self._look_again()

    def _cross(self, kind: Kind, name: str = "", audio: bytes = b"") -> None:
        self.crossed.append(Crossed(self.now_ms, kind, name, audio, self.written()))


def heard_of(crossed: list[Crossed], lag_ms: float, over_ms: float) -> list[Played]:
    """What the caller heard of what was sent, up to ``over_ms``."""
    queued: list[tuple[float, float, int]] = []  # from, to, which media
    ends_ms = 0.0
    for number, item in enumerate(crossed):
        reached_ms = item.at_ms + lag_ms
        if item.kind == "media":
            begins_ms = max(ends_ms, reached_ms)
            ends_ms = begins_ms + mulaw.duration_ms(item.audio)
            queued.append((begins_ms, ends_ms, number))
        elif item.kind == "clear":
            queued = [(start, min(end, reached_ms), n) for start, end, n in queued]
            ends_ms = reached_ms
    played = []
    for start, end, number in queued:
        size = round((min(end, over_ms) - start) * mulaw.BYTES_PER_MS)
        if size > 0:
            played.append(Played(start, crossed[number].audio[:size], number))
    return played


def _messages(scenario: Scenario) -> list[tuple[float, CarrierMessage]]:
    """The keys and the hang-up, with when they arrive."""
    lag_s = scenario.wire.lag
    last = Act(at=scenario.ends_at, hang_up=True)
    acts = [act for act in (*scenario.caller, last) if act.after == "call"]
    return sorted((one for act in acts for one in _messages_of(act, lag_s)), key=_when)


def _messages_of(act: Act, lag_s: float) -> Iterator[tuple[float, CarrierMessage]]:
    if act.hang_up:
        yield act.at + lag_s, Stop("the caller hung up")
    if act.press:
        yield act.at + lag_s, Dtmf(act.press)


def _when(act: tuple[float, CarrierMessage]) -> float:
    return act[0]


class _Caller:
    """The caller's voice as frames. ``due_s`` is when the next one arrives."""

    def __init__(self, scenario: Scenario, room: Room) -> None:
        self._room = room
        self._wire = scenario.wire
        self._frame_s = scenario.wire.frame_ms / 1000
        heard_out_s = max(scenario.settings.offset_ms / 1000, scenario.recognition.endpoint_after)
        self._settling_s = heard_out_s + SETTLING_S
        self._sounds: list[tuple[float, float, bytes, Act]] = []
        self._dead = [(act.at, act.at + act.lose) for act in scenario.caller if act.lose]
        self._eventful = list(self._dead)
        """Times that are told in short frames."""
        for number, act in enumerate(scenario.caller):
            if (act.say or act.sound) and act.after == "call":
                self._add(act, number)
        self._at_s = 0.0
        self._until_s = 0.0
        self._number = 0
        self._before_s = 0.0
        self.due_s = 0.0
        self._next()

    def voiced(self) -> list[Voiced]:
        return sorted(
            (Voiced(start * 1000, end * 1000, act.say) for start, end, _, act in self._sounds),
            key=lambda voiced: voiced.from_ms,
        )

    def take(self) -> bytes | None:
        """The frame that is due; None if it was lost."""
        at_s, until_s = self._at_s, self._until_s
        self._at_s = until_s
        self._next()
        for start, end in self._dead:
            if start <= at_s < end:
                return None
        for start, end, code, _ in self._sounds:
            if start <= at_s < end:
                return code * round((until_s - at_s) * mulaw.SAMPLE_RATE_HZ)
        return self._room.gives_back(at_s, until_s)

    def contour(self, at_s: float) -> Contour:
        """How the last sound before ``at_s`` ended; unknown while it lasts."""
        begun = [act for start, _, _, act in self._sounds if start <= at_s]
        last = max(begun, key=lambda act: act.at, default=None)
        return "unknown" if last is None or at_s < last.at + last.during else last.contour

    def quiet_until_s(self, at_s: float) -> float:
        """When the next sound begins; ``at_s`` itself during a sound, and for a breath after."""
        until_s = float("inf")
        for start, end, _, _ in self._sounds:
            if start <= at_s < end + BREATH_S:
                return at_s
            if start > at_s:
                until_s = min(until_s, start)
        return until_s

    def begin(self, act: Act, number: int) -> None:
        """A sound that begins now: the frame that is being filled is cut accordingly."""
        self._add(act, number)
        if self.due_s < float("inf"):
            self._cut()

    def _add(self, act: Act, number: int) -> None:
        code = bytes([number % SOUND if act.say else SOUND])
        start = act.at
        for at, during in [*act.pauses, (act.during, 0.0)]:
            self._sounds.append((start, act.at + at, code, act))
            start = act.at + at + during
        self._eventful.append((act.at, act.at + act.during))

    def _next(self) -> None:
        self._number += 1
        self._before_s = self.due_s
        self._cut()

    def _cut(self) -> None:
        """Decide how long the frame is that begins at ``_at_s``, and when it arrives."""
        self._until_s = round(self._at_s + self._length_s(self._at_s), 6)
        jitter_s = self._wire.jitter * (self._number * GOLDEN % 1.0)
        self.due_s = max(self._before_s, self._until_s + self._wire.lag + jitter_s)

    def _length_s(self, at_s: float) -> float:
        """The length of the next frame. Silence far from any sound comes in long frames (a
        carrier may cut as it likes), which is what makes a simulated hour cheap."""
        coming = at_s + (LONG_FRAME_S if not self._wire.echo else self._frame_s)
        for start, end in self._eventful:
            if start - self._frame_s < at_s < end + self._settling_s:
                return self._frame_s
            if start > at_s:
                coming = min(coming, start)
        return max(self._frame_s, coming - at_s)
