"""The ears of a call: voice activity with hysteresis, and the sound for speech-to-text.

Frames come in as the carrier cut them; the detector wants windows of 32 ms. Speech begins
when ``onset_ms`` of windows in a row are likely speech, dated back to the first of them, and
ends when ``offset_ms`` in a row are not. While it lasts, ``voiced_ms`` counts its sound with
the pauses left out, which is what barge-in is measured by. While the agent can be heard, a
window that is its echo is no speech, and speech needs a higher probability to begin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
import trio
from numpy.typing import NDArray

from effects.echo import STRETCH_MS, Echo
from effects.ports import BatchedVadStream, Frame, Offset, Onset, Sound, VadStream
from states import mulaw
from states.events import Transcript
from states.settings import Settings

WINDOW_BYTES = 256
WINDOW_MS = WINDOW_BYTES / mulaw.BYTES_PER_MS
SOUND_LIMIT = 500
"""Frames that wait for speech-to-text (10 s); beyond it the oldest are dropped."""
DROPPED_AT_ONCE = 25

KEEP_MS = 6000
KEEP_BYTES = KEEP_MS * mulaw.BYTES_PER_MS
FRAME_BYTES = 20 * mulaw.BYTES_PER_MS
STRETCH_BYTES = STRETCH_MS * mulaw.BYTES_PER_MS


SPEECHES_KEPT = 16
"""Stretches of speech that are remembered, as far as their sound is kept."""

SURELY_ECHO = 0.97
"""How likely a window has to be echo once the caller speaks: to miss a caller who interrupts
through an echo is worse than to fall silent for it, which is put right when its words are known."""


@dataclass(slots=True)
class _Speech:
    """Speech from its onset on. Where its sound lies is counted in bytes since the call began."""

    onset_ms: float
    starts: int
    ends: int | None = None
    voice_at_ms: float = inf
    """When its last voiced sound was; never as long as it goes on."""


class Ears:
    """What is known of the caller's voice, and who listens to it.

    ``frame`` is called for each frame, inline; it returns the edges that the frame caused. Where
    the detector judges the windows of many calls together, ``batched``, it is ``batched_frame``.
    ``echo`` knows what the agent sends; without it the agent counts as silent.
    """

    def __init__(self, vad: VadStream, settings: Settings, echo: Echo | None = None) -> None:
        self._vad = vad
        self.batched = vad if isinstance(vad, BatchedVadStream) else None
        self._settings = settings
        self._enough_at_least = min(
            settings.offset_probability,
            settings.onset_probability,
            settings.onset_probability_speaking,
        )
        self._echo = echo or Echo()
        self._kept = bytearray()
        """The last ``KEEP_MS`` of sound, and what came after it of a window."""
        self._waiting = 0
        """Bytes at the end of it that are no whole window yet; ``_next_ms`` is their time."""
        self._next_ms = 0.0
        self._gone = 0
        """Bytes that are not kept any more."""
        self._taken = 0
        """Bytes that came in whole frames, and were passed on. One may be being judged."""
        self._speeches: deque[_Speech] = deque(maxlen=SPEECHES_KEPT)
        self._likely: deque[float] = deque(maxlen=max(1, round(settings.onset_ms / WINDOW_MS)))
        self._quiet_ms = 0.0
        self._voice_at_ms = 0.0
        self._since_voice: int | None = None
        """Bytes kept since the last voiced sound; None before the first."""
        self._preroll: deque[Frame] = deque()
        self._preroll_ms = settings.preroll_ms + settings.onset_ms + WINDOW_MS
        self._listener: _Listener | None = None
        self._more_voice = trio.lowlevel.ParkingLot()
        self.speaking = False
        self.voiced_ms = 0.0
        self.onset_ms = 0.0
        """When the speech that is going on, or else the last, began."""
        self.next_segment = 0
        """The number of the next speech-to-text segment; it outlives a failed provider."""
        self.understood_ms = 0.0
        """How far into the call the finished transcripts reach."""
        self.reached_ms = 0.0
        """How far all transcripts reach."""
        self.worded_ms = 0.0
        """How far they reached when the latest word came up: the next is not understood yet."""
        self.unfinished: dict[int, Transcript] = {}
        """The latest transcript of each segment that is not finished."""
        self.dropped = 0
        """Frames that speech-to-text was too slow for; whoever reports them sets it back."""

    def frame(self, frame: Frame) -> list[Onset | Offset]:
        """Take in one frame of caller audio."""
        return self._hear(frame, [self._vad.probability(window) for window in self._take(frame)])

    async def batched_frame(self, frame: Frame, vad: BatchedVadStream) -> list[Onset | Offset]:
        """Take in one frame of caller audio; the next may come when this has returned. Cancelled
        only afterwards."""
        return self._hear(frame, [await vad.judged(window) for window in self._take(frame)])

    def frames_lost(self, at_ms: float) -> Offset | None:
        """No frames come any more: that counts as silence."""
        if not self.speaking:
            return None
        edge = self._end_speech()
        if self._listener:
            self._listener.put(edge)
        self._waiting = 0
        self._add(mulaw.SILENCE * STRETCH_BYTES)  # what comes next does not follow on what was
        return edge

    def recent(self, duration_ms: float) -> NDArray[np.float32]:
        """The caller audio up to the last voiced sound, float samples in [-1, 1) at 8 kHz, shape
        (duration_ms * 8,): less where less is known. The last ``KEEP_MS`` are, pauses included;
        so ask soon after the end of speech. Audio lost on the way is left out."""
        if self._since_voice is None:
            return np.zeros(0, np.float32)
        until = max(0, len(self._kept) - self._since_voice)
        first = max(0, until - round(duration_ms * mulaw.BYTES_PER_MS))
        return mulaw.to_float(bytes(self._kept[first:until]))

    async def voiced_for(self, duration_ms: float) -> None:
        """Wait until the speech that is going on has ``duration_ms`` of sound."""
        while self.voiced_ms < duration_ms:
            await self._more_voice.park()

    @contextmanager
    def listen(
        self, *, gated: bool, edge: Callable[[Onset | Offset], None] = lambda _: None
    ) -> Iterator[trio.MemoryReceiveChannel[Sound]]:
        """The sound from now on, for one speech-to-text session; ``edge`` is told of each edge in
        it as it is passed on.

        ``gated`` leaves out silence. Speech that no finished transcript covers, of a session that
        failed, comes first, each stretch from its onset: as much as the last ``KEEP_MS`` hold.
        """
        send, receive = trio.open_memory_channel[Sound](SOUND_LIMIT)
        listener = _Listener(send, receive, self, edge, gated=gated)
        self._listener = listener
        self._repeat_for(listener)
        try:
            yield receive
        finally:
            if self._listener is listener:
                self._listener = None
            send.close()
            receive.close()

    # --- inside ---

    def _take(self, frame: Frame) -> Iterable[NDArray[np.float32]]:
        """Keep a frame's sound; the windows that it completes."""
        if not self._waiting:
            self._next_ms = frame.at_ms
        self._add(frame.mulaw)
        self._waiting += len(frame.mulaw)
        whole = self._waiting - self._waiting % WINDOW_BYTES
        if not whole:
            return ()
        first = len(self._kept) - self._waiting
        samples = mulaw.to_float(bytes(self._kept[first : first + whole]))
        return samples.reshape(-1, WINDOW_BYTES)

    def _hear(self, frame: Frame, probabilities: Sequence[float]) -> list[Onset | Offset]:
        """What becomes of a frame, its windows being speech with these probabilities."""
        self._preroll.append(frame)
        while frame.at_ms - self._preroll[0].at_ms > self._preroll_ms:
            self._preroll.popleft()
        edges: list[Onset | Offset] = []
        was_speaking = self.speaking
        if self.speaking or max(probabilities, default=1.0) >= self._enough_at_least:
            for probability in probabilities:
                edge = self._window(probability)
                if edge is not None:
                    edges.append(edge)
        else:
            self._stay_quiet(len(probabilities))
        excess = max(0, len(self._kept) - KEEP_BYTES - self._waiting)
        del self._kept[:excess]
        self._gone += excess
        self._taken = self._gone + len(self._kept)
        self._pass_on(frame, edges, was_speaking=was_speaking)
        return edges

    def _stay_quiet(self, windows: int) -> None:
        """Nobody speaks, and none of so many windows is speech."""
        self._next_ms += windows * WINDOW_MS
        self._waiting -= windows * WINDOW_BYTES
        self._likely.clear()

    def _window(self, probability: float) -> Onset | Offset | None:
        at_ms = self._next_ms
        self._next_ms += WINDOW_MS
        self._waiting -= WINDOW_BYTES
        what = self._what(probability, at_ms)
        if not self.speaking:
            if what != "voice":
                self._likely.clear()
                return None
            self._likely.append(at_ms)
            if len(self._likely) < (self._likely.maxlen or 1):
                return None
            return self._begin_speech(at_ms)
        if what == "voice":
            self._note_voice(at_ms)
            self.voiced_ms += WINDOW_MS
            if self._more_voice:
                self._more_voice.unpark_all()
            return None
        self._quiet_ms += WINDOW_MS if what == "quiet" else WINDOW_MS / 2
        return self._end_speech() if self._quiet_ms >= self._settings.offset_ms else None

    def _what(self, probability: float, at_ms: float) -> Literal["voice", "echo", "quiet"]:
        """What a window is: the caller's speech, speech that is likely the agent's own coming
        back, or neither. Once the caller speaks only what is almost surely echo is not them, and
        it ends their speech half as fast as quiet does: it also fills the gaps between the
        words of somebody who talks over the agent."""
        settings, until_ms = self._settings, at_ms + WINDOW_MS
        if probability < self._enough_at_least:
            return "quiet"
        agent_audible = self._echo.possible(until_ms)
        if self.speaking:
            enough = settings.offset_probability
        elif agent_audible:
            enough = settings.onset_probability_speaking
        else:
            enough = settings.onset_probability
        if probability < enough:
            return "quiet"
        if not agent_audible:
            return "voice"
        until = len(self._kept) - self._waiting
        stretch = bytes(self._kept[max(0, until - STRETCH_BYTES) : until])
        if stretch.count(stretch[:1]) == STRETCH_BYTES:
            return "voice"  # a sound that stands still is no echo of anything
        sound = mulaw.to_float(stretch.rjust(STRETCH_BYTES, mulaw.SILENCE))
        echo = self._echo.likelihood(sound, until_ms)
        sure = SURELY_ECHO if self.speaking else settings.echo_likelihood
        return "echo" if echo >= sure else "voice"

    def _note_voice(self, at_ms: float) -> None:
        self._voice_at_ms = at_ms + WINDOW_MS
        self._since_voice = self._waiting
        self._quiet_ms = 0.0

    def _begin_speech(self, at_ms: float) -> Onset:
        self.speaking = True
        self._note_voice(at_ms)
        self.voiced_ms = len(self._likely) * WINDOW_MS
        self.onset_ms = self._likely[0]
        starts = self._reached - len(self._likely) * WINDOW_BYTES
        self._speeches.append(_Speech(self.onset_ms, starts))
        self._likely.clear()
        return Onset(self.onset_ms)

    def _end_speech(self) -> Offset:
        self.speaking = False
        self.voiced_ms = 0.0
        self._speeches[-1].ends = self._reached
        self._speeches[-1].voice_at_ms = self._voice_at_ms
        return Offset(self._voice_at_ms)

    @property
    def _reached(self) -> int:
        """Bytes that were judged since the call began."""
        return self._gone + len(self._kept) - self._waiting

    def _add(self, audio: bytes) -> None:
        self._kept += audio
        if self._since_voice is not None:
            self._since_voice += len(audio)

    def _pass_on(self, frame: Frame, edges: list[Onset | Offset], *, was_speaking: bool) -> None:
        listener = self._listener
        if listener is None:
            return
        if was_speaking or not listener.gated:
            listener.put(frame)
        for edge in edges:
            if isinstance(edge, Onset) and listener.gated:
                self._begin_for(listener)
            else:
                listener.put(edge)

    # --- what is heard again ---

    def forget(self, before_ms: float) -> None:
        """Nobody wants to hear speech again that was over by then."""
        while self._speeches and self._speeches[0].voice_at_ms < before_ms:
            self._speeches.popleft()

    @property
    def _missed(self) -> list[_Speech]:
        """Speech that no finished transcript covers."""
        return [one for one in self._speeches if one.voice_at_ms > self.understood_ms]

    @property
    def can_repeat(self) -> bool:
        """Whether there is speech that no finished transcript covers, and all of it is kept."""
        missed = self._missed
        return bool(missed) and self._begins(missed[0]) >= self._gone

    def _begins(self, speech: _Speech) -> int:
        """Where the part of it begins that no finished transcript covers."""
        covered_ms = max(0.0, self.understood_ms - speech.onset_ms)
        return speech.starts + round(covered_ms * mulaw.BYTES_PER_MS)

    def _repeat_for(self, listener: _Listener) -> None:
        """Let it hear what was missed; one that is not ``gated`` also what lies between."""
        reached = self._gone
        for speech in self._missed:
            from_byte = self._begins(speech)
            if from_byte == speech.starts:  # what lies before, as far as it is not understood
                quiet_ms = max(0.0, speech.onset_ms - self.understood_ms)
                before_ms = min(self._settings.preroll_ms, quiet_ms)
                from_byte -= round(before_ms * mulaw.BYTES_PER_MS)
            until = self._taken if speech.ends is None else speech.ends
            if reached > self._gone and not listener.gated:
                from_byte = reached
            from_byte = max(from_byte, reached)
            listener.put(Onset(speech.onset_ms))
            for at in range(from_byte, until, FRAME_BYTES):
                sound = self._kept[at - self._gone : min(at + FRAME_BYTES, until) - self._gone]
                at_ms = speech.onset_ms + (at - speech.starts) / mulaw.BYTES_PER_MS
                listener.put(Frame(bytes(sound), at_ms))
            if speech.ends is not None:
                listener.put(Offset(speech.voice_at_ms))
            reached = max(reached, until)

    def _begin_for(self, listener: _Listener) -> None:
        listener.put(Onset(self.onset_ms))
        for frame in self._preroll if listener.gated else ():
            listener.put(frame)


