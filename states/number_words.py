"""Numbers as words, as digits, or half and half: all come out as the same digits, in a row.

"twenty one" and "21" are the digits 2 1; so are "two one", because a number that is dictated in
pairs ("four twenty one") and one said digit by digit ("four two one") mean the same order. What
cannot be told from the words is not told here.
"""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS_BY_NAME = {
    name: 10 * tens
    for tens, name in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_SMALL = {name: number for number, name in enumerate(_UNITS + _TEENS)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_MULTIPLIERS = {"hundred": 100, **_SCALES}
_ORDINALS = {
    **{name: number for number, name in enumerate("first second third fourth fifth".split(), 1)},
    **{name: number for number, name in enumerate("sixth seventh eighth ninth tenth".split(), 6)},
    **{"eleventh": 11, "twelfth": 12},
    **{f"{name}th": number for number, name in enumerate(_TEENS[3:], 13)},
    **{f"{name[:-1]}ieth": tens for name, tens in _TENS_BY_NAME.items()},
    "hundredth": 100,
}
_ZEROS = frozenset(("oh", "o"))
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_JOINTS = frozenset("point dash hyphen".split())
"""Between two digits these are punctuation that was read out."""

NUMBER_WORDS = frozenset((*_SMALL, *_TENS_BY_NAME, *_MULTIPLIERS, *_ORDINALS))
"""Words that are numbers by themselves."""


def as_digits(words: Sequence[str]) -> list[str]:
    """The words with each number replaced by its digits, one by one.

    "oh" counts as zero beside a digit, "double" repeats one. An ordinal becomes one word
    ("21st"). Words that are digits already stay, so doing it twice changes nothing.
    """
    digits: list[str] = []
    at = 0
    while at < len(words):
        number, end = _number(words, at)
        if number:
            digits += number if number.isdecimal() else [number]
            at = end
        else:
            digits.append(words[at])
            at += 1
    return _read_digits(digits)


def _number(words: Sequence[str], at: int) -> tuple[str, int]:
    """The number that begins at a word, and where it ends; "" if none does."""
    first = words[at]
    if first.isdecimal() and (len(first) > 3 or not _multiplied(words, at + 1)):
        return first, at + 1
    if first == "a" and _multiplied(words, at + 1):
        at, below = at + 1, 1
    elif first in _MULTIPLIERS:
        below = 1
    else:
        read = _below_hundred(words, at)
        if read is None:
            return "", at
        below, at, ordinal = read
        if ordinal:
            return _ordinal(below), at
    return _multiples(words, at, below)


def _multiples(words: Sequence[str], at: int, below: int) -> tuple[str, int]:
    """Hundreds, thousands and so on after a number below a hundred."""
    total, least = 0, 10**12
    while at < len(words):
        word = words[at]
        if word == "hundred" and 0 < below < 100:
            below *= 100
        elif word in _SCALES and _SCALES[word] < least:
            least = _SCALES[word]
            total, below = total + below * least, 0
        else:
            break
        joined = at + 1 < len(words) and words[at + 1] == "and"
        read = _below_hundred(words, at + 2 if joined else at + 1)
        if read is None or not 0 < read[0] < _MULTIPLIERS[word] or _goes_on(words, at + 1, read):
            at += 1
            continue
        added, at, ordinal = read
        below += added
        if ordinal:
            return _ordinal(total + below), at
    return str(total + below), at


def _below_hundred(words: Sequence[str], at: int) -> tuple[int, int, bool] | None:
    """A number below a hundred (or a numeral that is multiplied), where it ends, and whether
    it is an ordinal."""
    if at >= len(words):
        return None
    word = words[at]
    if word in _ORDINALS:
        return _ORDINALS[word], at + 1, True
    if word.isdecimal():
        return (int(word), at + 1, False) if len(word) <= 3 else None
    if word in _SMALL:
        return _SMALL[word], at + 1, False
    if word not in _TENS_BY_NAME:
        return None
    tens, following = _TENS_BY_NAME[word], words[at + 1] if at + 1 < len(words) else ""
    if 0 < _SMALL.get(following, 0) < 10:
        return tens + _SMALL[following], at + 2, False
    if 0 < _ORDINALS.get(following, 0) < 10:
        return tens + _ORDINALS[following], at + 2, True
    return tens, at + 1, False


def _goes_on(words: Sequence[str], at: int, read: tuple[int, int, bool]) -> bool:
    """Whether digits follow one by one ("eight hundred five five five" is 800 555)."""
    value, end, _ = read
    units = value < 10 and end == at + 1 and end < len(words)
    return units and (_SMALL.get(words[end], 10) < 10 or words[end] in _ZEROS)


def _multiplied(words: Sequence[str], at: int) -> bool:
    return at < len(words) and words[at] in _MULTIPLIERS


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if 10 < number % 100 < 20 else endings.get(number % 10, "th")
    return f"{number}{ending}"


def _read_digits(words: list[str]) -> list[str]:
    """Zeros said as "oh", doubled digits, and punctuation between digits.

    From right to left, because "double" and most zeros are known by what follows.
    """
    read: list[str] = []
    for word in reversed(words):
        after = read[-1] if read else ""
        if word.isdecimal():
            _put_digit(read, word)
        elif word in _TIMES and after in _ZEROS:
            read.pop()
            for _ in range(_TIMES[word]):
                _put_digit(read, "0")
        elif word in _TIMES and after.isdecimal():
            read += [after] * (_TIMES[word] - 1)
        elif word in _ZEROS and after.isdecimal():
            _put_digit(read, "0")
        else:
            read.append(word)
    return read[::-1]


def _put_digit(read: list[str], digit: str) -> None:
    """Put a digit before what was read; every "oh" that now follows it is a zero too."""
    digits = [digit]
    while read and read[-1] in _ZEROS:
        read.pop()
        digits.insert(0, "0")
    for put in digits:
        if len(read) > 1 and read[-1] in _JOINTS and read[-2].isdecimal():
            read.pop()
        read.append(put)
