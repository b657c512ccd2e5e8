"""From words to phonemes, without GPL code.

The voice was trained on espeak's phonemes, so that is the dialect to write. A word comes from
a lexicon of 124 000 words already written in it; a word that is not there is read out letter
by letter by a conditional random field that was trained on that lexicon (both from the package
gruut-lang-en, MIT licence, data only).

The lexicon was made by reading its words aloud in alphabetical order, and it shows: a word
took on the sound of the one after it ("order" has a linking r because "ordered" follows, "cabin"
ends like "sing" because "cabinet" does). Those traces are removed, and what a neighbour really
does to a word in a sentence is put back by the few rules in :func:`_in_context`.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from base64 import b64decode, b64encode
from pathlib import Path
from threading import Lock

import pycrfsuite

from adapters.embedded.weights import weight

PAUSES = ".,?!;:"
"""Punctuation the voice was trained to breathe at."""

_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|[.,?!;:]")
_VOWELS = frozenset("aeiouæɐɑɒɔəɚɛɜɪʊʌᵻ")
_HISSES = frozenset("szʃʒ")
_VOICELESS = frozenset("pktfθ")

# Traces of a neighbour that no rule can tell, words that the lexicon lacks, and two that it has in
# their rarer sense.
_CORRECTIONS = {
    "at": "æt",
    "ay": "ˈeɪ",  # the letter A
    "i": "aɪ",
    "it": "ɪt",
    "ok": "oʊkˈeɪ",
    "refund": "ɹˈiːfʌnd",
    "resend": "ɹiːsˈɛnd",
}

# Before a word of the lexicon these make a word of their own: redeliver, misdirected.
_PREFIXES = {"re": "ɹˌiː", "un": "ʌn", "mis": "mˌɪs", "pre": "pɹˌiː"}

_DIGITS = frozenset("zero one two three four five six seven eight nine".split())

# Weak at the end of a phrase too; any other word there takes the stress that it lacks.
_ALWAYS_WEAK = frozenset("a an the it me you him her us them he she we they i".split())


class Pronouncer:
    """Writes English text in the phonemes of the voice. Safe to use from several threads.

    Making one reads the lexicon into memory (about 100 ms, 8 MB). Raises
    :class:`effects.ports.ProviderRefused` if its data is missing or not the reviewed one.
    """

    def __init__(self) -> None:
        self._lock = Lock()  # neither the database connection nor the tagger is thread-safe
        self._lexicon = _indexed(weight("gruut-lexicon"))
        self._letters = pycrfsuite.Tagger()
        self._letters.open(str(weight("gruut-letter-to-sound")))

    def sentences(self, text: str) -> list[str]:
        """The phonemes of each sentence in ``text``, words parted by spaces, punctuation kept.

        ``text`` is words and punctuation only (as :attr:`effects.ports.Clause.spoken`).
        Each sentence ends with one of :data:`PAUSES`, a full stop if nothing else is there;
        one without any word is left out. Never fails: an unknown word is guessed.
        """
        tokens = _TOKEN.findall(_ascii(text))
        if not tokens or tokens[-1] not in PAUSES:
            tokens.append(".")
        found: list[str] = []
        start = 0
        for end, token in enumerate(tokens, 1):
            if token in ".?!" or end == len(tokens):
                found.append(self._sentence(tokens[start:end]))
                start = end
        return [sentence for sentence in found if sentence]

    def word(self, word: str) -> str:
        """The phonemes of one word in lower case, as it sounds in mid-sentence."""
        known = self._known(word)
        if known is not None:
            return known
        if word.endswith("'s"):
            return _with_s(self.word(word[:-2]))
        for prefix, sounds in _PREFIXES.items():
            stem = self._known(word.removeprefix(prefix)) if word.startswith(prefix) else None
            if stem is not None:
                return sounds + stem
        return _stressed(_alone(word, self._read_out(word.replace("'", ""))))

    def _known(self, word: str) -> str | None:
        if word in _CORRECTIONS:
            return _CORRECTIONS[word]
        with self._lock:
            row = self._lexicon.execute(
                "SELECT phonemes FROM lexicon WHERE word = ?", (word,)
            ).fetchone()
        return None if row is None else _alone(word, row[0].replace(" ", ""))

    def _sentence(self, tokens: list[str]) -> str:
        """``tokens`` end with punctuation."""
        tokens = _with_letters(tokens)
        sounds = [token if token in PAUSES else self.word(token) for token in tokens]
        written = ""
        for token, sound, following in zip(tokens, sounds, [*sounds[1:], ""], strict=True):
            if token not in PAUSES:
                written += (" " if written else "") + _in_context(token, sound, following)
            elif written:
                written = written.rstrip(PAUSES) + token
        return written

    def _read_out(self, word: str) -> str:
        with self._lock:
            labels = self._letters.tag([_letter(word, i) for i in range(len(word))])
        sounds = "".join(b64decode(label).decode() for label in labels)
        return sounds.replace("|", "").replace("_", "")


def _indexed(path: Path) -> sqlite3.Connection:
    """The lexicon as an in-memory table with an index, which the file lacks: looking a word up
    in the file scans all of it, 6 ms each time."""
    lexicon = sqlite3.connect(":memory:", check_same_thread=False)
    lexicon.execute("ATTACH ? AS file", (str(path),))
    lexicon.execute("CREATE TABLE lexicon (word TEXT PRIMARY KEY, phonemes TEXT) WITHOUT ROWID")
    lexicon.execute(
        "INSERT INTO lexicon SELECT word, phonemes FROM file.word_phonemes "
        "WHERE pron_order = 0 ORDER BY word"
    )
    lexicon.commit()
    lexicon.execute("DETACH file")
    return lexicon


def _letter(word: str, i: int) -> dict[str, str | float | bool]:
    """What the letter-to-sound model looks at for one letter: it, three on either side, and
    whether it begins or ends the word. Letters are base64, as the model was trained."""
    features: dict[str, str | float | bool] = {"bias": 1.0, "grapheme": _base64(word[i])}
    for distance in (1, 2, 3):
        if i >= distance:
            features[f"grapheme-{distance}"] = _base64(word[i - distance])
        if i + distance < len(word):
            features[f"grapheme+{distance}"] = _base64(word[i + distance])
    if i == 0:
        features["begin"] = True
    if i == len(word) - 1:
        features["end"] = True
    return features


def _base64(letter: str) -> str:
    return b64encode(letter.encode()).decode()


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return decomposed.encode("ascii", "ignore").decode()


def _with_letters(tokens: list[str]) -> list[str]:
    """In lower case, with the letter A told from the article: it is a capital in mid-phrase, or
    before another letter or a number that is said digit by digit."""
    words = [token.lower() for token in tokens]
    for i, token in enumerate(tokens):
        follows = tokens[i + 1 : i + 3]
        letter_follows = len(follows) > 0 and len(follows[0]) == 1 and follows[0].isupper()
        digits_follow = len(follows) == 2 and _DIGITS.issuperset(follows)
        mid_phrase = i > 0 and tokens[i - 1] not in PAUSES
        if token == "A" and (mid_phrase or letter_follows or digits_follow):
            words[i] = "ay"
    return words


def _alone(word: str, sounds: str) -> str:
    """Without the traces of the word that followed in the lexicon."""
    sounds = sounds.replace("ɹr", "ɹ").replace("r", "ɹ")
    if sounds.endswith(("ɚɹ", "ɜːɹ")):
        return sounds[:-1]
    if sounds.endswith("ŋ") and not re.search(r"ng(e|h|ue)?$", word):
        return sounds[:-1] + "n"
    return sounds


def _with_s(stem: str) -> str:
    if stem[-1] in _HISSES:
        return stem + "ᵻz"
    return stem + ("s" if stem[-1] in _VOICELESS else "z")


def _in_context(word: str, sounds: str, following: str) -> str:
    """How a word sounds before ``following`` (the next word's phonemes, or punctuation)."""
    if following in PAUSES:
        return sounds if word in _ALWAYS_WEAK else _stressed(sounds)
    if following.lstrip("ˈˌ")[0] not in _VOWELS:
        return sounds
    if word == "the":
        return "ðɪ"
    if word == "to":
        return "tʊ"
    if word in ("it", "at"):
        return sounds[:-1] + "ɾ"
    return sounds + "ɹ" if sounds.endswith(("ɚ", "ɜː")) else sounds


def _stressed(sounds: str) -> str:
    if "ˈ" in sounds:
        return sounds
    if "ˌ" in sounds:
        return sounds.replace("ˌ", "ˈ", 1)
    vowel = next((i for i, sound in enumerate(sounds) if sound in _VOWELS), 0)
    return sounds[:vowel] + "ˈ" + sounds[vowel:]
