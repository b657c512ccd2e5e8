"""The recogniser's model: its tokens, its drafts, and what it is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapters.embedded.moonshine import Hypothesis, Moonshine, accept, read_vocabulary, spell
from states import mulaw
from tests.speech import two_cities


@pytest.fixture(scope="module")
def moonshine() -> Moonshine:
    return Moonshine.load()


def bare(text: str) -> str:
    return "".join(filter(lambda c: c.isalpha() or c == " ", text)).lower()


# --- what is taken for words ---


@pytest.mark.parametrize(
    ("text", "confidence", "speech_ms", "words"),
    [
        ("Today.", 0.8, 340, "Today."),
        ("No.", 0.7, 130, "No."),
        ("Uh", 0.55, 130, ""),
        ("Zero one.", 0.37, 990, "Zero one."),
        ("But", 0.2, 990, ""),
        ("\u266a\u266a", 0.9, 990, ""),
        ("You", 0.9, 990, ""),
        ("You know,", 0.9, 990, "You know,"),
    ],
)
def test_noise_is_not_taken_for_words(
    text: str, confidence: float, speech_ms: float, words: str
) -> None:
    """Doubtful words, and short ones that are not sure, are likelier a cough than speech."""
    assert Hypothesis(text, (), confidence, complete=True).words(speech_ms) == words


def test_a_draft_is_kept_up_to_the_first_difference() -> None:
    """There the decoder's own token stands, and nothing of the draft behind it."""
    written = np.array([7, 8, 9, 4])
    assert accept([7, 8, 9], written) == [7, 8, 9, 4]
    assert accept([7, 5, 9], written) == [7, 8]
    assert accept([], written[:1]) == [7]


def test_tokens_are_spelled() -> None:
    """A word boundary is a space, and a character that has no token comes as its bytes."""
    long = b"x" * 130
    packed = b"\x00\x03<s>\x04</s>\x05\xe2\x96\x81hi\x06<0xC3>\x06<0xA9>" + b"\x82\x01" + long
    vocabulary = read_vocabulary(packed)
    assert vocabulary[0] == b""
    assert spell([1, 3, 4, 5, 2], vocabulary) == "hié"
    assert vocabulary[6] == long


# --- the real model ---


def test_nothing_is_heard_in_silence(moonshine: Moonshine) -> None:
    """A quiet line has no words, however short or long."""
    for length_ms in (50, 500, 2000):
        assert moonshine.decode(mulaw.SILENCE * 8 * length_ms).words(length_ms) == ""


def test_a_draft_does_not_change_the_words(moonshine: Moonshine) -> None:
    """Clear speech is read alike from nothing, from its own words and from wrong ones."""
    audio = two_cities(through_ms=4900)
    plain = moonshine.decode(audio)
    for tokens in (plain.tokens, plain.tokens[:5], (1026, 7, 9)):
        before = replace(plain, tokens=tokens)
        assert bare(moonshine.decode(audio, before).text) == bare(plain.text)
    assert bare(plain.text) == "it was the best of times it was the worst of times"
