"""The benchmark's arithmetic, on records made by hand: no times are measured here."""

from __future__ import annotations

import math
import socket
import struct
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import trio.testing

from adapters.twilio.protocol import CarrierStream
from adapters.twilio.recording import Stretch
from adapters.twilio.script import AfterAgent, IntoReply
from bench import measures, report
from bench.calls import TappedCall, conversation, scattered
from bench.evaluation import table_of
from bench.reference import (
    NoStore,
    Reference,
    ReplayedCarrier,
    onsets_detected,
    replay_call,
    spoken_by,
)
from bench.scripted import (
    LETTER_MS,
    Spoken,
    TimedRecogniser,
    cycle,
    scripted_desk,
)
from bench.vendors import VendorsClock
from effects.ports import CallInfo, Frame, Heard, Media, Sound, Stop
from engine.evaluation.figures import Result, Thresholds, figures_of
from engine.evaluation.measures import Answer, TurnTaking
from engine.evaluation.sound import cut_to_speech, speech_bounds
from engine.evaluation.task import WordErrors
from engine.simulation.providers import ScriptedVad
from engine.simulation.sound import spell
from states import mulaw
from states.call import Line

QUIET, LOUD = mulaw.SILENCE * 160, b"\x10\x90" * 80
TEXT = "one three five"
MACHINE = report.Machine(cpu="a cpu", cores=2, python="3.11.7", load=0.5)

# --- figures --------------------------------------------------------------------------------


def test_a_figure_knows_whether_it_keeps_to_its_budget() -> None:
    """From above, from below, and without a budget always."""
    assert report.at_most("a", 2.0, "ms", 2.0).within
    assert not report.at_most("a", 2.1, "ms", 2.0).within
    assert report.at_most("a", 1e9, "ms", None).within
    assert report.at_least("a", 150.0, "calls/s", 150.0).within
    assert not report.at_least("a", 149.0, "calls/s", 150.0).within


def test_a_figure_that_could_not_be_measured_is_not_within_its_budget() -> None:
    """Nothing measured is no success."""
    assert not report.at_most("a", math.nan, "ms", 2.0).within
    assert not report.at_least("a", math.nan, "%", 98.0).within


def test_percentiles_are_interpolated() -> None:
    """As they are everywhere else; of nothing there is none."""
    assert report.percentile(range(101), 95) == 95.0
    assert report.percentile([1.0, 2.0], 50) == 1.5
    assert report.percentile([3.0], 95) == 3.0
    assert math.isnan(report.percentile([], 50))


def test_a_spread_is_two_figures_with_their_own_budgets() -> None:
    """The median and the 95th percentile, and how many values they are of."""
    p50, p95 = report.spread("lag", [1.0, 2.0, 30.0], "ms", (2.0, 10.0), "how")
    assert (p50.name, p50.value, p50.within) == ("lag, p50", 2.0, True)
    assert (p95.name, p95.within) == ("lag, p95", False)
    assert p50.how == "how; 3 of them"


def test_results_are_saved_and_read_back(tmp_path: Path) -> None:
    """What is saved is what is loaded; what is not there, or not ours, is left out."""
    saved = report.Results(
        bench="turns",
        day="2026-01-31",
        machine=MACHINE,
        figures=[report.at_least("rate", 3.5, "calls/s", 150.0, "counted")],
    )
    report.save(saved, tmp_path)
    (tmp_path / "wire.json").write_text('{"codec": 1}')
    assert report.load(["turns", "startup"], tmp_path) == [saved]
    assert report.load([], tmp_path) == [saved]


def test_the_page_of_budgets_says_machine_value_budget_and_verdict() -> None:
    """One row a figure."""
    figures = [
        report.at_most("latency", 331.4, "ms", 330.0, "a call"),
        report.at_most("stage", 0.25, "ms", None),
    ]
    results = report.Results(bench="turns", day="2026-01-31", machine=MACHINE, figures=figures)
    page = report.markdown([results])
    assert "2026-01-31, a cpu, 2 cores, Python 3.11.7, load 0.5" in page
    assert "| latency | 331 ms | ≤ 330 ms | **over** | a call |" in page
    assert "| stage | 0.25 ms |  |  |  |" in page


def test_an_evaluation_has_its_thresholds_as_budgets() -> None:
    """Every figure of it is in the table; a threshold limits the one of its name, tasks done from
    below; what was not measured keeps to none."""
    answers = TurnTaking(answers=[Answer(1, 400.0), Answer(2, 600.0), Answer(3, cut_off=True)])
    done = Result("done", turn_taking=answers, words=WordErrors(20, 1), task_done=True)
    found = figures_of([done, Result("failed", task_done=False)])
    limits = Thresholds(latency_p50_ms=450, cut_offs=1, task_done_percent=50, silent_p95_ms=900)
    rows = {row.name: row for row in table_of(found, limits)}
    latency = rows["end of voice to first audio, as heard, p50"]
    assert (latency.value, latency.budget, latency.within) == (500.0, 450, False)
    assert (rows["cut-offs"].value, rows["cut-offs"].within) == (1, True)
    assert rows["cut-offs"].how == "of 3 turns"
    assert (rows["tasks done"].value, rows["tasks done"].at_least) == (50.0, True)
    assert rows["tasks done"].within
    assert not rows["barge-in to silence, p95"].within
    assert (rows["word error rate"].value, rows["word error rate"].budget) == (5.0, None)