class _Listener:
    """A bounded queue of sound: when it is full the oldest audio goes, and is counted; what is
    left of the speech keeps its edges."""

    def __init__(
        self,
        send: trio.MemorySendChannel[Sound],
        receive: trio.MemoryReceiveChannel[Sound],
        ears: Ears,
        edge: Callable[[Onset | Offset], None],
        *,
        gated: bool,
    ) -> None:
        self._send, self._receive, self._ears = send, receive, ears
        self._edge = edge
        self.gated = gated

    def put(self, sound: Sound) -> None:
        if not isinstance(sound, Frame):
            self._edge(sound)
        try:
            self._send.send_nowait(sound)
        except trio.WouldBlock:
            self._make_room()
            self._send.send_nowait(sound)

    def _make_room(self) -> None:
        """Drop the oldest half second. Speech of which no sound is left goes with its edges."""
        left: list[Sound] = []
        dropped = 0
        for _ in range(SOUND_LIMIT):
            item = self._receive.receive_nowait()
            if isinstance(item, Frame) and dropped < DROPPED_AT_ONCE:
                dropped += 1
            elif isinstance(item, Offset) and left and isinstance(left[-1], Onset):
                left.pop()
            else:
                left.append(item)
        self._ears.dropped += dropped
        for item in left:
            self._send.send_nowait(item)
