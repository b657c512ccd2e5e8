"""What the session may rely on, whatever carrier a call comes over; in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from adapters.carriers.answering import AnsweredCall, CarrierLimits
from adapters.carriers.faults import Fault
from adapters.twilio.phone import Wire
from adapters.twilio.script import AtTime, KeyPress, Script, Utterance
from effects.ports import Carrier, CarrierMessage, Dtmf, Mark, Media, ProviderRefused, Stop
from states.mulaw import from_pcm16
from tests.carrier_contract import CASES, Case
from tests.twilio_kit import Session, said_until_stop

LOUD = b"\x20" * 8000  # a second of it
SOFT = b"\x40" * 8000
FRAME = b"\x30" * 160

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


async def send(wire: Wire, *messages: str | bytes) -> None:
    for message in messages:
        await wire.send_message(message)


async def until_closed(wire: Wire) -> None:
    with suppress(ConnectionClosed):
        while True:
            await wire.get_message()


class Timed:
    """A session that does one thing and notes what comes, and when."""

    def __init__(self, do: Callable[[Carrier], Awaitable[None]]) -> None:
        self._do = do
        self.marks: dict[str, float] = {}
        self.keys = ""
        self.last: CarrierMessage | None = None
        self._began_s = 0.0

    def now_s(self) -> float:
        return trio.current_time() - self._began_s

    async def __call__(self, carrier: Carrier) -> None:
        self._began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._do, carrier)
            while not isinstance(message := await carrier.receive(), Stop):
                if isinstance(message, Mark):
                    assert message.name not in self.marks, "a mark comes back once"
                    self.marks[message.name] = self.now_s()
                elif isinstance(message, Dtmf):
                    self.keys += message.digit
            self.last = message
            nursery.cancel_scope.cancel()


async def test_a_call_from_its_beginning_to_its_end(case: Case, autojump_clock: MockClock) -> None:
    """The session hears audio and keys in their order, then the end; its id is safe in a file
    name."""
    session, end = Session(), case.end()
    async with case.dialled(session) as wire:
        await send(wire, *end.opening(), end.media(FRAME), end.dtmf("5"), end.media(LOUD[:160]))
        await send(wire, *end.closing())
    assert session.info is not None
    assert session.info.call_id == case.call_id
    assert session.said[:-1] == [Media(FRAME), Dtmf("5"), Media(LOUD[:160])]
    if case.says_goodbye:
        assert session.stop == "the carrier ended the call"


async def test_the_agent_is_heard_and_its_marks_come_back(
    case: Case, autojump_clock: MockClock
) -> None:
    """In full, without a gap, and the mark as the last of it is heard."""

    async def speak(carrier: Carrier) -> None:
        for at in range(0, 8000, 100):  # no whole frames
            carrier.send_audio(LOUD[at : at + 100])
        carrier.send_mark("first")
        carrier.send_audio(SOFT[:90])
        carrier.send_mark("second")

    session = Timed(speak)
    record = await case.call(session, Script(hang_up=AtTime(3000)))
    (heard,) = record.heard
    assert heard.end_s - heard.start_s == pytest.approx(1.0, abs=0.021)
    assert session.marks["first"] == pytest.approx(1.0, abs=0.061)
    assert session.marks["second"] == pytest.approx(1.02, abs=0.061)
    assert not record.refused


async def test_a_clear_silences_the_agent_at_once(case: Case, autojump_clock: MockClock) -> None:
    """What was sent is not heard any more, all its marks come back, and what is said then is."""

    async def speak(carrier: Carrier) -> None:
        carrier.send_audio(LOUD * 3)
        carrier.send_mark("old")
        await trio.sleep(0.5)
        carrier.send_clear()
        carrier.send_clear()
        await trio.sleep(0.5)
        carrier.send_audio(SOFT)
        carrier.send_mark("new")

    session = Timed(speak)
    record = await case.call(session, Script(hang_up=AtTime(4000)))
    before, after = record.heard
    assert before.end_s == pytest.approx(0.5, abs=0.061)
    assert after.start_s == pytest.approx(1.0, abs=0.041)
    assert after.end_s - after.start_s == pytest.approx(1.0, abs=0.021)
    assert session.marks["old"] == pytest.approx(0.5, abs=0.061)
    assert session.marks["new"] == pytest.approx(2.0, abs=0.061)
    assert bool(record.clears) == case.knows_clears
    assert not record.refused


async def test_a_mark_with_nothing_to_play_comes_back_at_once(
    case: Case, autojump_clock: MockClock
) -> None:
    """And so does one that was sent just before a clear."""

    async def ask(carrier: Carrier) -> None:
        await trio.sleep(0.5)
        carrier.send_mark("alone")
        carrier.send_audio(LOUD)
        carrier.send_mark("cleared")
        carrier.send_clear()
        await trio.sleep(0.1)

    session = Timed(ask)
    await case.call(session, Script(hang_up=AtTime(1000)))
    assert session.marks["alone"] == pytest.approx(0.5, abs=0.041)
    assert session.marks["cleared"] == pytest.approx(0.5, abs=0.041)


async def test_keys_reach_the_session(case: Case, autojump_clock: MockClock) -> None:
    """All of the telephone's, between frames of speech."""

    async def nothing(carrier: Carrier) -> None:
        pass

    session = Timed(nothing)
    keys = tuple(KeyPress(key, 100.0 * number) for number, key in enumerate("0123456789*#", 1))
    utterance = Utterance(LOUD, AtTime(0))
    await case.call(session, Script((utterance,), keys, hang_up=AtTime(2000)))
    assert session.keys == "0123456789*#"


