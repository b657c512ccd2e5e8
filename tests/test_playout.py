"""The playout: pacing, marks, silence at once, and what was heard. All in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from effects.echo import Echo
from effects.playout import SPOKEN_LIMIT, Playout
from effects.ports import Timing
from effects.spoken import clause_of
from states.events import AudioStarted, Event, PlayedOut
from states.settings import Settings
from tests.doubles import FakeCarrier

TEXT = "one two three four five six seven eight nine ten"
LETTER = 480
"""Bytes of sound a letter: 60 ms."""


class Mouth:
    """A playout with its pump running, and what came of it."""

    def __init__(self, echo: Echo | None) -> None:
        self.carrier = FakeCarrier()
        self.events: list[Event] = []
        self.started_at = trio.current_time()
        self.playout = Playout(self.carrier, Settings(), self.now_ms, lambda note: None, echo)

    def now_ms(self) -> float:
        return round((trio.current_time() - self.started_at) * 1000, 1)

    async def say(self, reply: int, *texts: str) -> None:
        self.playout.begin(reply)
        for index, text in enumerate(texts):
            clause = clause_of(index, text)
            sound = bytes(len(clause.spoken) * LETTER)
            await self.playout.add(reply, clause, sound, last=True)
        self.playout.finish(reply)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


@asynccontextmanager
async def mouth(echo: Echo | None = None) -> AsyncIterator[Mouth]:
    it = Mouth(echo)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.playout.run, it.events.append, trio.lowlevel.checkpoint)
        yield it
        nursery.cancel_scope.cancel()


async def test_sends_no_more_than_the_lead_ahead(autojump_clock: MockClock) -> None:
    """At any moment at most ``lead_ms`` more was sent than has been played."""
    async with mouth() as it:
        await it.say(1, TEXT)
        for _ in range(100):
            await trio.sleep(0.02)
            assert it.carrier.sound_ms() <= it.now_ms() + Settings().lead_ms


async def test_the_sound_does_not_run_dry(autojump_clock: MockClock) -> None:
    """While there is audio, the carrier always has some in hand."""
    async with mouth() as it:
        await it.say(1, TEXT)
        for _ in range(100):
            await trio.sleep(0.02)
            assert it.carrier.sound_ms() >= min(it.now_ms(), len(TEXT) * 60)


async def test_a_mark_follows_each_clause_and_the_last_one_ends_the_reply(
    autojump_clock: MockClock,
) -> None:
    """The reply has been played out when the mark of its last clause comes back."""
    async with mouth() as it:
        await it.say(1, "one two", "three")
        await trio.sleep(1)
        assert it.names == ["audio_started"]
        marks = it.carrier.marks()
        assert len(marks) == 2
        for name in marks:
            it.playout.echoed(name)
        await trio.sleep(0.01)
        assert it.events[0] == AudioStarted(at_ms=0.0, reply=1)
        assert isinstance(it.events[1], PlayedOut)
        assert it.events[1].heard == "one two three"


async def test_a_carrier_that_loses_marks_does_not_mute_the_call(
    autojump_clock: MockClock,
) -> None:
    """Without its mark the reply counts as played ``mark_grace_ms`` after its end."""
    async with mouth() as it:
        await it.say(1, "one")
        await trio.sleep((180 + Settings().mark_grace_ms) / 1000 - 0.01)
        assert it.names == ["audio_started"]
        await trio.sleep(0.02)
        assert it.names == ["audio_started", "played_out"]


async def test_hold_clears_at_once_and_knows_what_was_heard(autojump_clock: MockClock) -> None:
    """Holding sends ``clear``, sends no more, and reports the words that had been played."""
    async with mouth() as it:
        await it.say(1, TEXT)
        await trio.sleep(0.06 * len("one two three ") + 0.001)
        silenced = it.playout.hold()
        assert silenced.heard == "one two three"
        assert it.carrier.sent[-1][0] == "clear"
        sent = len(it.carrier.sent)
        await trio.sleep(3)
        assert len(it.carrier.sent) == sent


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("order four seven one", "order"),
        ("order four seven one one", "order 4711"),
        ("order four seven one one at two", "order 4711 at"),
        ("order four seven one one at two thirty", "order 4711 at 2:30"),
        ("order four seven one one at two thirty P M costs five", "order 4711 at 2:30 pm costs"),
        ("order four seven one one at two thirty P M costs five million dollars",
         "order 4711 at 2:30 pm costs $5 million"),
    ],
)  # fmt: skip
async def test_what_was_heard_is_told_in_written_words(
    autojump_clock: MockClock, said: str, heard: str
) -> None:
    """A written word is heard when all of what it became was played."""
    async with mouth() as it:
        await it.say(1, "order 4711 at 2:30 pm costs $5 million now")
        await trio.sleep(0.06 * len(said) + 0.001)
        assert it.playout.hold().heard == heard


async def test_a_voice_that_says_when_it_says_what_is_believed(
    autojump_clock: MockClock,
) -> None:
    """Its own times count, however long the letters would take if they were spread evenly."""
    async with mouth() as it:
        it.playout.begin(1)
        clause = clause_of(0, "one two three")
        times = (Timing(3, 1500), Timing(7, 1600), Timing(13, 1700))
        sound = bytes(2000 * 8)
        await it.playout.add(1, clause, sound, last=True, timings=times)
        it.playout.finish(1)
        await trio.sleep(1.49)
        assert it.playout.heard() == ""
        await trio.sleep(0.15)
        assert it.playout.heard() == "one two"
        await trio.sleep(0.1)
        assert it.playout.heard() == "one two three"


async def test_release_goes_on_where_it_stopped_once(autojump_clock: MockClock) -> None:
    """After a hold the rest is sent, from at most 300 ms before the cut, and no more."""
    async with mouth() as it:
        await it.say(1, TEXT)
        await trio.sleep(1)
        it.playout.hold()
        before_ms = it.carrier.sound_ms()
        await trio.sleep(2)
        it.playout.release()
        await trio.sleep(5)
        rest_ms = it.carrier.sound_ms() - before_ms
        assert len(TEXT) * 60 - 1000 <= rest_ms <= len(TEXT) * 60 - 1000 + 300
        it.playout.echoed(it.carrier.marks()[-1])
        await trio.sleep(0.01)
        assert it.names == ["audio_started", "played_out"]
        played_out = it.events[-1]
        assert isinstance(played_out, PlayedOut)
        assert played_out.heard == TEXT


async def test_a_mark_after_clear_proves_nothing(autojump_clock: MockClock) -> None:
    """Marks that were outstanding when the buffer was cleared are not taken for heard."""
    async with mouth() as it:
        await it.say(1, "one", TEXT)
        await trio.sleep(0.05)
        silenced = it.playout.hold()
        for name in it.carrier.marks():
            it.playout.echoed(name)
        assert silenced.heard == ""
        assert it.playout.heard() == ""


async def test_a_mark_proves_what_the_clock_only_supposes(autojump_clock: MockClock) -> None:
    """A carrier that lags is noticed by its marks, and less is taken for heard afterwards."""
    async with mouth() as it:
        await it.say(1, "one", TEXT)
        await trio.sleep(0.18 + 0.24)  # the mark is 240 ms late: four letters
        it.playout.echoed(it.carrier.marks()[0])
        await trio.sleep(0.06 * len("one two three "))
        assert it.playout.hold().heard == "one one two three"


async def test_a_new_reply_discards_the_one_in_the_air(autojump_clock: MockClock) -> None:
    """Beginning another reply clears the first, says what was heard, and never resumes it."""
    async with mouth() as it:
        await it.say(1, TEXT)
        await trio.sleep(0.5)
        silenced = it.playout.begin(2)
        assert silenced is not None
        assert silenced.reply == 1
        assert silenced.heard == "one two"
        late = clause_of(0, TEXT)  # audio of the first reply
        await it.playout.add(1, late, bytes(8000), last=True)
        sent = it.carrier.sound_ms()
        await trio.sleep(2)
        assert it.carrier.sound_ms() == sent


async def test_a_held_reply_that_was_not_audible_needs_no_clear(
    autojump_clock: MockClock,
) -> None:
    """Holding before the first sound sends nothing; releasing lets it be heard, once."""
    async with mouth() as it:
        it.playout.hold()
        await it.say(1, "one")
        await trio.sleep(1)
        assert it.carrier.sent == []
        it.playout.release()
        await trio.sleep(1)
        assert it.carrier.sound_ms() == 180


async def test_the_voice_has_to_wait_when_there_is_plenty(autojump_clock: MockClock) -> None:
    """Audio that waits to be sent is bounded: adding more blocks until there is room, or until
    the reply is given up."""
    async with mouth() as it:
        it.playout.begin(1)
        with trio.move_on_after(1) as patience:
            await it.playout.add(1, clause_of(0, "long"), bytes(60 * 8000), last=False)
        assert patience.cancelled_caught
        it.playout.discard()
        with trio.fail_after(1):
            await it.playout.add(1, clause_of(0, "long"), bytes(60 * 8000), last=True)


async def test_what_was_spoken_lately_is_known_across_replies(autojump_clock: MockClock) -> None:
    """The clauses that were on the line at a moment or later: not those that had ended before,
    nor those that have not begun; also of a reply that was given up."""
    async with mouth() as it:
        await it.say(1, "one two", "three")
        await trio.sleep(1)
        assert it.playout.spoken_since(0) == "one two three"
        assert it.playout.spoken_since(500) == "three"
        it.playout.discard()
        await it.say(2, "four five six", "seven")
        await trio.sleep(0.3)
        assert it.playout.spoken_since(0) == "one two three four five six"
        assert it.playout.spoken_since(900) == "four five six"
        await it.say(3, *["again"] * 40)
        await trio.sleep(30)
        assert it.playout.spoken_since(0).split() == ["again"] * SPOKEN_LIMIT


async def test_the_echo_guard_is_told_what_plays(autojump_clock: MockClock) -> None:
    """What was sent counts as playing from when the carrier gets to it; after a clear nothing
    more comes of it."""
    told: list[tuple[str, float]] = []

    class Told(Echo):
        def played(self, audio: bytes, from_ms: float) -> None:
            told.append(("played", from_ms))

        def cleared(self, at_ms: float) -> None:
            told.append(("cleared", at_ms))

    async with mouth(Told()) as it:
        await it.say(1, TEXT)
        await trio.sleep(0.1)
        it.playout.hold()
    assert told == [*(("played", at * 60.0) for at in range(len(told) - 1)), ("cleared", 100.0)]
    assert len(told) > 3