# --- what is derived from a call ------------------------------------------------------------


def test_an_answer_is_the_first_audio_between_two_utterances() -> None:
    """Not audio from before the end of speech, and not that of a later turn."""
    said = [Stretch(1.0, 2.0), Stretch(5.0, 6.0), Stretch(9.0, 10.0)]
    first, second, third = measures.answers(said, [0.5, 1.9, 2.4, 2.5, 10.5], [])
    assert first.latency_ms == pytest.approx(400.0)
    assert (second.audio_s, second.latency_ms) == (None, None)
    assert third.latency_ms == pytest.approx(500.0)


def test_a_clear_belongs_to_the_utterance_it_comes_in() -> None:
    """Counted from the true onset, less the barge-in time; a much later one is not its own."""
    said = [Stretch(1.0, 2.0), Stretch(5.0, 6.0)]
    first, second = measures.answers(said, [], [1.65, 7.5])
    assert first.yielded_ms(600.0) == pytest.approx(50.0)
    assert second.yielded_ms(600.0) is None


def test_what_the_engine_added_is_what_both_calls_have() -> None:
    """Moments that only one call has say nothing about time."""
    assert measures.added_ms([1.002, None, 3.0], [1.0, 2.0, None]) == [pytest.approx(2.0)]


def test_played_replies_are_parted_by_pauses() -> None:
    """The space between two words is none."""
    audio = spell("Hi you", LETTER_MS) + QUIET * 15 + spell("Bye", LETTER_MS) + QUIET
    assert measures.played_replies(QUIET + audio) == [
        spell("Hi you", LETTER_MS),
        spell("Bye", LETTER_MS),
    ]


def test_a_word_was_heard_when_its_last_letter_was() -> None:
    """And it had begun as soon as anything of it was played."""
    assert measures.words_begun(TEXT, 0.0) == (0, 0)
    assert measures.words_begun(TEXT, 3.0) == (1, 1)
    assert measures.words_begun(TEXT, 3.1) == (1, 2)
    assert measures.words_begun(TEXT, 7.9) == (1, 2)
    assert measures.words_begun(TEXT, 12.0) == (3, 3)


def test_history_is_compared_with_what_was_played() -> None:
    """To the word; and, more leniently, but for the word at the cut."""
    cut = spell(TEXT, LETTER_MS)[: len(spell("one three f", LETTER_MS))]
    replies = [spell("Hello", LETTER_MS), cut, spell(TEXT, LETTER_MS)]

    def compared(text: str) -> measures.Remembered:
        history = [
            Line("agent", "Hello"),
            Line("caller", "stop"),
            Line("agent", text, interrupted=True),
        ]
        (one,) = measures.remembered(replies, history, TEXT, LETTER_MS)
        return one

    assert compared("one three").exact
    assert not compared("one").exact
    assert not compared("one three five").exact
    assert compared("one").true
    assert not compared("").true
    assert compared("one three five").true
    assert not compared("one three fish").true


def test_the_frame_that_was_playing_may_count_or_not() -> None:
    """A word whose last 20 ms are in the frame that no clear takes back."""
    cut = spell("one three", LETTER_MS)
    for text in ("one", "one three"):
        history = [Line("agent", text, interrupted=True)]
        (one,) = measures.remembered([cut], history, TEXT, LETTER_MS)
        assert one.exact


def test_an_interrupted_reply_that_history_does_not_have_is_forgotten() -> None:
    """It counts against us."""
    cut = spell("one three", LETTER_MS)
    (one,) = measures.remembered([cut], [Line("agent", TEXT)], TEXT, LETTER_MS)
    assert (one.kept, one.exact, one.true) == (0, False, False)


# --- the work -------------------------------------------------------------------------------


def test_a_recording_is_cut_to_its_speech() -> None:
    """Quiet before and after goes; and no silent sample is left in it."""
    audio = QUIET * 3 + LOUD * 5 + QUIET * 2
    assert speech_bounds(audio) == (3 * 160, 8 * 160)
    assert cut_to_speech(QUIET * 3 + LOUD + QUIET + LOUD + QUIET) == (LOUD + b"\xfe" * 160 + LOUD)