async def test_hanging_up_closes_the_line(case: Case, autojump_clock: MockClock) -> None:
    """It takes no time, may be done twice, and ends receiving; nothing is sent after it."""
    after: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        await carrier.hang_up()
        await carrier.hang_up()
        carrier.send_audio(LOUD)
        carrier.send_mark("late")
        carrier.send_clear()
        after.extend([await carrier.receive(), await carrier.receive()])

    began = trio.current_time()
    async with case.dialled(session) as wire:
        await send(wire, *case.end().opening())
        await until_closed(wire)
    assert after == [Stop("we hung up")] * 2
    assert trio.current_time() == began


async def test_a_lost_line_is_a_stop(case: Case, autojump_clock: MockClock) -> None:
    """Nothing is raised for what the other side does: the reason is in the Stop."""
    session = Session()
    async with case.dialled(session) as wire:
        await send(wire, *case.end().opening())
        await trio.sleep(1)
        await wire.aclose()
    assert "closed without" in session.stop


async def test_silence_of_frames_ends_the_call(case: Case, autojump_clock: MockClock) -> None:
    """A line can die without a word."""
    session, end = Session(), case.end()
    async with case.dialled(session, CarrierLimits(silence_s=7)) as wire:
        await send(wire, *end.opening())
        await trio.sleep(5)
        await send(wire, end.media(FRAME))
        heard_at = trio.current_time()
        await until_closed(wire)
    assert session.stop == "no audio from the carrier for 7 s"
    assert session.stopped_at - heard_at == pytest.approx(7, abs=0.01)


async def test_garbage_is_counted_logged_sparsely_and_ignored(
    case: Case, autojump_clock: MockClock
) -> None:
    """It costs no audio and few lines of log."""
    counts: Counter[Fault] = Counter()

    async def session(carrier: Carrier) -> None:
        assert isinstance(carrier, AnsweredCall)
        assert await carrier.receive() == Media(FRAME)
        counts.update(carrier.refused)

    end = case.end()
    with capture_logs() as logs:
        async with case.dialled(session) as wire:
            await send(wire, *end.opening())
            for garbage, _ in case.garbage:
                await send(wire, *([garbage] * 50))
            await send(wire, end.media(FRAME))
            await trio.sleep(1)
    wanted = Counter(fault for _, fault in case.garbage for _ in range(50))
    assert counts == wanted
    refused = [entry for entry in logs if entry["event"] == "message_refused"]
    assert len(refused) <= 3 * len(wanted)
    assert all(entry["call_id"] == case.call_id for entry in refused)


async def test_what_cannot_go_on_ends_this_call(case: Case, autojump_clock: MockClock) -> None:
    """The session gets a Stop that says why, and the line is closed."""
    session, (fatal, reason) = Session(), case.fatal
    async with case.dialled(session) as wire:
        await send(wire, *case.end().opening(), fatal)
        await until_closed(wire)
    assert session.stop.startswith(reason)


