"""Hearing: frames that stop coming."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import trio
import trio.testing
from numpy.typing import NDArray
from trio.testing import MockClock

from effects.ears import Ears
from effects.hear import hear
from effects.ports import Dtmf, Media, Stop
from effects.stage import Stage
from engine.simulation.providers import ScriptedVad
from states import events
from states.settings import Settings
from tests.doubles import FakeCarrier

VOICE, SILENCE = Media(b"\x01" * 160), Media(b"\xff" * 160)
"""20 ms of sound each."""


class Hearing:
    """The effect on a stage with nothing but ears; ``heard`` is what it emitted, and when."""

    def __init__(self, nursery: trio.Nursery, vad: ScriptedVad | None = None) -> None:
        self.carrier = FakeCarrier()
        self.heard: list[tuple[str, float]] = []
        settings = Settings(frames_lost_ms=1000)
        stage = SimpleNamespace(
            carrier=self.carrier,
            ears=Ears(vad or ScriptedVad(), settings),
            call=SimpleNamespace(settings=settings),
            now_ms=lambda: trio.current_time() * 1000,
        )
        nursery.start_soon(hear, cast(Stage, cast(Any, stage)), self._emit)

    def _emit(self, event: events.Event) -> None:
        self.heard.append((event.name, round(event.at_ms)))

    async def frames(self, frame: Media, count: int) -> None:
        """Let frames come in, at their pace."""
        for _ in range(count):
            await trio.sleep(0.02)
            self.carrier.put.send_nowait(frame)
        await trio.testing.wait_all_tasks_blocked()


async def test_frames_that_stop_coming_end_speech(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The time counts from the last frame, not from the onset, and each time anew."""
    hearing = Hearing(nursery)
    for _ in range(2):
        await hearing.frames(VOICE, 100)
        await trio.sleep(3)
    started, ended = "speech_started", "speech_ended"
    assert [name for name, _ in hearing.heard] == [started, ended, started, ended]
    assert [at_ms for name, at_ms in hearing.heard if name == ended] == [3000, 8000]


async def test_any_message_shows_that_the_line_lives(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A key pressed in between moves the time."""
    hearing = Hearing(nursery)
    await hearing.frames(VOICE, 50)
    await trio.sleep(0.9)
    hearing.carrier.put.send_nowait(Dtmf("5"))
    await trio.sleep(3)
    assert hearing.heard[1:] == [("dtmf", 1900), ("speech_ended", 2900)]


async def test_a_silent_caller_may_be_silent_without_frames(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Only while the caller speaks are frames owed; afterwards nothing is watched for."""
    hearing = Hearing(nursery)
    await hearing.frames(VOICE, 50)
    await hearing.frames(SILENCE, 50)
    before = list(hearing.heard)
    await trio.sleep(600)
    assert [name for name, _ in before] == ["speech_started", "speech_ended"]
    assert hearing.heard == before


async def test_the_end_of_the_call_ends_it(autojump_clock: MockClock) -> None:
    """Also in mid-speech; and nothing is emitted afterwards."""
    async with trio.open_nursery() as nursery:
        hearing = Hearing(nursery)
        await hearing.frames(VOICE, 50)
        hearing.carrier.put.send_nowait(Stop("the caller hung up"))
    await trio.sleep(3)
    assert [name for name, _ in hearing.heard] == ["speech_started", "hung_up"]


class PatientVad(ScriptedVad):
    """Judges many calls together, and takes its time for it."""

    async def judged(self, window: NDArray[np.float32]) -> float:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.005)
        return self.probability(window)


async def test_a_detector_that_judges_many_calls_is_awaited(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Speech begins that little later, and a line that dies is found dead that much later."""
    prompt, patient = Hearing(nursery), Hearing(nursery, PatientVad())
    for hearing in (prompt, patient):
        nursery.start_soon(hearing.frames, VOICE, 50)
    await trio.sleep(3)
    assert [name for name, _ in prompt.heard] == ["speech_started", "speech_ended"]
    assert patient.heard == [(name, at_ms + 5) for name, at_ms in prompt.heard]
