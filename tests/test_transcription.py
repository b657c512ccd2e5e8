"""One caller's transcription: when it decodes what, what it reports, and what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from adapters.embedded.moonshine import Hypothesis
from adapters.recognition.segment import LONGEST_MS
from adapters.recognition.transcription import FINALS_AT_ONCE, Transcription
from effects.ports import Frame, Heard, Offset, Onset, ProviderLost, Sound
from states import mulaw

FRAME_MS = 20
VOICE = b"\x20" * (FRAME_MS * mulaw.BYTES_PER_MS)
SENTENCE = "my number is two nine three four zero and I am waiting for it".split()
WORD_MS = 300


def certain(text: str, *, tokens: Sequence[int] = ()) -> Hypothesis:
    return Hypothesis(text, tuple(tokens), confidence=0.9, complete=True)


def sentence_so_far(audio_ms: float) -> Hypothesis:
    """One more word for each 300 ms of audio, the last one still half heard."""
    words = SENTENCE[: int(audio_ms // WORD_MS)]
    return certain(" ".join([*words, f"half{audio_ms:.0f}"]), tokens=[len(words)])


@dataclass
class ScriptedDecoder:
    """Decodes what a test says, in virtual time, and remembers what it was asked."""

    hypothesis: Callable[[float], Hypothesis] = sentence_so_far
    takes_ms: float = 40
    busy: bool = False
    asked_ms: list[float] = field(default_factory=list)
    before: list[Hypothesis | None] = field(default_factory=list)
    at_work: int = 0
    most_at_work: int = 0

    def idle(self) -> bool:
        return not self.busy

    async def decode(self, mulaw: bytes, before: Hypothesis | None) -> Hypothesis:
        self.asked_ms.append(len(mulaw) / 8)
        self.before.append(before)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await trio.sleep(self.takes_ms / 1000)
        finally:
            self.at_work -= 1
        return self.hypothesis(len(mulaw) / 8)


@dataclass
class Heardings:
    """What was reported, and when (in milliseconds of virtual time)."""

    reports: list[tuple[float, Heard]] = field(default_factory=list)

    def __call__(self, heard: Heard) -> None:
        self.reports.append((round(trio.current_time() * 1000), heard))

    @property
    def partials(self) -> list[str]:
        return [heard.text for _, heard in self.reports if not heard.final]

    @property
    def finals(self) -> list[tuple[float, int, str]]:
        return [(at_ms, heard.segment, heard.text) for at_ms, heard in self.reports if heard.final]


def frames(from_ms: float, to_ms: float) -> list[tuple[float, Sound]]:
    """Frames of sound, each with the time it comes in."""
    starts = np.arange(from_ms, to_ms, FRAME_MS)
    return [(start + FRAME_MS, Frame(VOICE, float(start))) for start in starts]


def utterance(onset_ms: float, voice_ms: float) -> list[tuple[float, Sound]]:
    """Speech as the ears pass it on: pre-roll of 300 ms, and an Offset after 200 ms of quiet."""
    known_ms, end_ms = onset_ms + 60, onset_ms + voice_ms
    preroll = [(known_ms, frame) for _, frame in frames(onset_ms - 300, known_ms)]
    rest = frames(known_ms, end_ms + 200)
    return [(known_ms, Onset(onset_ms)), *preroll, *rest, (end_ms + 200, Offset(end_ms))]


async def transcribe(decoder: ScriptedDecoder, sounds: Iterable[tuple[float, Sound]]) -> Heardings:
    """Play sounds at their times; what was heard when all is over."""
    heard = Heardings()
    send, receive = trio.open_memory_channel[Sound](1000)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Transcription(decoder, heard).run, receive)
        async with send:
            for at_ms, sound in sounds:
                await trio.sleep_until(start + at_ms / 1000)
                await send.send(sound)
            await trio.sleep(5)
    return heard


async def test_words_come_while_the_caller_speaks(autojump_clock: MockClock) -> None:
    """Partials grow by agreed words only; the final text comes with the Offset."""
    decoder = ScriptedDecoder()
    heard = await transcribe(decoder, utterance(1000, 2000))
    assert len(heard.partials) > 3
    for shorter, longer in pairwise(heard.partials):
        assert longer.startswith(shorter)
    assert "half" not in " ".join(heard.partials)
    assert heard.reports[0][0] < 2000
    assert heard.finals == [(3240, 0, sentence_so_far(2500).text)]
    assert heard.reports[-1][1].through_ms == 3200


async def test_each_decode_is_given_the_words_of_the_last(autojump_clock: MockClock) -> None:
    """So that it need not find them again."""
    decoder = ScriptedDecoder()
    await transcribe(decoder, utterance(1000, 2000))
    assert decoder.before[0] is None
    for before, asked_ms in zip(decoder.before[1:], decoder.asked_ms, strict=False):
        assert before == sentence_so_far(asked_ms)


async def test_a_decode_that_read_to_the_end_is_the_final_one(autojump_clock: MockClock) -> None:
    """The Offset finds it done: the final text comes at that moment, without another decode."""
    decoder = ScriptedDecoder(takes_ms=1)
    # Decodes begin every 200 ms from the onset; one of them just before the Offset.
    heard = await transcribe(decoder, utterance(1000, 1240))
    assert heard.finals[0][0] == 2440
    assert decoder.asked_ms[-1] == 300 + 1240 + 200 - 40


async def test_a_decode_that_is_reading_the_end_is_awaited(autojump_clock: MockClock) -> None:
    """Still at work at the Offset, but on all that matters: it is not begun again."""
    decoder = ScriptedDecoder(takes_ms=150)
    heard = await transcribe(decoder, utterance(1000, 1240))
    assert heard.finals[0][0] == 2400 + 150
    assert decoder.asked_ms[-1] == 300 + 1240 + 200 - 40


async def test_an_overtaken_decode_is_called_off(autojump_clock: MockClock) -> None:
    """The final decode does not wait for a partial one that lacks the end of the speech, and
    what that one would find is not reported any more."""
    decoder = ScriptedDecoder(takes_ms=350)
    heard = await transcribe(decoder, utterance(1000, 1600))
    offset_ms = 2800
    assert decoder.most_at_work == 2
    assert heard.finals == [(offset_ms + 350, 0, sentence_so_far(2100).text)]
    assert [at_ms for at_ms, words in heard.reports if not words.final and at_ms > offset_ms] == []
    assert heard.partials


async def test_the_newest_audio_wins(autojump_clock: MockClock) -> None:
    """A slow decoder is not given a queue of work: one decode at a time, each of all audio, and
    idle for as long as each took."""
    decoder = ScriptedDecoder(takes_ms=700)
    await transcribe(decoder, utterance(1000, 3000))
    partials = decoder.asked_ms[:-1]
    assert len(partials) == 3
    assert all(later - earlier == 1400 for earlier, later in pairwise(partials))
    assert decoder.most_at_work == 2  # the last partial, called off, and the final one


async def test_a_slow_decoder_is_left_alone_in_short_speech(autojump_clock: MockClock) -> None:
    """Once it is known that a decode would not be over in time none is begun, and no thread is
    at work for nothing when the final one is wanted."""
    decoder = ScriptedDecoder(takes_ms=700)
    heard = await transcribe(decoder, [*utterance(1000, 800), *utterance(4000, 800)])
    assert decoder.asked_ms == [500, 1300, 1300]
    assert [at_ms for at_ms, _, _ in heard.finals] == [2000 + 700, 5000 + 700]


async def test_a_busy_process_still_finishes(autojump_clock: MockClock) -> None:
    """Without a free thread partials are left out; the final text never is."""
    decoder = ScriptedDecoder(busy=True)
    heard = await transcribe(decoder, utterance(1000, 2000))
    assert decoder.asked_ms == [2500]
    assert len(heard.reports) == 1


async def test_long_segments_are_decoded_less_often(autojump_clock: MockClock) -> None:
    """After ten seconds a decode follows each further second, not each 200 ms."""
    decoder = ScriptedDecoder()
    await transcribe(decoder, utterance(1000, 15_000))
    assert len([ms for ms in decoder.asked_ms if 10_000 < ms < 15_000]) <= 5


async def test_silence_is_never_decoded(autojump_clock: MockClock) -> None:
    """Sound without an Onset is no segment: nothing is decoded and nothing reported."""
    decoder = ScriptedDecoder()
    heard = await transcribe(decoder, [*frames(0, 3000), (3000, Offset(3000))])
    assert decoder.asked_ms == []
    assert heard.reports == []


async def test_noise_gives_an_empty_final_text(autojump_clock: MockClock) -> None:
    """The engine needs to know that the decode is done, also when there were no words."""
    decoder = ScriptedDecoder(lambda _: Hypothesis("Uh", (), 0.5, complete=True))
    heard = await transcribe(decoder, utterance(1000, 120))
    assert [heard.text for _, heard in heard.reports] == [""]


async def test_a_decoder_that_cannot_keep_up_is_given_no_more(autojump_clock: MockClock) -> None:
    """With too many final texts still to come no sound is taken in: the queue that it comes from
    is bounded and counts what it drops, ours would not be."""
    decoder = ScriptedDecoder(takes_ms=60_000)
    send, receive = trio.open_memory_channel[Sound](10_000)
    segments = FINALS_AT_ONCE + 2
    for number in range(segments):
        for _, sound in utterance(1000 + 2000 * number, 400):
            send.send_nowait(sound)
    send.close()
    heard = Heardings()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Transcription(decoder, heard).run, receive)
        await trio.sleep(30)
        assert receive.statistics().current_buffer_used > 0
        assert decoder.most_at_work == FINALS_AT_ONCE + 1  # and a partial one
    assert sorted(segment for _, segment, _ in heard.finals) == list(range(segments))


async def test_segments_overlap_without_harm(autojump_clock: MockClock) -> None:
    """Speech that begins while the last segment's final decode runs is a segment of its own."""
    decoder = ScriptedDecoder(takes_ms=600)
    first, second = utterance(1000, 400), utterance(1700, 400)
    heard = await transcribe(decoder, [*first, *second])
    assert [(at_ms, segment) for at_ms, segment, _ in heard.finals] == [(2200, 0), (2900, 1)]


