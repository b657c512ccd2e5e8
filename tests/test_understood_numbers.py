"""Order numbers, as callers say them and recognisers write them down, and their corrections."""

from __future__ import annotations

import pytest

from adapters.embedded.spoken_numbers import Fix
from adapters.embedded.understanding import understand

WHOLE_NUMBERS = [
    "two nine three four zero",
    "Two nine three four zero.",
    "29340",
    "29340.",
    "2-9-3-4-0",
    "2, 9, 3, 4, 0.",
    "2 9 3 4 0",
    "29, 340",
    "29,340",
    "29 34 0",
    "2934O",
    "293 4o",
    "#29340",
    "two nine three four oh",
    "two nine three four o",
    "two nine three for zero",
    "to nine three four zero",
    "too nine three for oh",
    "Q nine three four zero.",
    "Q9340.",
    "two nine tree four zero",
    "twenty nine three forty",
    "Twenty-nine, three-forty.",
    "twenty nine three four zero",
    "two ninety three forty",
    "two nine three hundred and forty",
    "twenty nine thousand three hundred forty",
    "two nine uh three um four zero",
    "two nine three, and then four zero",
    "it's two nine three four zero",
    "My order number is two nine three four zero, please.",
    "my number is to nine three four zero",
    "order no. 29340",
    "yes, it's 29340",
    "oh, two nine three four zero",
    "Hi, I'm calling about order 29340",
    "can you look up two nine three four zero for me",
    "two nine three four five, sorry, two nine three four zero",
    "two nine three four five, no, zero",
    "two nine three five, I mean four zero",
    "two nine three four zero, two nine three four zero",
    "two nine three, the rest is four zero",
    "it's two nine three four zero, not two nine three five zero",
]

DIGITS = [  # words, how many digits are awaited, digits
    ("four double two one three", 5, "42213"),
    ("double four one seven three", 5, "44173"),
    ("one triple zero two", 5, "10002"),
    ("double oh seven one one", 5, "00711"),
    ("for to one seven three", 5, "42173"),
    ("won ate too six for", 5, "18264"),
    ("ate five for one six", 5, "85416"),
    ("my number is four two one ... uh seven three", 5, "42173"),
    ("four two one for you", 5, "421"),
    ("two nine three", 5, "293"),
    ("It starts with two nine.", 5, "29"),
    ("seven", 5, "7"),
    ("the number is seven", 5, "7"),
    ("four zero", 2, "40"),
    ("for oh", 2, "40"),
    ("for zero", 2, "40"),
    ("I think it is four zero", 2, "40"),
    ("oh", 1, "0"),
    ("zero", 1, "0"),
    ("ate", 1, "8"),
    ("it's a two", 1, "2"),
    ("and the last digit is zero", 1, "0"),
    ("seven three zero five two nine one eight four six", 5, "7305291846"),
    ("six zero three seven one", 5, "60371"),
    ("nine oh six three seven", 5, "90637"),
    ("9 0 6 3 7", 0, "90637"),
    ("twelve thirty four five", 5, "12345"),
]

NO_DIGITS = [  # words in which nothing is an order number
    "I'd like to speak to customer support.",
    "one moment please",
    "I have one question",
    "to",
    "oh",
    "Oh, for me too",
    "two people",
    "ten of clubs",
    "two thirty pm",
    "2:30 p.m.",
    "two weeks ago",
    "it has been 10 days",
    "half an hour",
    "not five",
    "no one is here for it",
]

FIXES = [
    ("no, nine not five", Fix("9", "5")),
    ("No. Nine, not five.", Fix("9", "5")),
    ("it's a nine, not a five", Fix("9", "5")),
    ("nine instead of five", Fix("9", "5")),
    ("not five but nine", Fix("9", "5")),
    ("no, not five, nine", Fix("9", "5")),
    ("it's four one, not four two", Fix("41", "42")),
]


@pytest.mark.parametrize("words", WHOLE_NUMBERS)
def test_an_order_number_is_found_in_every_shape_it_is_spoken_in(words: str) -> None:
    """However a caller says 29340 and a recogniser writes it, it is 29340."""
    assert understand(words).digits == "29340"


@pytest.mark.parametrize(("words", "awaited", "digits"), DIGITS)
def test_digits_and_pieces_of_numbers(words: str, awaited: int, digits: str) -> None:
    """Pieces, repeated digits and words that sound like digits, as far as the context says so."""
    assert understand(words, awaited=awaited).digits == digits


@pytest.mark.parametrize("words", NO_DIGITS)
def test_numbers_that_are_not_order_numbers(words: str) -> None:
    """Counts, times and words that sound like digits elsewhere give no digits."""
    assert understand(words).digits == ""


@pytest.mark.parametrize(("words", "fix"), FIXES)
def test_a_correction_says_what_takes_the_place_of_what(words: str, fix: Fix) -> None:
    """ "Nine, not five" is a correction, and its digits are not an order number."""
    meaning = understand(words)
    assert meaning.fix == fix
    assert meaning.digits == ""


def test_the_last_digits_of_a_known_number_can_be_corrected() -> None:
    """ "The last digit is one" corrects a whole number, but goes on with an unfinished one."""
    assert understand("the last digit is one", awaited=0).fix == Fix("1")
    assert understand("the last digit is one", awaited=1).digits == "1"
    assert Fix("1").applied_to("29340") == "29341"


@pytest.mark.parametrize(
    ("fix", "number", "fixed"),
    [
        (Fix("9", "5"), "25340", "29340"),
        (Fix("9", "5"), "55340", ""),
        (Fix("9", "5"), "12340", ""),
        (Fix("41", "42"), "42173", "41173"),
        (Fix("0"), "29341", "29340"),
        (Fix("0"), "", ""),
    ],
)
def test_a_correction_applies_only_where_it_is_clear(fix: Fix, number: str, fixed: str) -> None:
    """A digit that occurs twice, or not at all, is not guessed at."""
    assert fix.applied_to(number) == fixed
