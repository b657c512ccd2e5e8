"""The judgement by words alone: is it a complete thought?"""

from __future__ import annotations

import pytest

from adapters.embedded.turn_detector import completeness

FIVE = "What is your five digit order number?"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Where is my parcel?", ""),
        ("I'd like to speak to customer support.", ""),
        ("yes", "Is that right?"),
        ("Nope.", "Is that right?"),
        ("Two, nine, three, four, zero.", FIVE),
        ("29340", FIVE),
        ("my number is two nine three four zero", FIVE),
        ("one seven", "I have two nine three. What are the remaining two digits?"),
        ("thursday", "Which day would you like?"),
        ("hello", ""),
    ],
)
def test_a_complete_thought_is_taken_up(words: str, asked: str) -> None:
    """Questions, answers, whole numbers and finished sentences score above the threshold."""
    assert completeness(words, asked) >= 0.5


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("I was driving down to", ""),
        ("my number is", FIVE),
        ("two nine three", FIVE),
        ("I want to change the", ""),
        ("it was um", ""),
        ("yes but", "Is that right?"),
        ("four two one,", FIVE),
        ("", ""),
    ],
)
def test_a_fragment_waits(words: str, asked: str) -> None:
    """What wants something after it scores below the threshold."""
    assert completeness(words, asked) < 0.5
