"""The judgement by words alone: is it a complete thought?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.embedded.turn_detector import WordsTurnDetector, completeness
from states.endpointing import Habits, Judgement, is_complete, pause_ms
from states.settings import Settings

THRESHOLD = Settings().complete_threshold
HERE = Path(__file__).parent
FIVE = "What is your five digit order number?"
PHONE = "What is the best phone number to reach you?"
BIRTH = "Thanks. What is your date of birth?"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a caller said before a pause, what they had been asked, and whether they were done."""

    words: str
    asked: str
    done: bool


def endings(name: str) -> Iterator[Ending]:
    """The labelled examples of a file."""
    asked = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        label, _, text = line.partition(">")
        if label == "asked":
            asked = text.strip()
        else:
            assert label in ("complete", "fragment"), line
            yield Ending(text.strip(), asked, label == "complete")


@pytest.mark.parametrize(
    ("name", "at_least"), [("turn_endings.txt", 0.98), ("turn_endings_held_out.txt", 0.9)]
)
def test_most_pauses_are_judged_right(name: str, at_least: float) -> None:
    """Of the examples the detector was tuned on, and of those it was not, so many come out on
    the right side of the threshold."""
    examples = list(endings(name))
    wrong = [
        example
        for example in examples
        if (completeness(example.words, example.asked) >= THRESHOLD) != example.done
    ]
    assert len(wrong) <= (1 - at_least) * len(examples), wrong


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Where is my parcel?", ""),
        ("where is my parcel", ""),
        ("I want to call it off", ""),
        ("who is it from", ""),
        ("yes", "Is that right?"),
        ("Nope.", "Is that right?"),
        ("Two, nine, three, four, zero.", FIVE),
        ("29340", FIVE),
        ("my number is two nine three four zero", FIVE),
        ("one seven", "I have two nine three. What are the remaining two digits?"),
        ("plus one five five five one two three four five six seven", PHONE),
        ("March third nineteen eighty four", BIRTH),
        ("thursday", "Which day would you like?"),
        ("because I won't be home", "Why do you want to change it?"),
        ("hello", ""),
    ],
)
def test_a_complete_thought_is_taken_up(words: str, asked: str) -> None:
    """Questions, answers, whole numbers and finished sentences reach the threshold."""
    assert completeness(words, asked) >= THRESHOLD


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("I was driving down to", ""),
        ("I was driving down", ""),
        ("my number is", FIVE),
        ("two nine three", FIVE),
        ("my number is four two one.", ""),
        ("my number is four two one.", PHONE),
        ("March third", BIRTH),
        ("S M I T H", "Could you spell your last name?"),
        ("if I change it to Monday", ""),
        ("because the driver", ""),
        ("I want to, no wait", ""),
        ("hi, I was wondering", ""),
        ("it was um", ""),
        ("yes but", "Is that right?"),
        ("four two one,", FIVE),
        ("", ""),
    ],
)
def test_a_fragment_waits(words: str, asked: str) -> None:
    """What wants something after it stays below the threshold."""
    assert completeness(words, asked) < THRESHOLD


HELP = "Hello, this is the parcel desk. How can I help?"
WHICH = "I can change the day, or hold the parcel. Which would you like?"
ELSE = "All right. Is there anything else I can do?"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Hello.", HELP),
        ("hi there", HELP),
        ("Yes.", HELP),
        ("Thanks.", WHICH),
        ("No,", WHICH),
        ("No.", ELSE),
        ("No.", "Is that right?"),
        ("Thank you.", ELSE),
    ],
)
def test_words_that_often_open_a_turn_wait_even_after_a_falling_voice(
    words: str, asked: str
) -> None:
    """A caller who says "no" to an offer, or "thanks", mostly goes on ("no, thank you"): they are
    given longer than after a complete thought, and less long than after a fragment."""
    judgement = Judgement(completeness(words, asked), "falling")
    assert not is_complete(judgement, Settings())
    assert Settings().complete_silence_ms < pause_ms(judgement, Habits(), Settings()) < 500


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Yes.", "Are you still there?"),
        ("Hello.", "Are you still there?"),
        ("Nope.", "Shall I try again?"),
        ("Sorry?", WHICH),
        ("Hello?", HELP),
        ("Yes, please.", WHICH),
        ("No, thank you.", ELSE),
        ("Thanks, goodbye.", ELSE),
        ("Thank you very much.", ELSE),
    ],
)
def test_the_same_words_are_taken_up_where_they_are_the_answer(words: str, asked: str) -> None:
    """A yes that was asked for, a question back, and thanks with more to them are whole."""
    assert completeness(words, asked) >= THRESHOLD


def test_one_digit_put_right_is_complete_whatever_was_asked() -> None:
    """Whoever corrects the last digit does not owe the other four."""
    asked = "I cannot find it. Could you say the five digits again?"
    assert completeness("the last digit is zero", asked) >= THRESHOLD
    assert completeness("no the second number was a four", asked) >= THRESHOLD
    assert completeness("the last digit is", asked) < THRESHOLD


def test_the_question_that_was_asked_last_counts() -> None:
    """A number named before the question is not the length of the answer to it."""
    asked = "I found your five digit order number. What is the three digit code on the back?"
    assert completeness("four two one", asked) >= THRESHOLD
    assert completeness("four two", asked) < THRESHOLD


def test_a_short_number_waits_longer_than_one_of_unknown_length() -> None:
    """Digits that are known to be missing score below digits that may be all."""
    assert completeness("two nine three", FIVE) < completeness("two nine three", "")


@given(st.text(), st.text())
def test_any_text_has_a_score(words: str, asked: str) -> None:
    """Whatever was said and asked, the score is a probability."""
    assert 0.0 <= completeness(words, asked) <= 1.0


async def test_the_port_gives_the_same_score() -> None:
    """The provider adds nothing to the judgement."""
    async with WordsTurnDetector() as detector:
        assert await detector.completeness("yes", "Is it?") == completeness("yes", "Is it?")
