"""Numbers as an American says them. Pure functions."""

from __future__ import annotations

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"},
    **{"nine": "ninth", "twelve": "twelfth"},
}
_GROUPED_FROM_DIGITS = 7
_GROUP_DIGITS = 3


def cardinal(number: int) -> str:
    """An amount: 342 is "three hundred forty two". Raises :class:`ValueError` below zero."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens = _TENS[number // 10 - 2]
        return f"{tens} {_SMALL[number % 10]}" if number % 10 else tens
    scale, name = next(entry for entry in _SCALES if number >= entry[0])
    many, rest = divmod(number, scale)
    return f"{cardinal(many)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """A place in a row: 21 is "twenty first"."""
    *before, last = cardinal(number).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*before, last])


def year(number: int) -> str:
    """A year of four digits: 2024 is "twenty twenty four", 2007 is "two thousand seven"."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(figures: str) -> str:
    """One by one: "29340" is "two nine three four zero". From seven on they come in groups with a
    pause between, as people write them down: three at a time, the last group up to four."""
    if len(figures) < _GROUPED_FROM_DIGITS:
        return " ".join(_SMALL[int(figure)] for figure in figures)
    groups = [figures[i : i + _GROUP_DIGITS] for i in range(0, len(figures), _GROUP_DIGITS)]
    if len(groups[-1]) == 1:
        groups[-2:] = ["".join(groups[-2:])]
    return ", ".join(digits(group) for group in groups)
