"""What words weigh in turn-taking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.words import (
    echoes,
    is_backchannel,
    is_courtesy,
    is_hold_request,
    is_machine_greeting,
    is_question,
    normalized,
    takes_floor,
)

SPOKEN = st.lists(
    st.sampled_from(
        "yes no i'm it's been got better can't ok mhm uh huh two twenty thirty nine zero oh o "
        "double triple point dash hundred thousand million and a one first second twelfth 21st "
        "5 12 007 290 2934 2:00 3:30 $5 $2.50 50% # + & p m k pm a.m. o'clock parcel to".split()
    ),
    max_size=9,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yes i do", "Yes, I do."),
        ("two nine three four zero", "2, 9, 3, 4, 0"),
        ("two nine three four zero", "29340"),
        ("twenty nine thousand three hundred forty", "29,340"),
        ("four twenty one", "4-2-1"),
        ("two nine three four oh", "2934O"),
        ("double oh seven", "007"),
        ("eight hundred five five five", "800 555"),
        ("three hundred and five", "305"),
        ("twenty-one", "21"),
        ("the twenty first", "the 21st"),
        ("first", "1st"),
        ("two thirty p.m.", "2:30 pm"),
        ("two o'clock", "2:00"),
        ("two P.M.", "2:00pm"),
        ("five dollars", "$5"),
        ("five dollars and fifty cents", "$5.50"),
        ("a hundred per cent", "100%"),
        ("it's  FINE", "it’s fine!"),
        ("I am sure it is", "I'm sure its"),
        ("it has been", "it's been"),
        ("you cannot", "you can't"),
        ("OK", "okay"),
        ("o.k.", "Ok"),
        ("mhm", "mm-hmm"),
        ("flat 7", "flat seven"),
    ],
)
def test_form_does_not_matter(one: str, other: str) -> None:
    """Case, punctuation, contractions, and the form of numbers change nothing."""
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("yes", "no"), ("nine", "nineteen"), ("one", "first"), ("um yes", "yes"), ("", "a")],
)
def test_words_matter(one: str, other: str) -> None:
    """Different words are different, and fillers are words."""
    assert normalized(one) != normalized(other)


@given(SPOKEN)
def test_normal_form_is_normal(words: list[str]) -> None:
    """Normalising what is normalised changes nothing, however numbers are mixed."""
    once = normalized(" ".join(words))
    assert normalized(" ".join(once)) == once


@given(SPOKEN, st.sampled_from([" ", ", ", "... ", "! ", " - "]))
def test_case_and_punctuation_between_words_do_not_matter(words: list[str], between: str) -> None:
    """Shouted, or with other stops between the words, it is the same."""
    words = [word for word in words if word[0] not in "$#+"]  # signs are words, no punctuation
    shown = between.join(word.upper() for word in words)
    assert normalized(shown + between) == normalized(" ".join(words))


@given(st.text())
def test_any_text_is_weighed(text: str) -> None:
    """Nothing that speech-to-text could write makes any of the questions fail."""
    once = normalized(text)
    assert normalized(" ".join(once)) == once
    assert isinstance(takes_floor(text, final=False), bool)
    assert not (is_backchannel(text) and takes_floor(text, final=True))
    assert isinstance(is_hold_request(text), bool)
    assert isinstance(is_machine_greeting(text), bool)
    assert 0.0 <= echoes(text, text) <= 1.0


@pytest.mark.parametrize(
    "words",
    [
        *("uh-huh", "Yeah, yeah.", "okay", "I see", "mm-hmm right", "got it", "That's right."),
        *("of course", "oh okay", "alright", "sure, go ahead"),
    ],
)
def test_a_backchannel_does_not_take_the_floor(words: str) -> None:
    """Listening noises leave the floor where it is, finished or not."""
    assert is_backchannel(words)
    assert not takes_floor(words, final=True)
    assert not takes_floor(words, final=False)


@pytest.mark.parametrize("words", ["no problem", "no worries"])
def test_no_problem_is_a_backchannel_once_it_is_whole(words: str) -> None:
    """The "no" alone claims the floor; with its second word it does not."""
    assert takes_floor("no", final=False)
    assert is_backchannel(words)
    assert not takes_floor(words, final=True)


@pytest.mark.parametrize(
    "words",
    [
        *("stop", "Wait,", "no", "yeah but", "today two", "hold on", "excuse me", "what?"),
        *("how much was that", "who is this", "I see but"),
    ],
)
def test_a_claim_takes_the_floor_at_once(words: str) -> None:
    """A claim, a question, or two words that are no backchannel, take it from a partial."""
    assert takes_floor(words, final=False)


@pytest.mark.parametrize("words", ["today", "I'm", "21", "yeah I'm"])
def test_one_guess_of_a_word_does_not_take_the_floor(words: str) -> None:
    """The first word of a partial is often a guess, a contraction or a numeral too; the finished
    transcript counts."""
    assert not takes_floor(words, final=False)
    assert takes_floor(words, final=True)


def test_what_may_become_a_backchannel_waits() -> None:
    """ "that's" may yet be "that's right"; "that's wrong" takes the floor."""
    assert not takes_floor("that's", final=False)
    assert not takes_floor("yeah that is", final=False)
    assert takes_floor("that's wrong", final=False)


def test_no_words_are_nothing() -> None:
    """An empty transcript is neither a backchannel nor a claim."""
    assert not is_backchannel("")
    assert not takes_floor("...", final=True)


@pytest.mark.parametrize(
    "words",
    [
        *("hang on a second", "One moment, please.", "hold on", "give me a minute", "just a sec"),
        *("let me find my card", "wait a minute", "could you hold on for a moment please"),
        *("um, one second, I have to find the email", "let me get something to write with"),
        *("okay hold on let me go grab my glasses", "let me see", "bear with me", "no wait"),
    ],
)
def test_a_request_to_wait(words: str) -> None:
    """The caller wants the agent to wait, and says nothing else."""
    assert is_hold_request(words)


@pytest.mark.parametrize(
    "words",
    [
        *("hold my mail", "can I put a hold on it", "wait, that's wrong", "", "second"),
        *("it will take a second delivery", "hold it at the depot", "let me know", "stop"),
        *("let me speak to a manager", "let me get a refund", "how long do I have to wait"),
        *("I waited a minute", "wait a minute, I said Friday", "can you hold the parcel"),
    ],
)
def test_no_request_to_wait(words: str) -> None:
    """Words of waiting in a wish, a claim or a story ask for an answer."""
    assert not is_hold_request(words)


@pytest.mark.parametrize(
    "words",
    [
        "Hi, you've reached Sarah Jones at Acme Plumbing.",
        "please leave a message after the tone",
        "The person you are calling is not available.",
        "At the tone, please record your message. When you have finished recording, hang up.",
        "The mailbox is full and cannot accept any messages at this time.",
        "please state your name and why you're calling",
        "We can't come to the phone right now, we'll call you back as soon as we can.",
        "your call has been forwarded to an automated voice messaging system",
    ],
)
def test_a_machine_is_known_by_its_greeting(words: str) -> None:
    """Voicemail, answering machines and call screens say what people do not."""
    assert is_machine_greeting(words)


@pytest.mark.parametrize(
    "words",
    [
        *("hello?", "this is Bob", "I'm not available today, sorry, can you call later"),
        *("You've reached the wrong number I'm afraid", "can I leave a message for the driver"),
        *("John is not available, can I take a message", "You've reached Dana, how can I help"),
        *("I got a voicemail saying the parcel is at the depot", "nobody was available to take it"),
        *("sorry he's not available, who is this", "I am not at home right now"),
    ],
)
def test_people_are_not_machines(words: str) -> None:
    """People are unavailable, leave messages and speak of voicemail too."""
    assert not is_machine_greeting(words)


SAID = "Thanks. Order two nine three four zero: hiking boots. The parcel left the Memphis depot."


@pytest.mark.parametrize(
    ("heard", "least"),
    [
        ("the parcel left the Memphis depot", 1.0),
        ("order 29340 hiking boots", 1.0),
        ("parcel left Memphis deep oh", 0.5),
    ],
)
def test_the_agents_own_voice_is_an_echo(heard: str, least: float) -> None:
    """Its words in order, a few missing or misheard, in any form."""
    assert echoes(heard, SAID) >= least


@pytest.mark.parametrize(
    ("heard", "most"),
    [
        ("yes", 0.0),
        ("hiking boots", 0.0),
        ("two nine three four zero", 0.0),
        ("two nine three five zero", 0.0),
        ("order two nine three five zero", 0.0),
        ("I would like to change the delivery day", 0.2),
        ("depot the left boots parcel", 0.4),
        ("", 0.0),
    ],
)
def test_an_answer_is_no_echo(heard: str, most: float) -> None:
    """One or two words, a number read back or put right, other words, and another order."""
    assert echoes(heard, SAID) <= most


@pytest.mark.parametrize(
    "words",
    ["thanks", "Thank you, goodbye!", "okay, thank you so much, bye-bye", "great, thanks a lot"],
)
def test_thanks_and_goodbyes_are_courtesies(words: str) -> None:
    """However they are put together."""
    assert is_courtesy(words)


@pytest.mark.parametrize("words", ["", "thanks but", "no thank you", "thank you, one more thing"])
def test_what_wants_something_is_no_courtesy(words: str) -> None:
    """Nor is it one to say nothing."""
    assert not is_courtesy(words)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("where is it", True),
        ("It left?", True),
        ("can you look", True),
        ("I see", False),
        ("", False),
    ],
)
def test_a_question_is_known_by_its_mark_or_its_beginning(text: str, asks: bool) -> None:
    """What is said to a caller who has to wait depends on it."""
    assert is_question(text) is asks
