"""What a simulated caller says and when, as plain data, and the rule that carries it out.

A caller speaks when the agent has finished, or into the agent's reply, or at a set time.
The caller knows only what a person on the telephone knows: what is being heard. So it waits
with patience, which runs while nobody says anything; then it speaks anyway, or gives up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from adapters.carriers.whole_frames import FRAME_BYTES, FRAME_MS
from adapters.twilio.recording import Ear
from states.mulaw import BYTES_PER_MS, SILENCE, mixed

KEY_EVERY_MS = 240
"""Between two keys that are pressed one after the other: a multiple of 20."""


@dataclass(frozen=True, slots=True)
class AfterAgent:
    """When the agent has said something since, and has been done with it for ``gap_ms``."""

    gap_ms: float = 600
    patience_ms: float = 15_000
    gives_up: bool = False
    """When patience ends: hang up, instead of going ahead."""


@dataclass(frozen=True, slots=True)
class IntoReply:
    """``into_reply_ms`` after the agent began the reply under way, or else its next one."""

    into_reply_ms: float
    patience_ms: float = 15_000
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class AtTime:
    """At this time of the call."""

    at_ms: float


When = AfterAgent | IntoReply | AtTime


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the caller says in one go: µ-law at 8 kHz. ``keys`` are pressed meanwhile, from its
    beginning on, one every :data:`KEY_EVERY_MS`, as far as it is long enough."""

    mulaw: bytes
    when: When = AfterAgent()
    keys: str = ""


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One of ``0123456789*#``, at a time of the call."""

    digit: str
    at_ms: float


@dataclass(frozen=True, slots=True)
class Script:
    """A caller's side of one call. Utterances are said in order, one at a time.

    ``hang_up`` counts from the end of the last utterance, except :class:`AtTime`, which
    comes whatever else is going on. ``limit_ms`` ends every call. ``background`` is heard on
    the caller's side all the time, over and over.
    """

    utterances: tuple[Utterance, ...] = ()
    keys: tuple[KeyPress, ...] = ()
    hang_up: When = AfterAgent(gap_ms=1500)
    limit_ms: float = 600_000
    background: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """What the caller does now, and says in the next 20 ms: ``frame`` of which utterance."""

    keys: tuple[str, ...] = ()
    hangs_up: bool = False
    utterance: int | None = None
    frame: bytes | None = None


class Caller:
    """Carries a script out, 20 ms at a time."""

    def __init__(self, script: Script) -> None:
        self.gave_up = False
        """Patience ended, and the script says to give up then."""
        self._script = script
        self._speaking: int | None = None
        self._next = 0
        self._said_bytes = 0
        self._background_at = 0
        self._keys = sorted(script.keys, key=lambda key: key.at_ms)
        self._waiting_since_ms = 0.0
        self._reply_heard = False

    @property
    def finished(self) -> bool:
        """Everything has been said and pressed, and something was heard after it."""
        return not self._keys and self._has_said_all() and self._reply_heard

    def cleared(self) -> None:
        """The agent broke its reply off: it does not count as one."""
        self._reply_heard = False

    def step(self, now_ms: float, ear: Ear) -> Step:
        """What to do at this time of the call, having heard so much."""
        if ear.playing:
            self._reply_heard = True
        keys: list[str] = []
        while self._keys and self._keys[0].at_ms <= now_ms:
            keys.append(self._keys.pop(0).digit)
        if self._hangs_up(now_ms, ear):
            return Step(tuple(keys), hangs_up=True)
        if self._speaking is None and self._begins(now_ms, ear):
            self._speaking, self._said_bytes = self._next, 0
            self._next += 1
        speaking = self._speaking
        if speaking is not None:
            keys += self._pressed(speaking)
        frame = None if speaking is None else self._say(speaking, now_ms)
        return Step(tuple(keys), self.gave_up, speaking, self._with_background(frame))

    def _hangs_up(self, now_ms: float, ear: Ear) -> bool:
        hang_up = self._script.hang_up
        if now_ms >= self._script.limit_ms:
            return True
        may = self._has_said_all() or isinstance(hang_up, AtTime)
        return may and self._is_due(hang_up, now_ms, ear)

    def _has_said_all(self) -> bool:
        return self._speaking is None and self._next == len(self._script.utterances)

    def _begins(self, now_ms: float, ear: Ear) -> bool:
        utterances = self._script.utterances
        return self._next < len(utterances) and self._is_due(
            utterances[self._next].when, now_ms, ear
        )

    def _say(self, number: int, now_ms: float) -> bytes:
        mulaw = self._script.utterances[number].mulaw
        frame = mulaw[self._said_bytes : self._said_bytes + FRAME_BYTES]
        self._said_bytes += FRAME_BYTES
        if self._said_bytes >= len(mulaw):
            self._speaking = None
            self._reply_heard = False
            self._waiting_since_ms = now_ms + FRAME_MS
        return frame.ljust(FRAME_BYTES, SILENCE)

    def _pressed(self, number: int) -> str:
        """The key that is pressed at this point of an utterance, if one is."""
        place, late = divmod(self._said_bytes, KEY_EVERY_MS * BYTES_PER_MS)
        return "" if late else self._script.utterances[number].keys[place : place + 1]

    def _with_background(self, frame: bytes | None) -> bytes | None:
        background = self._script.background
        if not background:
            return frame
        start = self._background_at
        self._background_at = start + FRAME_BYTES if start + FRAME_BYTES < len(background) else 0
        noise = background[start : start + FRAME_BYTES].ljust(FRAME_BYTES, SILENCE)
        return noise if frame is None else mixed(frame, noise)

    def _is_due(self, when: When, now_ms: float, ear: Ear) -> bool:
        if isinstance(when, AtTime):
            return now_ms >= when.at_ms
        if self._reply_heard and now_ms >= _due_ms(when, ear):
            return True
        quiet_since_ms = max(self._waiting_since_ms, ear.sound_until_ms)
        if now_ms < quiet_since_ms + when.patience_ms:
            return False
        self.gave_up = when.gives_up
        return not when.gives_up


def _due_ms(when: AfterAgent | IntoReply, ear: Ear) -> float:
    """When the reply that is being or has been heard allows to speak."""
    if isinstance(when, AfterAgent):
        return ear.sound_until_ms + when.gap_ms
    audible_ms = math.inf if ear.reply_began_ms is None else ear.reply_began_ms
    return audible_ms + when.into_reply_ms
