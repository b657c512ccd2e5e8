"""What is written, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effects.number_words import cardinal, digits, ordinal, year
from effects.ports import Clause, Word
from effects.spoken import clause_of, spoken, words_of

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
    "AB-1234": "A B one two three four",
    "call 555-1234": "call five five five, one two three four",
    "(555) 123-4567": "five five five, one two three, four five six seven",
    "123456789012": "one two three, four five six, seven eight nine, zero one two",
    "A-4711": "A four seven one one",
    "order ORD-123.45": "order O R D one two three dot four five",
    "your order 4711": "your order four seven one one",
    "+1 555 123 4567": "plus one, five five five, one two three, four five six seven",
    "1-800-555-0199": "one, eight zero zero, five five five, zero one nine nine",
    "4111 1111 1111 1111": "four one one one, one one one one, one one one one, one one one one",
    # numbers that count something
    "20 boxes": "twenty boxes",
    "1,250 boxes": "one thousand two hundred fifty boxes",
    "1500 boxes": "fifteen hundred boxes",
    "3.5 lbs": "three point five pounds",
    "10kg": "ten kilograms",
    "2–3 days": "two to three days",
    "20% off": "twenty percent off",
    "a 5-day trip": "a five day trip",
    "1 lb or 2 lbs. of it": "one pound or two pounds of it",
    "50 km/h": "fifty kilometers per hour",
    "-5°C": "minus five degrees Celsius",
    "1,250.50": "one thousand two hundred fifty point five zero",
    "50000 boxes": "fifty thousand boxes",
    "2½ cups or 3/4": "two and one half cups or three quarters",
    "25%-30%": "twenty five percent to thirty percent",
    "v1.2.3": "v one point two point three",
    "the 1990s": "the nineteen nineties",
    "~5 miles": "about five miles",
    "3 * 4": "three times four",
    "a < b": "a less than b",
    # money
    "$12.50": "twelve dollars and fifty cents",
    "$1 or $0.99": "one dollar or ninety nine cents",
    "$1,200.": "one thousand two hundred dollars.",
    "$20-$30": "twenty dollars to thirty dollars",
    "$5 million": "five million dollars",
    "$1,250.50": "one thousand two hundred fifty dollars and fifty cents",
    "$1.5 million": "one point five million dollars",
    "50€ or £3.01": "fifty euros or three pounds and one penny",
    "$12.50/month": "twelve dollars and fifty cents per month",
    # times and dates
    "at 2:30 pm": "at two thirty P M",
    "It's 3:05 p.m. now.": "It's three oh five P M now.",
    "by 9am": "by nine A M",
    "at 5 p.m.": "at five P M.",
    "2:00": "two o'clock",
    "14:05": "fourteen oh five",
    "7am-9pm": "seven A M to nine P M",
    "Mon-Fri": "Monday to Friday",
    "2026-11-21": "November twenty first, twenty twenty six",
    "11/21": "November twenty first",
    "11/21/2026.": "November twenty first, twenty twenty six.",
    "24/7": "twenty four seven",
    "Nov 3rd": "November third",
    "Nov. 3, 2026": "November third, twenty twenty six",
    "21st of November": "twenty first of November",
    "9-11 am": "nine to eleven A M",
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
    "your ID": "your I D",
    "UPS or DHL": "U P S or D H L",
    "ups and downs": "ups and downs",
    "the U.S. Mail": "the U S Mail",
    "J. R. Smith": "J R Smith",
    "So do I. Then": "So do I. Then",
    "NASA": "NASA",
    # addresses
    "jo.doe@example.com": "jo dot doe at example dot com",
    "www.example.com/track": "example dot com slash track",
    "bob@dhl.io": "bob at D H L dot I O",
    "https://example.com/a?b=5.": "example dot com slash a question mark b equals five.",
    # keys of a telephone
    "press * or #.": "press star or pound.",
    # what is only to be looked at
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order 4711 at 2:30 pm.",
         [("order", "order"), ("4711", "four seven one one"), ("at", "at"),
          ("2:30", "two thirty"), ("pm.", "P M.")]),
        ("$5 million now", [("$5 million", "five million dollars"), ("now", "now")]),
        ("Nov. 3, 2026",
         [("Nov.", "November"), ("3,", "third,"), ("2026", "twenty twenty six")]),
        ("yes — (or so)", [("yes —", "yes,"), ("(or", "or"), ("so)", "so,")]),
        ("- hm 😀", [("- hm 😀", "hm")]),
        ("...", []),
    ],
)  # fmt: skip
def test_each_written_word_keeps_what_it_became(text: str, words: list[tuple[str, str]]) -> None:
    """Word for word where it can be; what is said as one, or not at all, goes together."""
    assert [(word.written, word.spoken) for word in words_of(text)] == words


@given(st.text())
def test_the_two_sides_are_the_whole(text: str) -> None:
    """Put together again, the written words are the text, and each of them says something."""
    words = words_of(text)
    if words:
        assert " ".join(word.written for word in words) == " ".join(text.split())
    assert all(word.spoken for word in words)
    assert " ".join(word.spoken for word in words) == spoken(text)


def test_a_clause_holds_both() -> None:
    """History gets the text, the voice what is spoken."""
    clause = clause_of(2, " at  5 ", "key")
    assert clause == Clause(2, "at 5", (Word("at", "at"), Word("5", "five")), "key")
    assert clause.spoken == "at five"
    assert Clause(0, "as it stands").spoken == "as it stands"
