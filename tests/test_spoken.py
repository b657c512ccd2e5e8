"""What is written, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.embedded.number_words import cardinal, digits, ordinal, year
from adapters.embedded.spoken import spoken

SAID = {
    # numbers that name something
    "Order 29340 is here.": "Order two nine three four zero is here.",
    "order #29340": "order two nine three four zero",
    "order 293, please": "order two nine three, please",
    "#5": "number five",
    "No. 5": "number five",
    "No. I can't.": "No. I can't.",
    "the code 0420": "the code zero four two zero",
    "ending in 4321": "ending in four three two one",
    "AB-1234": "ay b one two three four",
    "call 555-1234": "call five five five, one two three four",
    "(555) 123-4567": "five five five, one two three, four five six seven",
    "123456789012": "one two three, four five six, seven eight nine, zero one two",
    # numbers that count something
    "20 boxes": "twenty boxes",
    "1,250 boxes": "one thousand two hundred fifty boxes",
    "1500 boxes": "fifteen hundred boxes",
    "3.5 lbs": "three point five pounds",
    "10kg": "ten kilograms",
    "2–3 days": "two to three days",
    "20% off": "twenty percent off",
    "a 5-day trip": "a five day trip",
    # money
    "$12.50": "twelve dollars and fifty cents",
    "$1 or $0.99": "one dollar or ninety nine cents",
    "$1,200.": "one thousand two hundred dollars.",
    "$20-$30": "twenty dollars to thirty dollars",
    "$5 million": "five million dollars",
    # times and dates
    "at 2:30 pm": "at two thirty p m",
    "It's 3:05 p.m. now.": "It's three oh five p m now.",
    "by 9am": "by nine ay m",
    "at 5 p.m.": "at five p m.",
    "2:00": "two o'clock",
    "9-11 am": "nine to eleven ay m",
    "the 21st": "the twenty first",
    "March 3, 2024": "March third, twenty twenty four",
    "Sept. 12": "September twelfth",
    "Maybe 5 of them": "Maybe five of them",
    "in 2007": "in two thousand seven",
    # abbreviations and initials
    "Dr. Smith on Elm Dr.": "Doctor Smith on Elm Drive.",
    "12 Main St., Apt. 4": "twelve Main Street, Apartment four",
    "in St. Louis": "in Saint Louis",
    "on Church St. The": "on Church Street. The",
    "Mr. and Mrs. Lee": "Mister and Missus Lee",
    "e.g. boots": "for example boots",
    "your ID": "your eye d",
    "UPS or DHL": "u p s or d h l",
    "ups and downs": "ups and downs",
    # addresses
    "jo.doe@example.com": "jo dot doe at example dot com",
    "www.example.com/track": "example dot com slash track",
    # what is only to be looked at
    "**Bold**, _it_ and `code`": "Bold, it and code",
    "# Head\n- one\n- two": "Head. one. two",
    "[Track it](https://example.com)": "Track it",
    "Great 😀👍🏽!": "Great!",
    "Fish & chips": "Fish and chips",
    "One — two": "One, two",
    "wait... what?!": "wait, what?",
    "(about two days)": "about two days,",
    "don’t": "don't",
    "😀": "",
    "...": "",
}


@pytest.mark.parametrize(("written", "said"), SAID.items())
def test_it_is_said_as_people_say_it(written: str, said: str) -> None:
    """One line for each kind of thing that a telephone agent writes."""
    assert spoken(written) == said


@given(st.text())
def test_only_words_and_pauses_are_left(text: str) -> None:
    """Whatever is written, the voice gets letters, apostrophes and its own punctuation."""
    said = spoken(text)
    assert all(c.isalpha() or c in " '.,?!;:" for c in said)
    assert said == " ".join(said.split())


@given(st.text(alphabet="0123456789.,:-$#%/apmAPMstrd ()"))
def test_no_figure_is_left(text: str) -> None:
    """Numbers in any mixture with the signs around them come out as words."""
    assert not any(c.isdecimal() for c in spoken(text))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (342, "three hundred forty two"),
        (1_000_001, "one million one"),
    ],
)
def test_cardinals(number: int, words: str) -> None:
    """Amounts, the American way: without an "and"."""
    assert cardinal(number) == words


def test_a_negative_amount_is_refused() -> None:
    """A minus sign is for the caller of the function to say."""
    with pytest.raises(ValueError, match="negative"):
        cardinal(-1)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "first"),
        (12, "twelfth"),
        (20, "twentieth"),
        (23, "twenty third"),
        (100, "one hundredth"),
    ],
)
def test_ordinals(number: int, words: str) -> None:
    """Only the last word is changed."""
    assert ordinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1900, "nineteen hundred"),
        (1905, "nineteen oh five"),
        (1999, "nineteen ninety nine"),
        (2000, "two thousand"),
        (2024, "twenty twenty four"),
    ],
)
def test_years(number: int, words: str) -> None:
    """Two and two, but for the round ones."""
    assert year(number) == words


def test_long_numbers_are_grouped() -> None:
    """From seven digits on, in threes, the last group of up to four."""
    assert digits("123456") == "one two three four five six"
    assert digits("1234567") == "one two three, four five six seven"
    assert digits("12345678") == "one two three, four five six, seven eight"
