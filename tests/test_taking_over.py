"""Providers that take over: what a voice says anew, what a recogniser hears again, who goes on."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from effects.ears import KEEP_MS, WINDOW_BYTES
from effects.playout import Playout
from effects.ports import Frame, Offset, Onset, Speech
from effects.spoken import clause_of
from effects.stage import SPEECH_LIMIT, Draft, Voicing
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Act, Answer, Injection, Scenario, Spare, Voice, Wire
from engine.simulation.world import simulate
from states import events, notes
from states.settings import Settings
from tests.test_ears import drain, feed, make
from tests.test_playout import LETTER, mouth

QUESTION = Act(at=1.0, say="where is my parcel")


# --- the draft ------------------------------------------------------------------------------


def draft_of(*texts: str) -> Draft:
    draft = Draft(1, committed=True)
    for text in texts:
        draft.add(text)
    return draft


async def deliver(voicing: Voicing, clauses: int) -> None:
    for number in range(voicing.first, voicing.first + clauses):
        await voicing.deliver(Speech(number, b"\x00", ends_clause=True))


async def deliver_for_ever(voicing: Voicing) -> None:
    for _ in range(2 * SPEECH_LIMIT):
        await voicing.deliver(Speech(0, b"\x00", ends_clause=False))


def handed(voicing: Voicing) -> list[str]:
    """The clauses that wait for a voice."""
    texts = []
    while True:
        try:
            texts.append(voicing.clauses.receive_nowait().text)
        except (trio.WouldBlock, trio.EndOfChannel):
            return texts


@pytest.mark.parametrize(
    ("delivered", "first"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 4)], ids=lambda value: str(value)
)
async def test_another_voice_begins_with_the_sentence(delivered: int, first: int) -> None:
    """That was not finished; with nothing at all if all was."""
    texts = ["It left Memphis.", "It should be with you", "on Thursday.", "Do you want it?"]
    draft = draft_of(*texts)
    before = draft.voicing
    await deliver(before, delivered)
    assert draft.change_voice() == first
    assert before.scope.cancel_called
    assert draft.voicing.first == first
    assert handed(draft.voicing) == texts[first:]
    assert not draft.voicing.begun


async def test_a_voice_may_change_twice() -> None:
    """What the second has wholly delivered is not said a third time."""
    draft = draft_of("One.", "Two.", "Three.")
    await deliver(draft.voicing, 1)
    assert draft.change_voice() == 1
    await deliver(draft.voicing, 1)
    assert draft.change_voice() == 2
    assert handed(draft.voicing) == ["Three."]


async def test_what_is_composed_meanwhile_is_for_the_voice_that_took_over() -> None:
    """And so is the end of it."""
    draft = draft_of("One.")
    draft.change_voice()
    draft.add("Two.")
    draft.finish()
    assert handed(draft.voicing) == ["One.", "Two."]
    with pytest.raises(trio.EndOfChannel):
        draft.voicing.clauses.receive_nowait()
    assert not draft.is_said
    await deliver(draft.voicing, 2)
    assert draft.is_said


async def test_a_voice_that_was_given_up_says_nothing_more(autojump_clock: MockClock) -> None:
    """What it delivers is dropped, also what it was about to while nobody listened."""
    draft = draft_of("One.")
    before = draft.voicing
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deliver_for_ever, before)
        await wait_all_tasks_blocked()
        draft.change_voice()
    await deliver(before, 1)
    assert before.ended == draft.voicing.ended == 0


# --- the playout ----------------------------------------------------------------------------


async def add(playout: Playout, index: int, text: str, letters: int | None = None) -> None:
    """A clause, or so many letters of it, all but the last of its sound being there."""
    sound = bytes((len(text) if letters is None else letters) * LETTER)
    await playout.add(1, clause_of(index, text), sound, last=letters is None)


async def test_what_was_not_sent_is_taken_back(autojump_clock: MockClock) -> None:
    """From that clause on; what came before it is said."""
    async with mouth() as it:
        it.playout.begin(1)
        for index, text in enumerate(("one", "two", "three")):
            await add(it.playout, index, text)
        it.playout.take_back(1, 1)
        await add(it.playout, 1, "two")
        it.playout.finish(1)
        await trio.sleep(3)
        assert it.carrier.sound_ms() == 60 * len("onetwo")
        assert it.playout.heard() == "one two"


async def test_what_was_sent_of_a_sentence_that_broke_off_was_heard(
    autojump_clock: MockClock,
) -> None:
    """To the word; then comes all of the sentence."""
    async with mouth() as it:
        it.playout.begin(1)
        await add(it.playout, 0, "one two three four", len("one two thr"))
        await trio.sleep(2)
        it.playout.take_back(1, 0)
        await add(it.playout, 0, "one two three four")
        it.playout.finish(1)
        await trio.sleep(3)
        assert it.playout.heard() == "one two one two three four"
        assert it.carrier.sound_ms() == 60 * len("one two throne two three four")


async def test_what_a_hold_silenced_is_not_said_twice_besides(autojump_clock: MockClock) -> None:
    """After a hold a sentence goes on a little before it was cut, unless it is said anew."""
    async with mouth() as it:
        it.playout.begin(1)
        await add(it.playout, 0, "one two three four five six")
        await trio.sleep(0.9)
        assert it.playout.hold().heard == "one two three"
        before_ms = it.carrier.sound_ms()
        it.playout.take_back(1, 0)
        it.playout.release()
        await trio.sleep(1)
        assert it.carrier.sound_ms() == before_ms
        await add(it.playout, 0, "one two")
        it.playout.finish(1)
        await trio.sleep(3)
        assert it.playout.heard() == "one two three one two"


async def test_a_line_that_filled_a_wait_is_not_taken_back(autojump_clock: MockClock) -> None:
    """Nor is anything of another reply."""
    async with mouth() as it:
        it.playout.begin(1)
        await add(it.playout, -1, "well")
        await add(it.playout, 0, "one")
        it.playout.take_back(2, 0)
        it.playout.take_back(1, 0)
        it.playout.finish(1)
        await trio.sleep(3)
        assert it.playout.heard() == "well"


# --- the ears -------------------------------------------------------------------------------


@pytest.mark.parametrize("gated", [True, False])
def test_each_stretch_of_speech_is_heard_again(gated: bool) -> None:
    """In order and from its onset, each frame once; the pause between only where it is wanted."""
    ears = make()
    feed(ears, "." * 40 + "#" * 25 + "." * 40 + "#" * 10)
    assert ears.can_repeat
    with ears.listen(gated=gated) as sound:
        feed(ears, "#" * 5)
        items = drain(sound)
    edges = [item for item in items if not isinstance(item, Frame)]
    assert [type(edge) for edge in edges] == [Onset, Offset, Onset]
    times = [item.at_ms for item in items if isinstance(item, Frame)]
    assert times == sorted(set(times))
    assert abs(times[0] - (800 - Settings().preroll_ms)) <= 32
    assert times[-1] == 119 * 20
    longest = max(after - before for before, after in pairwise(times))
    assert (longest > 100) is gated


def test_what_was_understood_is_not_heard_again() -> None:
    """Neither speech that a finished transcript covers, nor the part of it that one does."""
    ears = make()
    feed(ears, "." * 20 + "#" * 25 + "." * 40 + "#" * 25)
    ears.understood_ms = 1900.0
    with ears.listen(gated=True) as sound:
        items = drain(sound)
    assert [type(item) for item in items if not isinstance(item, Frame)] == [Onset]
    assert next(item.at_ms for item in items if isinstance(item, Frame)) == 1900


def test_the_end_of_a_word_that_was_understood_is_not_heard_again() -> None:
    """Although it lies in the pre-roll of what comes after it."""
    ears = make()
    feed(ears, "." * 20 + "#" * 25 + "." * 20 + "#" * 25)
    (onset_ms,) = (one.onset_ms for one in ears._missed[1:])
    ears.understood_ms = onset_ms - 90
    with ears.listen(gated=True) as sound:
        items = drain(sound)
    first_ms = next(item.at_ms for item in items if isinstance(item, Frame))
    assert ears.understood_ms <= first_ms < ears.understood_ms + 20


def test_what_nobody_wants_to_hear_again_is_forgotten() -> None:
    """What was said before, and is over; what goes on is not."""
    ears = make()
    feed(ears, "." * 20 + "#" * 25 + "." * 40 + "#" * 25)
    ears.forget(5000.0)
    with ears.listen(gated=True) as sound:
        assert [type(item) for item in drain(sound) if not isinstance(item, Frame)] == [Onset]
    feed(ears, "." * 40)
    ears.forget(5000.0)
    assert not ears.can_repeat
    with ears.listen(gated=True) as sound:
        assert drain(sound) == []


def test_speech_that_is_longer_than_what_is_kept_cannot_be_heard_again_whole() -> None:
    """The last of it can, and is."""
    ears = make()
    feed(ears, "#" * (KEEP_MS // 20 + 50))
    assert not ears.can_repeat
    with ears.listen(gated=True) as sound:
        frames = [item for item in drain(sound) if isinstance(item, Frame)]
    size = sum(len(frame.mulaw) for frame in frames)
    assert KEEP_MS * 8 <= size < KEEP_MS * 8 + WINDOW_BYTES
    assert KEEP_MS + 980 <= frames[-1].at_ms < KEEP_MS + 1000
    ears.understood_ms = 2000.0
    assert ears.can_repeat


# --- whole calls ----------------------------------------------------------------------------


def noted(scenario: Scenario, kind: type[notes.Note]) -> list[str]:
    return [
        getattr(note, "provider", "") for note in simulate(scenario).notes() if type(note) is kind
    ]


def test_whenever_a_voice_fails_another_says_what_is_left() -> None:
    """And if nothing is left, nothing: nobody apologises for a voice that broke off when all was
    said, and only the language model did not know yet that it was. A sentence that broke off is
    said anew, whole."""
    usual = Scenario(
        says="The voice breaks off at some moment.",
        caller=[QUESTION],
        answers=[Answer(says="It left Memphis.", word_every=0.5)],
        spare=Spare(voice=Voice()),
        ends_at=8,
    )
    struck, changed = 0, 0
    for step in range(60, 240, 4):
        injection = Injection(step=step, does="lost", what="voice")
        trace = simulate(msgspec.structs.replace(usual, injections=[injection]))
        struck += bool(trace.injected)
        changed += any(isinstance(line.event, events.VoiceFailed) for line in trace.events())
        assert check_laws(trace) == []
        assert trace.end
        [answer] = [line.text for line in trace.end.history][2:]
        assert answer.endswith("It left Memphis.")
        assert "It left Memphis.".startswith(answer.removesuffix("It left Memphis.").strip())
    assert struck > changed > 0


@pytest.mark.parametrize("first_ms", [0.0, 0.8])
def test_who_was_late_in_a_race_counts_as_failed(first_ms: float) -> None:
    """Both that say nothing do, so that their breakers open."""
    stalls = [Answer(stalls=True)]
    scenario = Scenario(
        says="Two language models say nothing.",
        caller=[QUESTION],
        answers=[Answer(stalls=True, first_token=first_ms)],
        spare=Spare(answers=stalls),
        settings=Settings(mind_hedge_ms=300, first_token_ms=1000, acknowledge_ms=9000),
        ends_at=9,
    )
    with capture_logs() as logs:
        simulate(scenario)
    failed = [one["provider"] for one in logs if one["event"] == "provider_failed"]
    assert failed[:2] == ["first", "second"]


def test_a_voice_is_not_given_up_for_the_silence_of_the_mind() -> None:
    """It has as long for a clause that comes late as for any other."""
    scenario = Scenario(
        says="The language model writes slowly, and the voice takes a second for each clause.",
        caller=[QUESTION],
        answers=[Answer(says="It left. It is on its way. It comes on Friday.", word_every=0.7)],
        voice=Voice(first_byte=1.0),
        spare=Spare(voice=Voice()),
        wire=Wire(),
        ends_at=30,
    )
    assert set(noted(scenario, notes.VoiceRequested)) == {"first"}
