"""Text as it is written, turned into text as it is said.

A language model writes "$12.50", "2:30 pm", "**now**" and "order 29340"; a caller hears "twelve
dollars and fifty cents", "two thirty p m", "now" and "order two nine three four zero". What
comes out is words, apostrophes and the punctuation that a voice breathes at, nothing else.

American English. Each thing that telephone agents write has one line in the table of rules at
the end. They are applied in order, and what one has put into words the later ones leave alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.embedded.number_words import cardinal, digits, ordinal, year

_MONTHS = {
    **{"Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May"},
    **{"Jun": "June", "Jul": "July", "Aug": "August", "Sep": "September", "Oct": "October"},
    **{"Nov": "November", "Dec": "December"},
}
_MONTH = "|".join(f"{month[:3]}(?:t|{month[3:]})?" for month in _MONTHS.values())
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent")}
# What follows is written with a point, which is kept where it also ends the text.
_ABBREVIATIONS = {
    **{"Mr": "Mister", "Ms": "Miz", "Mrs": "Missus", "Dr": "Drive", "St": "Street"},
    **{"Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Apt": "Apartment"},
    **{"vs": "versus", "etc": "et cetera", "approx": "about", "ext": "extension"},
    **{r"e\.g": "for example", r"i\.e": "that is"},
}
_UNITS = {
    **{"lb": "pounds", "lbs": "pounds", "oz": "ounces", "kg": "kilograms", "km": "kilometers"},
    **{"mi": "miles", "ft": "feet", "min": "minutes", "hr": "hours", "hrs": "hours"},
}
_SYMBOLS = {"&": "and", "+": "plus", "=": "equals", "@": "at", "°": "degrees", "%": "percent"}
_IN_ADDRESSES = {".": " dot ", "@": " at ", "-": " dash ", "_": " underscore ", "/": " slash "}
# Names of letters that are words of another sound, or none.
_LETTERS = {"a": "ay", "i": "eye"}


def spoken(text: str) -> str:
    """What a voice should say for ``text``: words and ``. , ? ! ; :`` only, on one line.

    Markdown, emoji and symbols that nobody reads out are dropped. The result may be empty.
    """
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    text = "".join(c if c.isalpha() or c in "'.,?!;:" else " " for c in text)
    text = re.sub(r"\s+(?=[.,?!;:])", "", text)
    text = re.sub(r"[.,?!;:]{2,}", _one_pause, text)
    return " ".join(text.split()).lstrip(".,;:?! ")


def _one_pause(pauses: re.Match[str]) -> str:
    """Of several marks in a row, the one that says most."""
    return next(mark for mark in "?!.;:," if mark in pauses[0])


def _spelt(letters: str) -> str:
    return " ".join(_LETTERS.get(letter, letter) for letter in letters.lower())


def _abbreviation(match: re.Match[str]) -> str:
    full = _ABBREVIATIONS[match[1].replace(".", r"\.")]
    return full if match[2] is None else f"{full}."


def _initials(match: re.Match[str]) -> str:
    return _spelt(match[1]) + (match[2] and "'s")


def _address(match: re.Match[str]) -> str:
    bare = re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", match[0])
    parts = re.findall(r"[a-zA-Z]+|\d+|.", bare)
    return "".join(
        f" {digits(part)} " if part.isdecimal() else _IN_ADDRESSES.get(part, part) for part in parts
    )


def _identifier(match: re.Match[str]) -> str:
    parts = re.findall(r"[A-Z]+|\d+", match[0])
    return " ".join(digits(part) if part.isdecimal() else _spelt(part) for part in parts)


def _digit_groups(match: re.Match[str]) -> str:
    return ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))


def _saint_or_street(match: re.Match[str]) -> str:
    before = match[1] or ""
    return f"{before}Street." if before[:1].isupper() else f"{before}Saint"


def _money(match: re.Match[str]) -> str:
    unit, hundredth = _CURRENCIES[match[1]]
    whole, cents, scale = int(match[2].replace(",", "")), int(f"{match[3] or 0:0<2}"), match[4]
    if scale:
        return f"{cardinal(whole)} {scale} {unit}s"
    parts = [(whole, unit)] if whole or not cents else []
    parts += [(cents, hundredth)] if cents else []
    return " and ".join(f"{cardinal(n)} {name}{'' if n == 1 else 's'}" for n, name in parts)


def _half_day(match: re.Match[str]) -> str:
    """A time with am or pm."""
    hour, minute = cardinal(int(match[1])), match[2]
    past = "" if minute in (None, "00") else f" {_minute(minute)}"
    return f"{hour}{past} {_spelt(match[3] + 'm')}"


def _clock(match: re.Match[str]) -> str:
    past = "o'clock" if match[2] == "00" else _minute(match[2])
    return f"{cardinal(int(match[1]))} {past}"


def _minute(figures: str) -> str:
    return ("oh " if figures[0] == "0" else "") + cardinal(int(figures))


def _date(match: re.Match[str]) -> str:
    return f"{_MONTHS[match[1][:3]]} {ordinal(int(match[2]))}"


def _decimal(match: re.Match[str]) -> str:
    return f"{cardinal(int(match[1]))} point {digits(match[2])}"


def _number(match: re.Match[str]) -> str:
    """By its looks: an amount grouped by commas, an identifier, a year, or a small amount."""
    figures = match[0]
    if "," in figures:
        return cardinal(int(figures.replace(",", "")))
    if len(figures) >= 5 or (len(figures) > 1 and figures[0] == "0"):
        return digits(figures)
    if len(figures) == 4:
        like_a_year = figures[:2] in ("19", "20") or figures.endswith("00")
        return year(int(figures)) if like_a_year else digits(figures)
    return cardinal(int(figures))


_RULES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    # --- marks that are written but never said
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"(?m)^\s*(?:#+|>|[-*•])\s+|[*`~]+|(?<!\w)_+|_+(?!\w)"), ""),
    (re.compile(r"(?<=[^\s.,?!;:])\s*\n"), ". "),
    (re.compile(r"[’‘]"), "'"),
    # --- addresses
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _address),
    (
        re.compile(
            r"\b(?:https?://)?(?:[\w-]+\.)+(?:com|org|net|io|gov|edu|us|app)\b(?:/[\w/-]*)?"
        ),
        _address,
    ),
    # --- identifiers: letters and figures mixed, telephone numbers, figures after their name
    (re.compile(r"\b(?=[A-Z-]*\d)(?=[\d-]*[A-Z])[A-Z\d-]{3,}\b"), _identifier),
    (re.compile(r"(?:\(?\b\d{3}\)?[ .-]+)?\b\d{3}[.-]\d{4}\b|\b\d+(?:-\d+){2,}\b"), _digit_groups),
    (re.compile(r"(?i)(?<=\border )\d{3,}|(?<=\bnumber )\d{3,}|(?<=\bcode )\d{3,}"), _digit_groups),
    (re.compile(r"#\s?(\d{3,})"), _digit_groups),
    (re.compile(r"(?i)(?<=\bending in )\d+|(?<=\bending with )\d+"), _digit_groups),
    (re.compile(r"(?:#|\bNo\.)\s?(?=\d)"), "number "),
    # --- amounts, times and dates
    (re.compile(r"(?<=\d)\s?[-–]\s?(?=[$€\d])"), " to "),
    (re.compile(r"([$€])(\d[\d,]*(?<!,))(?:\.(\d\d?))?(?: (thousand|million|billion))?"), _money),
    (
        re.compile(r"\b(\d\d?)(?::([0-5]\d))?\s?([aApP])(?:\.[mM]\.(?=,|\s+[a-z])|\.?[mM]\b)"),
        _half_day,
    ),
    (re.compile(r"\b(\d\d?):([0-5]\d)\b"), _clock),
    (re.compile(rf"\b({_MONTH})\.? (\d\d?)(?:st|nd|rd|th)?\b"), _date),
    (re.compile(r"\b(\d+)(?:st|nd|rd|th)\b"), lambda m: ordinal(int(m[1]))),
    # --- numbers
    (re.compile(rf"(?<=\d)\s?({'|'.join(_UNITS)})\b"), lambda m: f" {_UNITS[m[1]]}"),
    (re.compile(r"\b(\d+)\.(\d+)"), _decimal),
    (re.compile(r"\d{1,3}(?:,\d{3})+\b|\d+"), lambda m: f" {_number(m)} "),
    # --- abbreviations and symbols
    (re.compile(r"\bDr\.?(?=\s+[A-Z])"), "Doctor"),
    (re.compile(r"(\b\w+\s+)?\bSt\.(?=\s+[A-Z])"), _saint_or_street),
    (re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\.(\s*$)?"), _abbreviation),
    (
        re.compile(r"\b(AI|ATM|ETA|EU|FAQ|ID|UPS|URL|USA?|USPS|[B-DF-HJ-NP-TV-XZ]{2,5})(s?)\b"),
        _initials,
    ),
    (re.compile("[&+=@°%]"), lambda m: f" {_SYMBOLS[m[0]]} "),
    (re.compile(r"\s[-–]\s|—|\.{2,}|…|[()|]"), ", "),
]