async def test_no_word_is_heard_twice(autojump_clock: MockClock) -> None:
    """Pre-roll that reaches back into speech that was reported already is left out."""
    decoder = ScriptedDecoder()
    await transcribe(decoder, [*utterance(1000, 400), *utterance(1620, 400)])
    # The first segment's speech ended at 1400 and its Offset came at 1600; the second's pre-roll
    # begins at 1320, its sound ends at 2220.
    assert decoder.asked_ms[-1] == 2220 - 1400


async def test_endless_speech_is_cut(autojump_clock: MockClock) -> None:
    """A segment has a longest length; what is said after it is the next segment."""
    decoder = ScriptedDecoder()
    heard = await transcribe(decoder, utterance(1000, LONGEST_MS * 1.5))
    assert [segment for _, segment, _ in heard.finals] == [0, 1]
    assert max(decoder.asked_ms) <= LONGEST_MS


async def test_a_cut_at_the_very_end_leaves_nothing_to_decode(autojump_clock: MockClock) -> None:
    """The new segment ends before it has any audio: its final text is empty."""
    sounds = [(300.0, Onset(300)), *frames(0, LONGEST_MS), (LONGEST_MS + 1.0, Offset(LONGEST_MS))]
    decoder = ScriptedDecoder()
    heard = await transcribe(decoder, sounds)
    assert {segment: text == "" for _, segment, text in heard.finals} == {0: False, 1: True}
    assert min(decoder.asked_ms) > 0


