"""What callers say, as recognisers write it down, and what the parcel desk makes of it."""

from __future__ import annotations

import pytest

from adapters.embedded.phrases import Intent
from adapters.embedded.spoken_numbers import spell
from adapters.embedded.understanding import Meaning, tokenise, understand

G, S, T = Intent.GREET, Intent.SUPPORT, Intent.TRACK
C, H, Y, N = Intent.CHANGE, Intent.HOLD, Intent.YES, Intent.NO
INTENTS = [
    ("Hello.", {G}),
    ("hi good morning", {G}),
    ("Hello? Is anybody there?", {G}),
    ("I'd like to speak to customer support.", {S}),
    ("I'd like to speak to customer support", {S}),
    ("id like to speak to customers support", {S}),
    ("I'd like to speak to Tessemer's support.", {S}),
    ("I'd like to speak to Tesla Mercerport.", {S}),
    ("customer service please", {S}),
    ("can I talk to someone in customer support", {S}),
    ("Can you help me?", {S}),
    ("I want to talk to a real person", {Intent.PERSON}),
    ("give me a human", {Intent.PERSON}),
    ("let me talk to your manager", {Intent.PERSON}),
    ("could I speak to a person please", {Intent.PERSON}),
    ("can I speak to somebody", {Intent.PERSON}),
    ("Representative!", {Intent.PERSON}),
    ("where is my parcel", {T}),
    ("Where's my package?", {T}),
    ("when will it arrive", {T}),
    ("my boots haven't arrived", {T}),
    ("I'm calling about a delivery.", {T}),
    ("my order", {T}),
    ("what's the status", {T}),
    ("will it come today", {T}),
    ("it should have come on Tuesday", {T}),
    ("change the delivery day", {C}),
    ("can I have it on another day", {C}),
    ("deliver it please", {C}),
    ("hold it at the depot", {H}),
    ("I'll pick it up myself", {H}),
    ("I can collect it", {H}),
    ("pickup", {H}),
    ("the depot", {H}),
    ("yes", {Y}),
    ("Yes.", {Y}),
    ("Yeah, that's right.", {Y}),
    ("yep", {Y}),
    ("Yet.", {Y}),
    ("sure", {Y}),
    ("okay go ahead", {Y}),
    ("mm-hmm", {Y}),
    ("uh-huh", {Y}),
    ("please do", {Y}),
    ("please", {Y}),
    ("that's correct", {Y}),
    ("try again", {Y}),
    ("no", {N}),
    ("Nope.", {N}),
    ("know", {N}),
    ("You know.", {N}),
    ("no thanks", {N}),
    ("No, thank you.", {N}),
    ("that's not right", {N}),
    ("I'm good, thanks", {N, Intent.THANKS}),
    ("forget about it", {N}),
    ("don't hold it", {N}),
    ("no don't", {N}),
    ("never mind", {N}),
    ("What?", {Intent.REPEAT}),
    ("say that again", {Intent.REPEAT}),
    ("Sorry, what?", {Intent.REPEAT}),
    ("I didn't catch that", {Intent.REPEAT}),
    ("could you repeat that", {Intent.REPEAT}),
    ("hold on a second", {Intent.WAIT}),
    ("hang on", {Intent.WAIT}),
    ("one moment", {Intent.WAIT}),
    ("let me check", {Intent.WAIT}),
    ("I don't have the number", {Intent.LOST_NUMBER}),
    ("I don't know my order number", {Intent.LOST_NUMBER}),
    ("wrong number", {Intent.RESTART}),
    ("I have another parcel", {Intent.RESTART}),
    ("thank you very much", {Intent.THANKS}),
    ("thanks", {Intent.THANKS}),
    ("bye bye", {Intent.GOODBYE}),
    ("that's all", {Intent.GOODBYE}),
    ("that's all for today", {Intent.GOODBYE}),
    ("no that's all thanks", {Intent.GOODBYE, Intent.THANKS, N}),
    ("yeah no", {Y, N}),
]

