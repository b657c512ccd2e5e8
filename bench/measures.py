"""What is derived from a call: pure functions of what was recorded of it.

Times are in seconds of the call, as its telephone counted them, unless a name says otherwise.
A caller's utterance truly begins and ends where its recording does (they are cut so).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.carriers.whole_frames import FRAME_MS
from adapters.twilio.recording import Stretch
from states import mulaw
from states.call import Line

YIELD_WITHIN_S = 1.0
"""A clear that comes later than this after an interruption's end is none of its doing."""

PAUSE_MS = 200
"""Silence of this length ends a reply; the pauses between its words are shorter."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One utterance of the caller and what reached the telephone after it.

    ``audio_s`` is the first agent audio after its end, before the next utterance began, None if
    there was none; ``clear_s`` the first clear after its beginning, if it came in time.
    """

    said: Stretch
    audio_s: float | None
    clear_s: float | None

    @property
    def latency_ms(self) -> float | None:
        """From the true end of speech to the first audio."""
        return None if self.audio_s is None else (self.audio_s - self.said.end_s) * 1000

    def yielded_ms(self, barge_in_ms: float) -> float | None:
        """From the true onset to the clear, beyond the barge-in time."""
        if self.clear_s is None:
            return None
        return (self.clear_s - self.said.start_s) * 1000 - barge_in_ms


def first_from(times: Sequence[float], start_s: float, end_s: float) -> float | None:
    """The first of these rising times in an interval, if there is one."""
    index = bisect_left(times, start_s)
    return times[index] if index < len(times) and times[index] < end_s else None


def answers(
    said: Sequence[Stretch], audio: Sequence[float], clears: Sequence[float]
) -> list[Answered]:
    """What came of each utterance; ``audio`` and ``clears`` are arrivals, in order."""
    ends = [stretch.start_s for stretch in said[1:]] + [float("inf")]
    return [
        Answered(
            stretch,
            first_from(audio, stretch.end_s, next_s),
            first_from(clears, stretch.start_s, min(stretch.end_s + YIELD_WITHIN_S, next_s)),
        )
        for stretch, next_s in zip(said, ends, strict=True)
    ]


def added_ms(real: Sequence[float | None], ideal: Sequence[float | None]) -> list[float]:
    """By how much each moment of the real call was later than in the call that cost nothing.
    Moments that only one of them has are left out."""
    return [
        (at - should) * 1000
        for at, should in zip(real, ideal, strict=True)
        if at is not None and should is not None
    ]


# --- what was heard -------------------------------------------------------------------------


def played_replies(agent: bytes) -> list[bytes]:
    """The replies in a recording of what was played: its sound, cut at pauses."""
    pause = mulaw.SILENCE * (PAUSE_MS * mulaw.BYTES_PER_MS)
    pieces = (piece.strip(mulaw.SILENCE) for piece in agent.split(pause))
    return [piece for piece in pieces if piece]


def letters_played(audio: bytes, letter_ms: int) -> float:
    """How many letters of spelt speech were played: the last one may be cut."""
    sound = len(audio) - audio.count(mulaw.SILENCE)
    return sound / (letter_ms * mulaw.BYTES_PER_MS)


def words_begun(text: str, letters: float) -> tuple[int, int]:
    """Of a text of which so many letters were played: how many words were played to their end,
    and how many had begun."""
    whole = begun = reached = 0
    for word in text.split():
        begun += letters > reached
        reached += len(word)
        whole += letters >= reached
    return whole, begun


@dataclass(frozen=True, slots=True)
class Remembered:
    """An interrupted reply: how many of its words the history has; how many were played to
    their end, without and with the frame that was playing when the clear came (which nothing
    can take back); and how many had begun."""

    kept: int
    fewest: int
    whole: int
    begun: int

    @property
    def exact(self) -> bool:
        """The history has the words that were played to their end, and no other."""
        return self.fewest <= self.kept <= self.whole

    @property
    def true(self) -> bool:
        """The same, leaving open the word that the cut fell into, or came right after."""
        return self.whole - 1 <= self.kept <= self.begun


def remembered(
    replies: Sequence[bytes], history: Sequence[Line], text: str, letter_ms: int
) -> list[Remembered]:
    """Compare what was played of each interrupted reply with what the history says of it.

    ``replies`` are all that were played. Those that begin as ``text`` does (no other reply
    does) and stop before its end were interrupted; they belong, in order, to the history's
    interrupted lines. One that has no line there counts as forgotten.
    """
    first, whole = text.encode()[0], len(text.replace(" ", ""))
    played = [letters_played(audio, letter_ms) for audio in replies if audio[0] == first]
    cut = [letters for letters in played if letters < whole - 0.5]
    lines = [line.text for line in history if line.role == "agent" and line.interrupted]
    lines += [""] * (len(cut) - len(lines))
    frame = FRAME_MS / letter_ms
    return [
        Remembered(
            words_kept(line, text),
            words_begun(text, letters - frame)[0],
            *words_begun(text, letters),
        )
        for line, letters in zip(lines, cut, strict=False)
    ]


def words_kept(line: str, text: str) -> int:
    """How many words of a text the history's line has; one more than there are, if it is not
    the beginning of that text."""
    is_beginning = text.split()[: len(line.split())] == line.split()
    return len(line.split()) if is_beginning else len(text.split()) + 1