async def test_a_decode_in_circles_proves_nothing(autojump_clock: MockClock) -> None:
    """When the decoder never came to an end, the words agreed on before are the final text."""

    def hypothesis(audio_ms: float) -> Hypothesis:
        if audio_ms < 1500:
            return certain("track my parcel please")
        return Hypothesis("parcel parcel parcel", (), 0.9, complete=False)

    heard = await transcribe(ScriptedDecoder(hypothesis), utterance(1000, 2000))
    assert heard.partials == ["track my parcel please"]
    assert heard.finals[0][2] == "track my parcel please"


async def test_the_last_words_are_reported_when_the_sound_ends(autojump_clock: MockClock) -> None:
    """Without an Offset, too: then the speech ends where the sound does."""
    heard = await transcribe(ScriptedDecoder(), utterance(1000, 1000)[:-1])
    assert [text for _, _, text in heard.finals] == [sentence_so_far(1500).text]


async def test_a_failing_model_ends_the_transcription(autojump_clock: MockClock) -> None:
    """The provider's error comes out as it is, not wrapped in a group."""

    def fail(_: float) -> Hypothesis:
        raise ProviderLost("gone")

    send, receive = trio.open_memory_channel[Sound](1000)
    for _, sound in utterance(1000, 1000):
        send.send_nowait(sound)
    with pytest.raises(ProviderLost, match="gone"):
        await Transcription(ScriptedDecoder(fail), Heardings()).run(receive)