WISHES = [  # words, day, time
    ("today", "today", ""),
    ("Today.", "today", ""),
    ("To day.", "today", ""),
    ("Today, today,", "today", ""),
    ("Today is a day.", "today", ""),
    ("Today is Sunday, 2022.", "", ""),
    ("tomorrow please", "tomorrow", ""),
    ("to morrow", "tomorrow", ""),
    ("Can you deliver my parcel to-morrow?", "tomorrow", ""),
    ("deliver it to-day", "today", ""),
    ("deliver it to-night", "today", "evening"),
    ("on Friday", "Friday", ""),
    ("can you deliver it on saturday instead", "Saturday", ""),
    ("not today, tomorrow", "tomorrow", ""),
    ("today instead of Thursday", "today", ""),
    ("instead of Thursday make it Monday", "Monday", ""),
    ("from Thursday to Friday", "Friday", ""),
    ("Friday, no, Saturday", "Saturday", ""),
    ("today or tomorrow", "", ""),
    ("the day after tomorrow", "", ""),
    ("is Friday possible", "Friday", ""),
    ("is it possible to get it today", "today", ""),
    ("I don't want it today", "", ""),
    ("I can't be home on Thursday, can I have it on Friday", "Friday", ""),
    ("don't deliver it today, deliver it tomorrow", "tomorrow", ""),
    ("let's say Friday at half past two", "Friday", "14:30"),
    ("two thirty pm", "", "14:30"),
    ("Two, thirty p. M.", "", "14:30"),
    ("2:30 PM", "", "14:30"),
    ("2.30 p.m.", "", "14:30"),
    ("tomorrow at two thirty pm", "tomorrow", "14:30"),
    ("tomorrow two thirty", "tomorrow", "14:30"),
    ("Friday at five", "Friday", "17:00"),
    ("today at 10 am", "today", "10:00"),
    ("three o'clock on Monday", "Monday", "15:00"),
    ("nine oh five am tomorrow", "tomorrow", "09:05"),
    ("tomorrow at twelve", "tomorrow", "12:00"),
    ("tomorrow at noon", "tomorrow", "12:00"),
    ("tomorrow before noon", "tomorrow", "morning"),
    ("tomorrow morning", "tomorrow", "morning"),
    ("in the afternoon", "", "afternoon"),
    ("this evening", "today", "evening"),
    ("tonight", "today", "evening"),
    ("at seven in the evening on tuesday", "Tuesday", "19:00"),
    ("good morning, can you deliver it tomorrow", "tomorrow", ""),
]

NOT_UNDERSTOOD = [
    "book a room",
    "two people",
    "mountain view",
    "half an hour",
    "how old is the brooklyn bridge",
    "what's the weather like",
    "I'm not sure",
    "",
    "...",
    "mhmpf",
]


@pytest.mark.parametrize(("words", "intents"), INTENTS)
def test_intents(words: str, intents: set[Intent]) -> None:
    """Each phrasing means this, and nothing else."""
    assert understand(words).intents == intents


@pytest.mark.parametrize(("words", "day", "time"), WISHES)
def test_days_and_times_are_wishes_to_change_the_delivery(words: str, day: str, time: str) -> None:
    """A day or a time is a wish; days that are negated or replaced are not."""
    meaning = understand(words, awaited=0)
    assert (meaning.day, meaning.time) == (day, time)
    assert Intent.CHANGE in meaning.intents


@pytest.mark.parametrize("words", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_not_guessed_at(words: str) -> None:
    """Words about something else mean nothing here."""
    assert not understand(words).understood


@pytest.mark.parametrize(
    ("words", "nothing_else"),
    [
        ("yes", True),
        ("Yes, that's right, thank you.", True),
        ("yes today please", True),
        ("yes, deliver it today", True),
        ("yes but how much does it cost", False),
        ("yes deliver it to my neighbour", False),
        ("okay and what about the shoes", False),
    ],
)
def test_whether_a_yes_was_all_that_was_said(words: str, nothing_else: bool) -> None:
    """Words that nobody understood make a yes less than clear."""
    meaning = understand(words, awaited=0)
    assert Intent.YES in meaning.intents
    assert meaning.nothing_else is nothing_else


@pytest.mark.parametrize("words", [row[0] for row in INTENTS])
def test_case_and_punctuation_do_not_matter(words: str) -> None:
    """Recognisers differ in both; the meaning does not."""
    bare = words.replace("-", " ").translate(str.maketrans("", "", ".,!?"))
    expected = understand(words)
    assert understand(bare.upper()) == expected
    assert understand(f"  {bare.lower()} ") == expected


def test_a_known_number_leaves_times_to_be_times() -> None:
    """ "Two thirty" is a time once no number is awaited, and digits while one is."""
    assert understand("two thirty", awaited=0).time == "14:30"
    assert understand("two thirty", awaited=5).digits == "230"
    assert understand("twenty nine three forty", awaited=0).digits == "29340"


def test_words_are_normalised() -> None:
    """Numerals, contractions and times survive; punctuation does not."""
    assert tokenise("It’s 2.30 P.M., at 5 o'clock!") == ["it's", "2:30", "pm", "at", "5", "oclock"]
    assert spell("29340") == "two nine three four zero"
    assert Meaning() == understand("")
