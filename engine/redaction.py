"""Long numbers made unreadable: telephone numbers, card numbers, and what was keyed.

A number is a run of digits, written or spoken ("five five five, twenty one …"), with what people
put between them. It is made unreadable where it is long enough for a telephone number, is a card
number by its check digit, or was keyed; and then wherever else the call has a part of it, because
a transcript grows word by word and a reply is composed clause by clause.

Each digit becomes a zero and not a cross: a journal has to take the same transitions when it is
replayed, and they depend on how many words were said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

TELEPHONE_DIGITS = range(7, 16)
"""From a local number to the longest that there is (E.164)."""

CARD_DIGITS = range(13, 20)
SHORTEST_PART = 3
"""A part of a number that is shorter tells nothing, and is found everywhere."""

_UNITS = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_DIGITS = {
    **{word: str(number) for number, word in enumerate(_UNITS + _TEENS)},
    **{word: f"{tens}0" for tens, word in enumerate(_TENS, 2)},
    **{"oh": "0", "o": "0"},
}
_TIMES = {"double": 2, "triple": 3, "treble": 3}

_WORD = rf"\b(?:{'|'.join(_DIGITS)})\b"
_BETWEEN = rf"(?:[\s().,;+-]|\b(?:{'|'.join(_TIMES)}|dash|hyphen)\b)*"
_RUN = re.compile(rf"(?<!\w)(?:\d|{_WORD})(?:{_BETWEEN}(?:\d|{_WORD}))*", re.IGNORECASE)
_TOKEN = re.compile(rf"\d|{_WORD}|\b(?:{'|'.join(_TIMES)})\b", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_KEYS = "0123456789"

_TEXTS = frozenset("text words heard unheard arguments result reason".split())
"""The fields of journal lines that hold what somebody said, keyed, or asked of a tool."""

_JSON_TEXTS = frozenset(("arguments", "result"))

Line = dict[str, Any]
"""A journal line as JSON has it."""


class Redactor:
    """Knows the numbers of one call, from all its texts and keys."""

    def __init__(self, texts: Iterable[str], keyed: Iterable[str] = ()) -> None:
        self._numbers = {number for number in keyed if len(number) >= SHORTEST_PART}
        for text in texts:
            self._numbers.update(filter(_is_long, map(_digits, _runs(text))))

    def text(self, text: str) -> str:
        """A text with its numbers made unreadable; done twice, it changes nothing more."""
        return _RUN.sub(lambda run: _zeros(run[0]) if self._hides(run[0]) else run[0], text)

    def _hides(self, run: str) -> bool:
        if _DATE.fullmatch(run):
            return False
        digits = _digits(run)
        if _is_long(digits):
            return True
        return len(digits) >= SHORTEST_PART and any(
            digits in number or number in digits for number in self._numbers
        )

    def value(self, value: Any) -> Any:
        """The same for a value that JSON has, and all within it."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int() | float():
                shown = self.text(str(value))
                return value if shown == str(value) else shown
            case dict():
                return {key: self.value(inner) for key, inner in value.items()}
            case list():
                return [self.value(inner) for inner in value]
        return value

    def json(self, text: str) -> str:
        """The same for a JSON text, which stays one."""
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return self.text(text)
        hidden = self.value(value)
        return text if hidden == value else msgspec.json.encode(hidden).decode()


def redacted(text: str) -> str:
    """One text by itself."""
    return Redactor([text]).text(text)


def redacted_journal(lines: Sequence[bytes]) -> list[bytes]:
    """A journal's lines with the numbers in them made unreadable, and its head saying so. A line
    that cannot be read is left out: nobody knows what it says."""
    decoded = [line for text in lines if (line := _decoded(text)) is not None]
    keyed, masked_keys = _keyed(decoded)
    redactor = Redactor(_texts(decoded), keyed)
    hidden: list[bytes] = []
    for number, line in enumerate(decoded):
        if line["line"] == "head":
            hidden.append(msgspec.json.encode({**line, "redacted": True}))
            continue
        line = _within(line, redactor)
        if number in masked_keys and line["event"]["digit"] in _KEYS:
            line["event"]["digit"] = "0"
        hidden.append(msgspec.json.encode(line))
    return hidden


def _decoded(text: bytes) -> Line | None:
    try:
        line = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return line if isinstance(line, dict) and "line" in line else None


def _keyed(lines: Sequence[Line]) -> tuple[list[str], set[int]]:
    """The numbers that were keyed, and in which lines: the keys of one turn, if there are enough
    of them to be a secret and not a choice."""
    numbers: list[str] = []
    where: set[int] = set()
    keys, at = "", set[int]()
    for place, line in enumerate(lines):
        event = line["event"] if line["line"] == "event" else {}
        if event.get("event") == "dtmf":
            keys += event["digit"] if event["digit"] in _KEYS else ""
            at.add(place)
        over = any(name == "committed" for _, name in line.get("took", ()))
        if over or line["line"] == "end" or place == len(lines) - 1:
            if len(keys) >= SHORTEST_PART:
                numbers.append(keys)
                where |= at
            keys, at = "", set()
    return numbers, where


def _texts(value: Any) -> Iterable[str]:
    """What is said in journal lines, wherever it stands."""
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict) and value.get("line") != "head":
        for key, inner in value.items():
            if isinstance(inner, str):
                if key in _TEXTS:
                    yield inner
            else:
                yield from _texts(inner)


def _within(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, list):
        return [_within(inner, redactor) for inner in value]
    if not isinstance(value, dict):
        return value
    hidden = {}
    for key, inner in value.items():
        if not isinstance(inner, str):
            hidden[key] = _within(inner, redactor)
        elif key in _JSON_TEXTS:
            hidden[key] = redactor.json(inner)
        else:
            hidden[key] = redactor.text(inner) if key in _TEXTS else inner
    return hidden


# --- runs of digits -------------------------------------------------------------------------


def _runs(text: str) -> list[str]:
    return [run[0] for run in _RUN.finditer(text) if not _DATE.fullmatch(run[0])]


def _digits(run: str) -> str:
    """The digits of a run, as they are meant."""
    digits, times, after_tens = "", 1, False
    for token in _TOKEN.findall(run.casefold()):
        if token in _TIMES:
            times = _TIMES[token]
            continue
        digit = _DIGITS.get(token, token)
        if after_tens and token in _UNITS[1:]:
            digits = digits[:-1]  # twenty one is 21
        digits += digit * times
        times, after_tens = 1, token in _TENS
    return digits


def _is_long(digits: str) -> bool:
    return len(digits) in TELEPHONE_DIGITS or (len(digits) in CARD_DIGITS and _checks(digits))


def _checks(digits: str) -> bool:
    """Whether the last digit is the check digit of the others, as cards have it (Luhn)."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _zeros(run: str) -> str:
    """The run with nothing but zeros, in as many words and digits."""
    before = ""

    def zero(match: re.Match[str]) -> str:
        nonlocal before
        token, last = match[0].casefold(), before
        before = token
        if token in _TIMES:
            return match[0]
        if token in _TENS:
            return "twenty"
        if token in _TEENS:
            return "ten"
        if token in _UNITS[1:] and last in _TENS:
            return "one"
        return "0" if token.isdecimal() else "zero"

    return _TOKEN.sub(zero, run)
