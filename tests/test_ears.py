"""The ears: edges with hysteresis, pre-roll, and what speech-to-text is given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import trio
from numpy.typing import NDArray
from trio.testing import MockClock

from effects.ears import SOUND_LIMIT, Ears
from effects.ports import Frame, Offset, Onset, Sound
from states.settings import Settings

VOICE, QUIET = b"\x00" * 160, b"\xff" * 160


class LoudnessVad:
    """Takes any sound for speech."""

    def stream(self) -> LoudnessVad:
        return self

    def probability(self, window: NDArray[np.float32]) -> float:
        return float(np.count_nonzero(window) * 2 > len(window))


def feed(ears: Ears, sounds: str) -> list[Onset | Offset]:
    """One frame of 20 ms for each character: ``#`` is voice, anything else is quiet."""
    edges = []
    for sound in sounds:
        at_ms = getattr(ears, "fed", 0) * 20.0
        ears.fed = getattr(ears, "fed", 0) + 1  # type: ignore[attr-defined]
        edges += ears.frame(Frame(VOICE if sound == "#" else QUIET, at_ms))
    return edges


def make() -> Ears:
    return Ears(LoudnessVad(), Settings())


def test_speech_begins_and_ends_once() -> None:
    """A second of speech has one onset, dated to its beginning, and one offset, to its end."""
    edges = feed(make(), "." * 16 + "#" * 48 + "." * 32)
    assert [type(edge) for edge in edges] == [Onset, Offset]
    assert abs(edges[0].at_ms - 320) <= 32
    assert abs(edges[1].at_ms - 1280) <= 32


def test_a_click_is_not_speech() -> None:
    """Sound shorter than ``onset_ms`` causes nothing."""
    assert feed(make(), "...#......#......##.......") == []


def test_a_pause_for_breath_does_not_end_speech() -> None:
    """Quiet shorter than ``offset_ms`` is part of the speech."""
    edges = feed(make(), "#" * 20 + "." * 7 + "#" * 20 + "." * 20)
    assert [type(edge) for edge in edges] == [Onset, Offset]


def test_voiced_time_leaves_out_pauses() -> None:
    """Barge-in is measured by sound: a pause does not count, a new onset starts anew."""
    ears = make()
    feed(ears, "#" * 16 + "." * 7 + "#" * 16)
    assert 600 <= ears.voiced_ms <= 672
    feed(ears, "." * 20 + "#" * 8)
    assert ears.voiced_ms <= 160


async def test_a_gated_listener_gets_pre_roll_and_speech_and_no_silence(
    autojump_clock: MockClock,
) -> None:
    """Speech-to-text that wants no silence gets the onset, the sound from shortly before it,
    the speech, and the offset."""
    ears = make()
    with ears.listen(gated=True) as sound:
        feed(ears, "." * 50 + "#" * 20 + "." * 40)
        items = drain(sound)
    assert isinstance(items[0], Onset)
    assert isinstance(items[-1], Offset)
    frames = [item for item in items if isinstance(item, Frame)]
    before_ms = items[0].at_ms - frames[0].at_ms
    assert Settings().preroll_ms <= before_ms <= Settings().preroll_ms + 100
    assert frames[-1].at_ms <= 1400 + Settings().offset_ms + 40
    assert all(b.at_ms - a.at_ms == 20 for a, b in pairwise(frames))


async def test_an_open_listener_gets_every_frame_with_the_edges_between(
    autojump_clock: MockClock,
) -> None:
    """Speech-to-text that wants everything gets it."""
    ears = make()
    with ears.listen(gated=False) as sound:
        feed(ears, "." * 10 + "#" * 20 + "." * 20)
        items = drain(sound)
    assert sum(isinstance(item, Frame) for item in items) == 50
    assert [type(item) for item in items if not isinstance(item, Frame)] == [Onset, Offset]


async def test_a_listener_that_comes_in_the_middle_of_speech_gets_its_onset(
    autojump_clock: MockClock,
) -> None:
    """A speech-to-text session that replaces a broken one hears what is being said."""
    ears = make()
    feed(ears, "#" * 20)
    with ears.listen(gated=True) as sound:
        feed(ears, "#" * 5 + "." * 20)
        items = drain(sound)
    assert isinstance(items[0], Onset)
    assert isinstance(items[-1], Offset)


async def test_a_slow_listener_loses_the_oldest_and_it_is_counted(
    autojump_clock: MockClock,
) -> None:
    """The queue is bounded; what is dropped is the oldest."""
    ears = make()
    with ears.listen(gated=False) as sound:
        feed(ears, "." * (SOUND_LIMIT + 30))
        items = drain(sound)
    assert ears.dropped == 30
    assert isinstance(items[-1], Frame)
    assert items[-1].at_ms == (SOUND_LIMIT + 29) * 20


def test_frames_that_stop_coming_end_the_speech() -> None:
    """A dead stream counts as silence; without speech there is nothing to end."""
    ears = make()
    assert ears.frames_lost(0.0) is None
    feed(ears, "#" * 20)
    edge = ears.frames_lost(1400.0)
    assert isinstance(edge, Offset)
    assert not ears.speaking


def test_frames_of_any_size_will_do() -> None:
    """A carrier may cut its frames as it likes."""
    voice = VOICE * 30 + QUIET * 30
    edges = []
    ears = make()
    for start in range(0, len(voice), 216):
        edges += ears.frame(Frame(voice[start : start + 216], start / 8))
    assert [type(edge) for edge in edges] == [Onset, Offset]


def drain(sound: trio.MemoryReceiveChannel[Sound]) -> list[Sound]:
    items: list[Sound] = []
    while True:
        try:
            items.append(sound.receive_nowait())
        except trio.WouldBlock:
            return items
