"""What words weigh in turn-taking."""

from __future__ import annotations

import pytest

from states.words import is_backchannel, normalized, takes_floor


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yes i do", "Yes, I do."),
        ("two nine three four zero", "2, 9, 3, 4, 0"),
        ("two nine three four zero", "29340"),
        ("it's  FINE", "it's fine!"),
        ("flat 7", "flat seven"),
    ],
)
def test_form_does_not_matter(one: str, other: str) -> None:
    """Case, punctuation, spacing and the form of digits change nothing."""
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(("one", "other"), [("yes", "no"), ("nine", "nineteen"), ("", "a")])
def test_words_matter(one: str, other: str) -> None:
    """Different words are different."""
    assert normalized(one) != normalized(other)


@pytest.mark.parametrize("words", ["uh-huh", "Yeah, yeah.", "okay", "I see", "mm-hmm right"])
def test_a_backchannel_does_not_take_the_floor(words: str) -> None:
    """Listening noises leave the floor where it is, finished or not."""
    assert is_backchannel(words)
    assert not takes_floor(words, final=True)
    assert not takes_floor(words, final=False)


@pytest.mark.parametrize("words", ["stop", "Wait,", "no", "yeah but", "today two"])
def test_a_claim_takes_the_floor_at_once(words: str) -> None:
    """A claim, or two words that are no backchannel, take the floor from a partial."""
    assert takes_floor(words, final=False)


def test_one_guess_of_a_word_does_not_take_the_floor() -> None:
    """The first word of a partial is often a guess; the finished transcript counts."""
    assert not takes_floor("today", final=False)
    assert takes_floor("today", final=True)


def test_no_words_are_nothing() -> None:
    """An empty transcript is neither a backchannel nor a claim."""
    assert not is_backchannel("")
    assert not takes_floor("...", final=True)
