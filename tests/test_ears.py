"""The ears: edges with hysteresis, pre-roll, and what speech-to-text is given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import trio
from numpy.typing import NDArray
from trio.testing import MockClock, wait_all_tasks_blocked

from effects.ears import DROPPED_AT_ONCE, KEEP_MS, SOUND_LIMIT, Ears
from effects.echo import Echo
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
    """The queue is bounded; what is dropped is the oldest, half a second at a time."""
    ears = make()
    with ears.listen(gated=False) as sound:
        feed(ears, "." * (SOUND_LIMIT + 30))
        items = drain(sound)
    assert 30 <= ears.dropped < 30 + DROPPED_AT_ONCE
    frames = [item for item in items if isinstance(item, Frame)]
    assert len(frames) == SOUND_LIMIT + 30 - ears.dropped
    assert frames[0].at_ms == ears.dropped * 20
    assert isinstance(items[-1], Frame)
    assert items[-1].at_ms == (SOUND_LIMIT + 29) * 20


async def test_a_slow_listener_loses_no_edge_of_what_it_still_gets(
    autojump_clock: MockClock,
) -> None:
    """However much is dropped, each stretch of speech has its onset before and its offset after
    it; one of which nothing is left is gone with both."""
    ears = make()
    with ears.listen(gated=True) as sound:
        feed(ears, ("#" * 60 + "." * 40) * 12)
        items = drain(sound)
    edges = [type(item) for item in items if not isinstance(item, Frame)]
    assert ears.dropped > 0
    assert edges == [Onset, Offset] * (len(edges) // 2)
    assert 6 <= len(edges) // 2 < 12
    assert isinstance(items[0], Onset)
    assert isinstance(items[-1], Offset)
    assert all(isinstance(item, Frame) for item in (items[1], items[-2]))


async def test_a_listener_stuck_in_long_speech_keeps_its_onset(
    autojump_clock: MockClock,
) -> None:
    """The onset of the speech that is going on is older than all audio, and stays."""
    ears = make()
    with ears.listen(gated=True) as sound:
        feed(ears, "#" * (3 * SOUND_LIMIT) + "." * 20)
        items = drain(sound)
    assert isinstance(items[0], Onset)
    assert isinstance(items[-1], Offset)
    assert len(items) <= SOUND_LIMIT
    assert all(isinstance(item, Frame) for item in items[1:-1])


def test_the_last_voiced_second_is_kept() -> None:
    """What is kept ends at the last voiced sound, however long ago it was (within limits)."""
    ears = make()
    assert len(ears.recent(1000)) == 0
    feed(ears, "." * 50 + "#" * 40 + "." * 25)
    last = ears.recent(1000)
    assert last.shape == (8000,)
    assert np.count_nonzero(last[-6100:]) == 6100
    assert np.count_nonzero(last) <= 6400
    feed(ears, "." * 25)
    assert np.array_equal(ears.recent(1000), last)
    assert ears.recent(60_000).size <= KEEP_MS * 8
    feed(ears, "." * 500)
    assert len(ears.recent(1000)) == 0


def test_speech_over_the_agent_has_to_be_likelier() -> None:
    """While the agent can be heard, what might be speech does not begin it; before and after,
    it does."""

    class Unsure(LoudnessVad):
        def probability(self, window: NDArray[np.float32]) -> float:
            return 0.55 * super().probability(window)

    echo = Echo()
    ears = Ears(Unsure(), Settings(), echo)
    assert feed(ears, "#" * 10 + "." * 20) != []
    echo.played(b"\x10\x90" * 8000, 600.0)
    assert feed(ears, "#" * 10 + "." * 110) == []
    assert feed(ears, "#" * 10 + "." * 20) != []


def test_the_detector_judges_every_window() -> None:
    """Also while the agent can be heard, and whether the caller speaks or not: its memory has no
    gaps when somebody interrupts."""

    class Counting(LoudnessVad):
        judged = 0

        def probability(self, window: NDArray[np.float32]) -> float:
            self.judged += 1
            return super().probability(window)

    echo, vad = Echo(), Counting()
    ears = Ears(vad, Settings(), echo)
    echo.played(b"\x10\x90" * 40_000, 0.0)
    feed(ears, "#" * 80 + "." * 80 + "#" * 80 + "." * 80)
    assert vad.judged == 320 * 20 // 32


class PatientVad(LoudnessVad):
    """Judges after a while."""

    async def judged(self, window: NDArray[np.float32]) -> float:
        await trio.sleep(0.005)
        return self.probability(window)


async def test_a_detector_that_is_awaited_changes_nothing(autojump_clock: MockClock) -> None:
    """The edges are those that are found inline."""
    sounds = "." * 16 + "#" * 48 + "." * 32 + "#" * 20
    vad = PatientVad()
    ears, edges = Ears(vad, Settings()), list[Onset | Offset]()
    for number, sound in enumerate(sounds):
        frame = Frame(VOICE if sound == "#" else QUIET, number * 20.0)
        edges += await ears.batched_frame(frame, vad)
    assert edges == feed(make(), sounds)


async def test_a_frame_that_is_being_judged_is_passed_on_once(autojump_clock: MockClock) -> None:
    """Also to a recogniser that begins to listen meanwhile: it gets what comes before the frame
    first, and then the frame."""
    vad = PatientVad()
    ears = Ears(vad, Settings())
    feed(ears, "#" * 15)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ears.batched_frame, Frame(VOICE, 300.0), vad)
        await wait_all_tasks_blocked()
        with ears.listen(gated=True) as sound:
            await trio.sleep(0.1)
            times = [item.at_ms for item in drain(sound) if isinstance(item, Frame)]
    assert times[-1] == 300
    assert times == sorted(set(times))


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
