"""The simulated carrier's playout buffer: what is played, and when a mark comes back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.carriers.playout_buffer import BUFFERED_MS_MAX, PlayoutBuffer
from adapters.carriers.whole_frames import FRAME_BYTES


def frames(buffer: PlayoutBuffer, count: int) -> list[tuple[int, list[str]]]:
    """How many bytes each of the next frames plays, and the marks that come back with it."""
    return [(len(frame), marks) for frame, marks in (buffer.tick() for _ in range(count))]


def test_audio_is_played_in_real_time_across_messages() -> None:
    """Frames of 20 ms are cut from the audio as if it were one piece."""
    buffer = PlayoutBuffer()
    for piece in (b"\x01" * 100, b"\x02" * 100, b"\x03" * 200):
        buffer.add_audio(piece)
    assert buffer.buffered_ms == 50
    assert buffer.tick() == (b"\x01" * 100 + b"\x02" * 60, [])
    assert buffer.tick() == (b"\x02" * 40 + b"\x03" * 120, [])
    assert buffer.tick() == (b"\x03" * 80, [])
    assert buffer.tick() == (b"", [])
    assert buffer.buffered_ms == 0


def test_a_mark_comes_back_when_what_was_sent_before_it_has_been_played() -> None:
    """Not when its last frame begins to play, but when that frame is over."""
    buffer = PlayoutBuffer()
    buffer.add_audio(bytes(160))
    assert not buffer.add_mark("full frame")
    buffer.add_audio(bytes(80))
    assert not buffer.add_mark("inside a frame")
    buffer.add_audio(bytes(80))
    assert not buffer.add_mark("end")
    assert frames(buffer, 4) == [
        (160, []),
        (160, ["full frame"]),
        (0, ["inside a frame", "end"]),
        (0, []),
    ]


def test_a_mark_comes_back_at_once_when_nothing_is_waiting() -> None:
    """As at Twilio's; and a frame that is still playing is waited for."""
    buffer = PlayoutBuffer()
    assert buffer.add_mark("nothing was ever said")
    buffer.add_audio(bytes(10))
    buffer.tick()
    assert not buffer.add_mark("still playing")
    assert buffer.tick() == (b"", ["still playing"])
    assert buffer.add_mark("silence again")


def test_clear_drops_the_audio_and_brings_every_mark_back() -> None:
    """In their order, those inside the playing frame first; later audio plays."""
    buffer = PlayoutBuffer()
    buffer.add_audio(bytes(80))
    buffer.add_mark("a")
    buffer.add_audio(bytes(800))
    buffer.add_mark("b")
    buffer.tick()
    assert buffer.clear() == ["a", "b"]
    assert buffer.clear() == []
    buffer.add_audio(b"\x07" * 5)
    assert buffer.tick() == (b"\x07" * 5, [])


def test_ten_minutes_are_the_most_it_holds() -> None:
    """What is over is refused, not cut; there is room again when some has played."""
    buffer = PlayoutBuffer()
    assert buffer.add_audio(bytes(BUFFERED_MS_MAX * 8))
    assert not buffer.add_audio(b"\x00")
    buffer.tick()
    assert buffer.add_audio(bytes(160))


@settings(deadline=None)
@given(st.lists(st.integers(0, 500) | st.just(-1) | st.just(-2) | st.just(-3), max_size=60))
def test_nothing_is_lost_and_nothing_comes_twice(steps: list[int]) -> None:
    """Whatever the order of audio, marks, clears and time: every byte that is not cleared is
    played once, and every mark comes back once, in the order in which they were sent."""
    buffer = PlayoutBuffer()
    sent: list[str] = []
    echoed: list[str] = []
    added = played = dropped = 0
    for step in steps:
        if step >= 0:
            buffer.add_audio(bytes(step))
            added += step
        elif step == -1:
            sent.append(str(len(sent)))
            echoed += [sent[-1]] if buffer.add_mark(sent[-1]) else []
        elif step == -2:
            dropped += int(buffer.buffered_ms * 8)
            echoed += buffer.clear()
        else:
            frame, marks = buffer.tick()
            assert len(frame) <= FRAME_BYTES
            played += len(frame)
            echoed += marks
        assert added == played + dropped + buffer.buffered_ms * 8
    while buffer.buffered_ms:
        echoed += buffer.tick()[1]
    echoed += buffer.tick()[1] + buffer.tick()[1]
    assert echoed == sent
