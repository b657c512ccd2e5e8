"""Text as it is written, turned into text as it is said.

A language model writes "$12.50", "2:30 pm", "**now**" and "order 29340"; a caller hears "twelve
dollars and fifty cents", "two thirty p m", "now" and "order two nine three four zero". What
comes out is words, apostrophes and the punctuation that a voice breathes at, nothing else.

American English. A rule is here because a telephone agent says such things, and each is one
line in a table, applied in order: what an earlier rule has put into words no later one sees.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from adapters.embedded.number_words import cardinal, digits, ordinal, year

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_NUMBERED = r"(?:order|number|code|pin|account|extension|ext|ending in|ending with|case|ticket)"
_TOP_LEVEL = r"(?:com|org|net|io|gov|edu|co|us|uk|info|app|dev|ai)"
_MONEY = {"$": ("dollar", "cent"), "€": ("euro", "cent")}
_SIGNS = {".": " dot ", "@": " at ", "-": " dash ", "_": " underscore ", "/": " slash "}
# Initials that are also words; one without a vowel needs no entry.
_INITIALS = "AI|AM|ATM|ETA|EU|FAQ|ID|IDs|IT|UK|UPS|URL|US|USA|USB|USPS"

_Rule = tuple[str, str | Callable[[re.Match[str]], str]]


def spoken(text: str) -> str:
    """What a voice should say for ``text``: words and ``. , ? ! ; :`` only, one line.

    Markdown, emoji and symbols that nobody reads out are dropped. The result may be empty.
    """
    for pattern, said in _COMPILED:
        text = pattern.sub(said, text)
    kept = "".join(c if c.isalpha() or c in " '.,?!;:" else " " for c in text)
    kept = re.sub(r"\s+([.,?!;:])", r"\1", kept)
    kept = re.sub(r"[,;:]+([.?!])|([.?!])[.,;:]+|([,;:])[,;:]+", r"\1\2\3", kept)
    return " ".join(kept.split()).lstrip(",;:. ")


def _spelt(letters: str) -> str:
    """Letter by letter; the two that are also words are given by their names."""
    names = {"a": "ay", "i": "eye"}
    return " ".join(names.get(letter, letter) for letter in letters.lower())


def _address(match: re.Match[str]) -> str:
    bare = re.sub(r"^https?://|^www\.|/$", "", match[0], flags=re.IGNORECASE)
    return "".join(_SIGNS.get(c, f" {digits(c)} " if c.isdecimal() else c) for c in bare)


def _money(match: re.Match[str]) -> str:
    unit, hundredth = _MONEY[match["unit"]]
    whole, cents = int(match["whole"].replace(",", "")), int(match["cents"] or 0)
    if match["scale"]:
        return f"{cardinal(whole)} {match['scale']} {unit}s"
    parts = [(whole, unit)] if whole or not cents else []
    parts += [(cents, hundredth)] if cents else []
    return " and ".join(f"{cardinal(n)} {name}{'' if n == 1 else 's'}" for n, name in parts)


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), match["minute"], match["half"]
    words = [cardinal(hour)]
    if minute == "00" and not half:
        words.append("o'clock")
    elif minute and minute != "00":
        words.append(f"oh {cardinal(int(minute))}" if minute[0] == "0" else cardinal(int(minute)))
    if half:
        words.append(_spelt(half + "m"))
    return " ".join(words)


def _identifier(match: re.Match[str]) -> str:
    parts = re.findall(r"[A-Za-z]+|\d+", match[0])
    return " ".join(digits(part) if part.isdecimal() else _spelt(part) for part in parts)


def _number(match: re.Match[str]) -> str:
    """A number by its looks: grouped by commas, a year, an identifier, or else an amount."""
    figures = match[0]
    if "," in figures:
        return cardinal(int(figures.replace(",", "")))
    if len(figures) >= 5 or (len(figures) > 1 and figures[0] == "0"):
        return digits(figures)
    if len(figures) == 4:
        return year(int(figures)) if 1900 <= int(figures) < 2100 else digits(figures)
    return cardinal(int(figures))


_RULES: list[_Rule] = [
    # --- what is written but never said
    (r"```.*?```", " "),
    (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link is its text
    (r"(?m)^\s*(?:#+|>|[-*•]|\d+[.)](?=\s))\s*", ""),  # headings, quotes, lists
    (r"[*`~]+|(?<!\w)_+|_+(?!\w)", ""),
    (r"(?m)(?<=[^\s.,?!;:])\s*\n+", ". "),
    (r"[’‘]", "'"),
    (r"\.{2,}|…", ", "),
    (r"\s[-–]\s|—|[()|]", ", "),
    # --- addresses
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    (rf"(?i)\b(?:https?://)?(?:[\w-]+\.)+{_TOP_LEVEL}\b(?:/[\w/-]*)?", _address),
    # --- abbreviations
    (r"\bDr\.?(?=\s+[A-Z])", "Doctor"),
    (r"\b(Mr|Ms|Mrs)\.", lambda m: {"Mr": "Mister", "Ms": "Miz", "Mrs": "Missus"}[m[1]]),
    (r"(?<![a-z0-9]\s)(?<=\s)St\.(?=\s+[A-Z])|^St\.(?=\s+[A-Z])", "Saint"),
    (r"\b(?<=[a-z]\s)St\.(?=\s+[A-Z])", "Saint"),
]
_COMPILED = [(re.compile(pattern), said) for pattern, said in _RULES]
