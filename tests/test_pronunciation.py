"""Words to phonemes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.embedded.pronunciation import PAUSES, Pronouncer
from adapters.embedded.weights import weight


@pytest.fixture(scope="module")
def pronouncer() -> Pronouncer:
    return Pronouncer()


@pytest.fixture(scope="module")
def known() -> frozenset[str]:
    """Every phoneme that the voice was trained on."""
    config = msgspec.json.decode(weight("piper-joe-config").read_bytes())
    return frozenset(config["phoneme_id_map"])


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("parcel", "pˈɑːɹsəl"),
        ("order", "ˈɔːɹdɚ"),  # a linking r in the lexicon
        ("kitchen", "kˈɪtʃən"),  # there it ends like "sing"
        ("shipping", "ʃˈɪpɪŋ"),  # as this does by rights
        ("it", "ɪt"),
        ("can", "kæn"),
        ("brochure", "bɹoʊʃˈʊɹ"),
    ],
)
def test_a_known_word_is_free_of_its_neighbour_in_the_lexicon(
    pronouncer: Pronouncer, word: str, phonemes: str
) -> None:
    """What the next entry did to it is undone."""
    assert pronouncer.word(word) == phonemes


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("barcode", "bˈɑːɹkoʊd"),
        ("redeliver", "ɹˌiːdᵻlˈɪvɚ"),
        ("courier's", "kˈɜːɹiɚz"),
        ("porchcam's", "pˈoːɹtʃkæmz"),
        ("brightbox's", "bɹˈaɪtbɑːksᵻz"),
    ],
)
def test_an_unknown_word_is_read_out(pronouncer: Pronouncer, word: str, phonemes: str) -> None:
    """By letter-to-sound, from a word it contains, or with the right s."""
    assert pronouncer.word(word) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("the parcel", "ðə pˈɑːɹsəl."),
        ("the order", "ðɪ ˈɔːɹdɚ."),
        ("to Anna", "tʊ ˈænə."),
        ("order it is", "ˈɔːɹdɚɹ ɪɾ ˈɪz."),
        ("Look at that!", "lˈʊk æt ðˈæt!"),
        ("I see you", "aɪ sˈiː juː."),
        ("right, right", "ɹˈaɪt, ɹˈaɪt."),
        ("right,", "ɹˈaɪt,"),
        (", right", "ɹˈaɪt."),
        ("Café", "kˈæfeɪ."),
        ("A parcel", "ɐ pˈɑːɹsəl."),
        ("nine A M", "nˈaɪn ˈeɪ ˈɛm."),
        ("A T M", "ˈeɪ tˈiː ˈɛm."),
        ("A four two", "ˈeɪ fˈoːɹ tˈuː."),
        ("so, A day", "sˈoʊ, ɐ dˈeɪ."),
    ],
)
def test_words_sound_as_their_neighbours_make_them(
    pronouncer: Pronouncer, text: str, phonemes: str
) -> None:
    """Weak forms and links before a vowel, stress at the end of a phrase, punctuation kept; a
    letter is told from an article."""
    assert pronouncer.sentences(text) == [phonemes]


def test_sentences_are_told_apart(pronouncer: Pronouncer) -> None:
    """Each is synthesized by itself, as the voice was trained."""
    assert pronouncer.sentences("Sure. One, two? Yes") == ["ʃˈʊɹ.", "wˈʌn, tˈuː?", "jˈɛs."]


@pytest.mark.parametrize("text", ["", " ", "...", "?!,", "'"])
def test_no_words_no_sentence(pronouncer: Pronouncer, text: str) -> None:
    """Punctuation alone makes no sound."""
    assert pronouncer.sentences(text) == []


@given(text=st.text(alphabet="abcdefghijklmnopqrstuvwxyzéA' .,?!;:"))
def test_the_voice_knows_every_phoneme(
    pronouncer: Pronouncer, known: frozenset[str], text: str
) -> None:
    """Any letters at all can be said, and a sentence always ends in a pause."""
    for sentence in pronouncer.sentences(text):
        assert known.issuperset(sentence)
        assert sentence[0] not in PAUSES
        assert sentence[-1] in PAUSES


def test_threads_may_share_it(pronouncer: Pronouncer) -> None:
    """Calls that speak at once get the same pronunciations as one alone."""
    words = ["parcel", "zzyxo", "order", "smartlocker", "redeliver", "kowalczyk"] * 50
    alone = [pronouncer.word(word) for word in words]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(pronouncer.word, words)) == alone