def test_the_conversation_interrupts_every_third_time() -> None:
    """At moments that differ from turn to turn, and not from run to run."""
    script = conversation(2, 6, cycle())
    whens = [utterance.when for utterance in script.utterances]
    assert [type(when) for when in whens] == [AfterAgent, IntoReply, AfterAgent] * 2
    assert whens[1] != whens[4]
    assert conversation(2, 6, cycle()) == script


def test_scattered_moments_fill_their_range() -> None:
    """No two of the first hundred are close."""
    places = sorted(scattered(number) for number in range(100))
    assert min(after - before for before, after in pairwise(places)) > 0.004


async def test_the_recogniser_goes_by_the_clock(autojump_clock: trio.testing.MockClock) -> None:
    """Words come as their sound does, 100 ms late; the final 100 ms after the true end."""
    spoken = Spoken("one two three four", LOUD * 50)
    heard: list[tuple[int, Heard]] = []
    send, receive = trio.open_memory_channel[Sound](100)

    async def speak() -> None:
        for number, audio in enumerate([*[LOUD] * 50, *[QUIET] * 20]):
            await trio.sleep_until((number + 1) * 0.02)
            send.send_nowait(Frame(audio, number * 20.0))
        send.close()

    await trio.sleep_until(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak)
        await TimedRecogniser([spoken], trio.sleep).transcribe(
            receive, lambda words: heard.append((round(trio.current_time() * 1000), words))
        )
    assert [(at_ms, words.text, words.final) for at_ms, words in heard] == [
        (360, "one", False),
        (600, "one two", False),
        (860, "one two three", False),
        (1100, "one two three four", True),
    ]
    assert heard[-1][1].through_ms == 1100


# --- the same call in virtual time ----------------------------------------------------------


def recorded_call() -> TappedCall:
    """What a telephone sends that says something from 4 s to 5 s, and hangs up after 8 s. It
    echoes no marks, so the greeting counts as played out 1.5 s after its end."""
    stream = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
    call = TappedCall(began_at=100.0)
    call.sent = [(99.99, stream.connected()), (100.0, stream.start())]
    for number in range(400):
        audio = LOUD if 200 <= number < 250 else QUIET
        call.sent.append((100.0 + (number + 1) * 0.02, stream.media(audio)))
    call.sent.append((108.1, stream.stop()))
    return call


async def test_a_replayed_carrier_delivers_at_the_recorded_times(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """And says at last that the call is over."""
    call = recorded_call()
    assert call.seconds == pytest.approx(8.11)
    info, messages = spoken_by(call.sent, call.began_at)
    carrier = ReplayedCarrier(info, messages, Reference())
    began = trio.current_time()
    assert carrier.info.call_id == "CA1"
    assert await carrier.receive() == Media(QUIET)
    assert trio.current_time() - began == pytest.approx(0.02)
    for _ in range(399):
        await carrier.receive()
    assert isinstance(await carrier.receive(), Stop)
    assert trio.current_time() - began == pytest.approx(8.1)


def test_a_call_held_again_costs_no_time() -> None:
    """Its answer comes when policy and providers let it: the draft began with the final words,
    100 ms after the end of speech at 5 s; then 150 ms to the first token, which is the first
    clause ("Certainly,"), and 80 ms for the voice."""
    call = recorded_call()
    desk = scripted_desk(NoStore(), ScriptedVad())
    reference = replay_call(*spoken_by(call.sent, call.began_at), desk)
    audio = [at_s for at_s in reference.audio if at_s > 5.0]
    assert audio[0] == pytest.approx(5.0 + 0.1 + 0.15 + 0.08, abs=0.002)
    assert [at_s for at_s in reference.clears if at_s < 8.0] == []


def test_the_detector_has_an_onset_of_its_own() -> None:
    """It judges windows of 32 ms, so it may be a little early or late."""
    call = recorded_call()
    _, messages = spoken_by(call.sent, call.began_at)
    assert onsets_detected(messages, ScriptedVad()) == [pytest.approx(4.0, abs=0.032)]


async def test_the_vendors_clock_waits_for_its_number() -> None:
    """Answers come by number, whatever their order, and may come in pieces."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    done: list[float] = []
    with ours, theirs:
        clock = VendorsClock(ours)

        async def wait(seconds: float) -> None:
            await clock.wait(seconds)
            done.append(seconds)

        async with trio.open_nursery() as listening:
            listening.start_soon(clock.listen)
            async with trio.open_nursery() as waiting:
                for seconds in (0.1, 0.2):
                    waiting.start_soon(wait, seconds)
                    await trio.testing.wait_all_tasks_blocked()
                asked = [number for _, number in struct.iter_unpack("<dQ", theirs.recv(4096))]
                answer = struct.pack("<QQ", *reversed(asked))
                theirs.sendall(answer[:5])
                await trio.testing.wait_all_tasks_blocked()
                assert done == []
                theirs.sendall(answer[5:])
            listening.cancel_scope.cancel()
    assert sorted(done) == [0.1, 0.2]
