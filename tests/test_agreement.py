"""Which of a growing utterance's words are reported: those that will stay."""

from __future__ import annotations

from adapters.recognition.agreement import Agreement


def test_a_word_is_reported_when_two_decodes_agree_on_it() -> None:
    """The half-heard word at the end changes from decode to decode and is left out."""
    agreement = Agreement()
    steps = [
        (text, agreement.add(text), agreement.text) for text in ("Stow", "Stop wai", "Stop wait")
    ]
    assert steps[1][1:] == (False, "")
    assert steps[2][1:] == (True, "Stop")


def test_case_and_punctuation_are_no_disagreement() -> None:
    """The agreed words are written as the latest decode writes them."""
    agreement = Agreement()
    agreement.add("two, nine.")
    assert agreement.add("Two nine three")
    assert agreement.text == "Two nine"


def test_agreed_words_stay() -> None:
    """A later decode that lost the words takes nothing back, and reports nothing."""
    agreement = Agreement()
    agreement.add("I would like")
    agreement.add("I would like")
    assert not agreement.add("Eye wood")
    assert not agreement.add("Eye wood")
    assert agreement.text == "I would like"