async def test_a_call_starts_once(case: Case, autojump_clock: MockClock) -> None:
    """A second start ends it: whose call it is would be uncertain."""
    session, end = Session(), case.end()
    async with case.dialled(session) as wire:
        await send(wire, *end.opening(), end.opening()[-1])
        await until_closed(wire)
    assert session.stop.startswith("second_start")


async def test_without_a_start_there_is_no_call(case: Case, autojump_clock: MockClock) -> None:
    """No session, the line is closed in time, and the log says why; sound and keys before it are
    not a call."""
    session, end = Session(), case.end()
    with capture_logs() as logs:
        began = trio.current_time()
        async with case.dialled(session, CarrierLimits(start_s=4)) as wire:
            await send(wire, end.media(FRAME), end.dtmf("1"))
            await until_closed(wire)
            assert trio.current_time() - began == pytest.approx(4)
    assert session.info is None
    (entry,) = [entry for entry in logs if entry["event"] == "call_not_answered"]
    assert entry["reason"] == "no start within 4 s"


async def test_a_carrier_that_does_not_read_loses_the_call(
    case: Case, autojump_clock: MockClock
) -> None:
    """What waits is bounded, sending never blocks, and the Stop comes at once."""
    stops: list[tuple[CarrierMessage, float]] = []

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        began = trio.current_time()
        for _ in range(200):
            carrier.send_audio(FRAME)
        stops.append((await carrier.receive(), trio.current_time() - began))

    limits = CarrierLimits(outbox_messages=1000, outbox_bytes=20_000)
    async with case.dialled(session, limits, reading=False) as wire:
        await send(wire, *case.end().opening())
        await trio.sleep(2)
    ((stop, after_s),) = stops
    assert isinstance(stop, Stop)
    assert stop.reason.startswith("the carrier reads too slowly: ")
    assert after_s == 0


async def test_receiving_may_be_cancelled_without_loss(
    case: Case, autojump_clock: MockClock
) -> None:
    """A session may wait for a message and something else at once."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        while not (said and isinstance(said[-1], Stop)):
            with trio.move_on_after(0.013):
                said.append(await carrier.receive())

    end = case.end()
    async with case.dialled(session) as wire:
        await send(wire, *end.opening())
        for number in range(50):
            await trio.sleep(0.02)
            await send(wire, end.media(bytes([number]) * 160))
        await wire.aclose()
    assert said[:-1] == [Media(bytes([number]) * 160) for number in range(50)]


async def test_cancelling_the_session_closes_the_line(
    case: Case, autojump_clock: MockClock
) -> None:
    """In bounded time, and nothing is left behind."""

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(LOUD)
        await trio.sleep_forever()

    began = trio.current_time()
    with trio.move_on_after(5) as scope:
        async with case.dialled(session) as wire:
            await send(wire, *case.end().opening())
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - began <= 5 + 2.001


async def test_a_caller_is_put_through_by_other_means(
    case: Case, autojump_clock: MockClock
) -> None:
    """A media stream cannot do it: without anybody who can, it is refused."""
    through: list[tuple[str, str]] = []

    async def put_through(call_id: str, to: str) -> None:
        through.append((call_id, to))

    async def refused(carrier: Carrier) -> None:
        with pytest.raises(ProviderRefused):
            await carrier.transfer("+15550100")

    async def done(carrier: Carrier) -> None:
        await carrier.transfer("+15550100")

    async with case.dialled(refused) as wire:
        await send(wire, *case.end().opening())
        await until_closed(wire)
    async with case.dialled(done, put_through=put_through) as wire:
        await send(wire, *case.end().opening())
        await until_closed(wire)
    assert through == [(case.call_id, "+15550100")]


async def test_sound_is_not_changed(case: Case, autojump_clock: MockClock) -> None:
    """Every code of µ-law arrives as it was sent, in both directions, but for the second zero."""
    codes = bytes(code for code in range(255) if code != 0x7F)  # no whole frames
    heard: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(codes)
        carrier.send_mark("so that all goes out")
        heard.extend(await said_until_stop(carrier))

    script = Script((Utterance(codes, AtTime(0)),), hang_up=AtTime(500))
    record = await case.call(session, script)
    sound = b"".join(message.mulaw for message in heard if isinstance(message, Media))
    assert codes in sound
    played = from_pcm16(record.recording.samples()[:, 1])
    assert codes in played
