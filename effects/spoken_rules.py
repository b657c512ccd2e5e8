"""The rules by which written English is put into words: numbers, times, addresses, symbols.

Each thing that telephone agents write has one line in :data:`RULES`. They are applied in order,
and what one has put into words the later ones leave alone: it is blanked out with :data:`SAID`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from effects import spoken_amounts as amounts
from effects.number_words import digits, ordinal
from effects.spoken_amounts import MONTHS, SAID, UNITS, Said

Say = str | Callable[[re.Match[str]], Said]

_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in MONTHS) + "|Sept"
_DAYS = {
    **{"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday"},
    **{"Thu": "Thursday", "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday"},
    **{"Sat": "Saturday", "Sun": "Sunday"},
}
_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
# What follows is written with a point, which is kept where it also ends the text.
_ABBREVIATIONS = {
    **{month[:3]: month for month in MONTHS if month != "May"},
    **_DAYS,
    **{"Sept": "September", "Mr": "Mister", "Ms": "Miz", "Mrs": "Missus"},
    **{"Prof": "Professor", "Jr": "Junior", "Sr": "Senior", "Dr": "Drive", "St": "Street"},
    **{"Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Apt": "Apartment"},
    **{"Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation", "Co": "Company"},
    **{"Dept": "Department", "vs": "versus", "etc": "et cetera", "approx": "about"},
    **{"ext": "extension", "tel": "telephone", r"e\.g": "for example", r"i\.e": "that is"},
}
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_SYMBOLS = {
    **{"&": "and", "+": "plus", "=": "equals", "@": "at", "°": "degrees", "%": "percent"},
    **{"×": "times", "÷": "divided by", "±": "plus or minus", "≈": "about", "§": "section"},
    **{"≤": "at most", "≥": "at least", "→": "to", "$": "dollars", "€": "euros"},
    **{"£": "pounds", "¥": "yen"},
}
_IN_ADDRESSES = {
    **{".": "dot", "@": "at", "-": "dash", "_": "underscore", "/": "slash", "+": "plus"},
    **{":": "colon", "=": "equals", "&": "and", "?": "question mark", "#": "hash", "~": "tilde"},
}
_DOMAINS = "com|org|net|io|gov|edu|us|app|co|uk|de|ai|dev|eu|info|shop"
_BEFORE_INITIALS = frozenset("and at by for from is of to was with".split())
_NO_VOWELS = "[B-DF-HJ-NP-TV-XZ]{2,5}"
_SPELT = (
    "AI|AM|API|ATM|CEO|DOB|ETA|EU|EV|FAQ|GPA|ID|IP|IRS|ISBN|NY|NYC|OTP|PO|SUV|UK|UN|UPC|UPS|URL|"
    "USA?|USPS|UTC|VAT|VIP"
)


def _spelt(letters: str) -> str:
    return " ".join(letters.upper())


def _initials(match: re.Match[str]) -> str:
    return _spelt(match[1]) + (match[2] and "'s")


def _dotted(match: re.Match[str]) -> str:
    ends = match.end() == len(match.string)
    return _spelt(match[0].replace(".", "")) + ("." if ends else "")


def _initial(match: re.Match[str]) -> Said:
    """The point of "J. Smith" is none; that of "so do I. Then" is."""
    before = _word_before(match)
    return None if before.islower() and before not in _BEFORE_INITIALS else match[1]


def _abbreviation(match: re.Match[str]) -> str:
    full = _ABBREVIATIONS[match[1].replace(".", r"\.")]
    return full if match[2] is None else f"{full}."


def _saint_or_street(match: re.Match[str]) -> str:
    return "Street." if _word_before(match)[:1].isupper() else "Saint"


def _word_before(match: re.Match[str]) -> str:
    before = match.string[: match.start()].split()
    return before[-1] if before else ""


# --- addresses and identifiers --------------------------------------------------------------


def _address(match: re.Match[str]) -> str:
    bare = re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", match[0])
    return " ".join(map(_address_part, re.findall(r"[a-zA-Z]+|\d+|.", bare)))


def _address_part(part: str) -> str:
    if part.isdecimal():
        return digits(part)
    spelt = re.fullmatch(r"[^aeiouyAEIOUY]{2,}|ai|eu|io|uk|us", part)
    return _spelt(part) if part.isalpha() and spelt else _IN_ADDRESSES.get(part, part)


def _identifier(match: re.Match[str]) -> str:
    parts = re.findall(r"[A-Z]+|\d+|\.", match[0])
    return " ".join(map(_identifier_part, parts))


def _identifier_part(part: str) -> str:
    if part.isdecimal():
        return digits(part)
    if len(part) > 3 and re.search("[AEIOU]", part):
        return part.capitalize()  # COVID-19
    return "dot" if part == "." else _spelt(part)


def _digit_groups(match: re.Match[str]) -> str:
    groups = ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))
    return f"plus {groups}" if match[0].startswith("+") else groups


def _after(*names: str) -> str:
    """Right after one of these words."""
    return "(?:" + "|".join(rf"(?<=\b{name} )" for name in names) + ")"


RULES: list[tuple[re.Pattern[str], Say]] = [
    # --- addresses
    (re.compile(r"[\w.+-]*\w@[\w-]+(?:\.[\w-]+)*\.\w[\w-]*"), _address),
    (re.compile(r"\bhttps?://[^\s<>()\"']*[\w/]"), _address),
    (re.compile(rf"\b(?:[\w-]+\.)+(?:{_DOMAINS})\b(?:/(?:[\w/.?=&%#~+-]*[\w/])?)?"), _address),
    # --- dates in figures
    (re.compile(r"(?<![\d-])(\d{4})-(\d\d?)-(\d\d?)(?![\d-])"), amounts.iso_date),
    (re.compile(r"(?<![\d/-])(\d\d?)-(\d\d?)-(\d{4})(?![\d-])"), amounts.us_date),
    (re.compile(r"(?<![\d/])(\d)/(\d)(?![\d/])"), amounts.fraction),
    (re.compile(r"(?<![\d/])(\d\d?)/(\d\d?)(?:/(\d{4}|\d\d))?(?![\d/])"), amounts.us_date),
    # --- identifiers: letters and figures mixed, telephone numbers, figures after their name
    (
        re.compile(
            rf"(?<![\w.])(?!\d+(?:[AP]M|ST|ND|RD|TH|{_UNIT})\b)(?=[A-Z.-]*\d)(?=[\d.-]*[A-Z])"
            r"(?=[A-Z\d.-]{3})[A-Z\d]+(?:[-.][A-Z\d]+)*(?!\w)"
        ),
        _identifier,
    ),
    (re.compile(r"(?:\+?\b\d{1,3}[ .-])?\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"), _digit_groups),
    (re.compile(r"\+\d[\d ()-]{5,}\d\b|\b\d{4}(?:[ -]\d{4}){2,}\b"), _digit_groups),
    (re.compile(r"(?:\(?\b\d{3}\)?[ .-]+)?\b\d{3}[.-]\d{4}\b|\b\d+(?:-\d+){2,}\b"), _digit_groups),
    (
        re.compile(
            rf"(?i){_after('order', 'number', 'code', 'account', 'reference', 'ticket', 'pin')}"
            r"\d{3,}|(?<=\bending in )\d+|(?<=\bending with )\d+"
        ),
        _digit_groups,
    ),
    (re.compile(r"#\s?(\d{3,})"), _digit_groups),
    (re.compile(r"#(?=\s?\d)|\bN[or]\.(?=\s?\d)"), "number"),
    # --- ranges and signs
    (re.compile(r"(?<=[\d%])\s?[-–—]\s?(?=[$€£\d])|(?i:(?<=\d[ap]m))\s?[-–—]\s?(?=\d)"), "to"),
    (
        re.compile(rf"\b({_DAY})\s?([-–—])\s?({_DAY})\b"),
        lambda m: (_DAYS[m[1]], "to", _DAYS[m[3]]),
    ),
    (re.compile(r"(?<=[a-z]day)\s?[-–—]\s?(?=[A-Z][a-z]+day\b)"), "to"),
    (re.compile(r"(?<![\w)])-(?=[\d$€£.])"), "minus"),
    (re.compile(r"~(?=\s?[\d$€£])"), "about"),
    (re.compile(r"(?<=\d)\s?\*\s?(?=\d)"), "times"),
    (re.compile(r"(?<!\S)<(?=\s)|<(?=\s?\d)"), "less than"),
    (re.compile(r"(?<!\S)>(?=\s)|>(?=\s?\d)"), "more than"),
    # --- amounts, times and dates
    (
        re.compile(
            r"([$€£¥])\s?(\d[\d,]*(?<!,))(?:\.(\d+))?(?:\s?(thousand|million|billion|k|K|M|B|bn)\b)?"
        ),
        amounts.money,
    ),
    (re.compile(r"(?<![\d.,])(\d[\d,]*(?<!,))(?:\.(\d\d?))?\s?([€£])"), amounts.money_after),
    (re.compile(rf"(?<=[\d%{SAID}])/(?=(?:hour|day|night|week|month|year)\b)"), "per"),
    (
        re.compile(r"\b(\d\d?(?::[0-5]\d)?)\s?([aApP](?:\.\s?[mM]\.(?=,|\s+[a-z])|\.?\s?[mM]\b))"),
        amounts.half_day,
    ),
    (re.compile(r"\b(\d\d?):([0-5]\d)\b"), amounts.clock),
    (re.compile(rf"\b((?:{_MONTH})\.?) (\d\d?(?:st|nd|rd|th)?)\b(?!:)"), amounts.month_day),
    (re.compile(rf"\b(\d\d?(?:st|nd|rd|th)?)(?: of)? ({_MONTH})\b"), amounts.day_month),
    (re.compile(r"\b(\d{1,4})(?:st|nd|rd|th)\b"), lambda m: ordinal(int(m[1]))),
    # --- numbers
    (re.compile(rf"(?:(?<=\d)|(?<=\d ))({_UNIT})\b(?:\.(?=\s+[a-z]))?"), amounts.unit),
    (
        re.compile(r"(?<!\d)\d+(?:\.\d+){2,}"),
        lambda m: " point ".join(map(digits, m[0].split("."))),
    ),
    (re.compile(r"(?<!\d)(\d{1,3}(?:,\d{3})+|\d+)\.(\d+)"), amounts.decimal),
    (re.compile(r"(?<![\w.])()\.(\d+)"), amounts.decimal),
    (re.compile("[½⅓⅔¼¾]"), amounts.fraction_sign),
    (re.compile(r"\b((?:19|20)\d0|[2-9]0)s\b"), amounts.decade),
    (re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"), amounts.number),
    # --- abbreviations and symbols
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/(?=\s|\w)"), "with"),
    (re.compile(r"\bDr\.?(?=\s+[A-Z])"), "Doctor"),
    (re.compile(r"\bSt\.(?=\s+[A-Z])"), _saint_or_street),
    (re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\.(\s*$)?"), _abbreviation),
    (re.compile(r"\b(?:[A-Za-z]\.){2,}"), _dotted),
    (re.compile(r"\b([A-Z])\.(?=\s+[A-Z])"), _initial),
    (re.compile(rf"\b({_SPELT}|{_NO_VOWELS})(s?)\b"), _initials),
    (re.compile(r"(?<!\S)\*(?=[\s.,;:!?]|$)"), "star"),
    (re.compile(r"(?<!\S)#(?=[\s.,;:!?]|$)"), "pound"),
    (re.compile("[" + re.escape("".join(_SYMBOLS)) + "]"), lambda m: _SYMBOLS[m[0]]),
    (re.compile(r"(?<=\s)[-–](?=\s)|—|\.{2,}|…|[()|]"), ","),
]
