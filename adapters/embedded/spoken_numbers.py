"""Order numbers as callers speak them and as speech recognisers write them down.

A number arrives in any mixture of shapes: "two nine three four zero", "29, 340", "twenty nine
three forty", "double four", in pieces with "uh" between them, with "to" written for "two".
Words that only sound like digits (to, for, ate, won, oh) count as digits where the digits
around them, or the number of digits that is awaited, say so; elsewhere they are just words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ORDER_DIGITS = 5

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UNITS = {name: str(value) for value, name in enumerate(_NAMES)} | {
    "nought": "0",
    "naught": "0",
    "niner": "9",
}
TEENS = dict(
    zip(
        (
            *("ten", "eleven", "twelve", "thirteen", "fourteen"),
            *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ),
        map(str, range(10, 20)),
        strict=True,
    )
)
TENS = {
    **{"twenty": "2", "thirty": "3", "forty": "4", "fifty": "5"},
    **{"sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9"},
}
_SOUNDS_LIKE = {
    **{"o": "0", "oh": "0", "won": "1", "to": "2", "too": "2", "q": "2", "free": "3", "tree": "3"},
    **{"for": "4", "fore": "4", "sicks": "6", "ate": "8"},
}
_REPEATED = {"double": 2, "triple": 3}


def word_set(*lines: str) -> frozenset[str]:
    """The words of some lines of text."""
    return frozenset(word for line in lines for word in line.split())


_FILLERS = word_set("uh um er erm ah hm hmm and then dash comma space")
# Words that may stand around a number in an utterance that is about nothing else.
_PREFACE = word_set(
    "it it's its is i'm the my a order number numbers digit digits last first remaining rest are",
    "that that's yes yeah okay ok sure well so please thanks hi hello sorry no",
)
# A number before one of these counts something; it is not an order number.
_COUNTED = word_set(
    "minute minutes hour hours day days week weeks month months year years",
    "people times dollars percent of am pm oclock",
)
_SELF_CORRECTION = word_set("no sorry mean wait correction actually rather scratch")
_CONTRAST = word_set("not instead rather")


@dataclass(frozen=True, slots=True)
class Fix:
    """A correction of a number said before: ``right`` in place of ``wrong``, or in place of
    the last digits where ``wrong`` is empty."""

    right: str
    wrong: str = ""

    def applied_to(self, number: str) -> str:
        """The corrected number; empty where it is unclear which digits are meant."""
        if not self.wrong:
            return number[: -len(self.right)] + self.right if number else ""
        return number.replace(self.wrong, self.right) if number.count(self.wrong) == 1 else ""


@dataclass(frozen=True, slots=True)
class SpokenNumber:
    """The digits found in an utterance, or a correction of earlier digits; never both."""

    digits: str = ""
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits spoken as one ("nine", "forty two"); ``sure`` unless they only sound so."""

    digits: str
    sure: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """Groups with nothing but fillers between them; tokens[start:end]."""

    groups: tuple[_Group, ...]
    start: int
    end: int


def find_number(tokens: Sequence[str], awaited: int = ORDER_DIGITS) -> SpokenNumber:
    """Find the order number, or the piece of one, in an utterance.

    ``tokens`` are lower-case words and numerals. ``awaited`` is how many digits are still
    missing from the number under way; 0 where the caller was not asked for a number.
    """
    runs = _runs(tokens)
    if fix := _contrast(tokens, runs):
        if len(fix.right) == ORDER_DIGITS:
            return SpokenNumber(fix.right)
        return SpokenNumber(fix=fix)
    whole = _about_nothing_else(tokens, runs)
    accepted = [(run, found) for run in runs if (found := _digits(tokens, run, awaited, whole))]
    if not accepted:
        return SpokenNumber()
    digits = _joined(tokens, accepted)
    if awaited in (0, ORDER_DIGITS) and _names_last(tokens, accepted[0][0], digits):
        return SpokenNumber(fix=Fix(digits))
    return SpokenNumber(digits)


def spell(digits: str) -> str:
    """Digits as words, the way they are best spoken: "two nine three four zero"."""
    return " ".join(_NAMES[int(digit)] for digit in digits)


# --- groups and runs ------------------------------------------------------------------------


def read_below_hundred(tokens: Sequence[str], at: int) -> tuple[str, int] | None:
    """The number below a hundred, or the numeral, at ``at``, and where the tokens go on."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token[0].isdigit():
        return token.replace("o", "0").replace(":", ""), at + 1
    if token in TENS:
        unit = UNITS.get(tokens[at + 1], "0") if at + 1 < len(tokens) else "0"
        return (TENS[token] + unit, at + 2) if unit != "0" else (TENS[token] + "0", at + 1)
    digits = TEENS.get(token) or UNITS.get(token)
    return (digits, at + 1) if digits else None


def _read_scaled(tokens: Sequence[str], at: int, scale: str, below: int) -> tuple[str, int] | None:
    """A cardinal such as "three hundred and forty"; scales nest: hundred within thousand."""
    inner = read_below_hundred if scale == "hundred" else _read_hundreds
    head = inner(tokens, at)
    if head is None or head[1] >= len(tokens) or tokens[head[1]] != scale:
        return head
    value, after = int(head[0]) * below, head[1] + 1
    skip = after + (after < len(tokens) and tokens[after] == "and")
    rest = inner(tokens, skip)
    if rest is not None and int(rest[0]) < below:
        return str(value + int(rest[0])), rest[1]
    return str(value), after


def _read_hundreds(tokens: Sequence[str], at: int) -> tuple[str, int] | None:
    return _read_scaled(tokens, at, "hundred", 100)


def _read_group(tokens: Sequence[str], at: int) -> tuple[_Group, int] | None:
    token = tokens[at]
    if token in _REPEATED and at + 1 < len(tokens):
        digit = UNITS.get(tokens[at + 1]) or _SOUNDS_LIKE.get(tokens[at + 1])
        if digit is None and tokens[at + 1] in "0123456789":
            digit = tokens[at + 1]
        if digit:
            return _Group(digit * _REPEATED[token], sure=True), at + 2
    if found := _read_scaled(tokens, at, "thousand", 1000):
        return _Group(found[0], sure=True), found[1]
    if token in _SOUNDS_LIKE:
        return _Group(_SOUNDS_LIKE[token], sure=False), at + 1
    return None


def _runs(tokens: Sequence[str]) -> list[_Run]:
    runs: list[_Run] = []
    groups: list[_Group] = []
    start = end = at = 0
    while at < len(tokens):
        if found := _read_group(tokens, at):
            start = at if not groups else start
            groups.append(found[0])
            at = end = found[1]
        elif groups and tokens[at] in _FILLERS:
            at += 1
        else:
            if groups:
                runs.append(_Run(tuple(groups), start, end))
                groups = []
            at += 1
    if groups:
        runs.append(_Run(tuple(groups), start, end))
    return runs


# --- which of it is the order number --------------------------------------------------------


def _about_nothing_else(tokens: Sequence[str], runs: list[_Run]) -> bool:
    inside = {at for run in runs for at in range(run.start, run.end)}
    return all(
        at in inside or token in _PREFACE or token in _FILLERS or token in _SELF_CORRECTION
        for at, token in enumerate(tokens)
    )


def _digits(tokens: Sequence[str], run: _Run, awaited: int, whole: bool) -> str:
    """The digits of a run as far as they belong to an order number; empty if none do."""
    sure = [at for at, group in enumerate(run.groups) if group.sure]
    spoken = [group.digits for group in run.groups]
    target = awaited or ORDER_DIGITS
    if not sure:
        every = "".join(spoken)
        return every if whole and awaited and len(every) == target else ""
    first, last = sure[0], sure[-1] + 1
    core = "".join(spoken[first:last])
    shapes = (core, "".join(spoken[:last]), "".join(spoken[first:]), "".join(spoken))
    digits = next((shape for shape in shapes if len(shape) == target), shapes[-1 if whole else 0])
    if run.end < len(tokens) and tokens[run.end] in _COUNTED:
        return ""
    before = tokens[max(0, run.start - 3) : run.start]
    named = any(word in ("number", "digit", "digits", "order") for word in before)
    likely = len(digits) >= 3 or last - first >= 2 or (awaited and len(digits) == awaited)
    return digits if likely or whole or named else ""


def _joined(tokens: Sequence[str], accepted: list[tuple[_Run, str]]) -> str:
    """One number out of its pieces, later pieces correcting earlier ones where said so."""
    previous, digits = accepted[0]
    for run, more in accepted[1:]:
        between = tokens[previous.end : run.start]
        overlap = len(digits) + len(more) - ORDER_DIGITS
        if _SELF_CORRECTION.isdisjoint(between):
            digits += more
        elif len(more) >= ORDER_DIGITS or not 0 < overlap <= len(digits):
            digits = more
        else:  # said again from where it went wrong, so that five digits come out
            digits = digits[:-overlap] + more
        previous = run
    said_twice = len(digits) == 2 * ORDER_DIGITS and digits[:ORDER_DIGITS] * 2 == digits
    return digits[:ORDER_DIGITS] if said_twice else digits


def _names_last(tokens: Sequence[str], run: _Run, digits: str) -> bool:
    before = tokens[max(0, run.start - 4) : run.start]
    return len(digits) < ORDER_DIGITS and any(word in ("last", "ends", "end") for word in before)


def _contrast(tokens: Sequence[str], runs: list[_Run]) -> Fix | None:
    """ "nine, not five", "nine instead of five", "not five but nine", "not five, nine"."""
    plain = ["".join(group.digits for group in run.groups if group.sure) for run in runs]
    at = next((at for at, digits in enumerate(plain) if digits), None)
    if at is None:
        return None
    first, after_not = plain[at], _is_negated(tokens, runs[at])
    if after_not and len(first) == 2 and len(runs[at].groups) == 2 and at + 1 == len(runs):
        return Fix(right=first[1], wrong=first[0])
    if at + 1 >= len(runs) or len(plain[at + 1]) != len(first):
        return None
    second, between = plain[at + 1], tokens[runs[at].end : runs[at + 1].start]
    if after_not:
        return Fix(right=second, wrong=first)
    if _CONTRAST.isdisjoint(between) or len(between) > 3:
        return None
    return Fix(right=first, wrong=second)


def _is_negated(tokens: Sequence[str], run: _Run) -> bool:
    before = [token for token in tokens[: run.start] if token not in ("a", "the")]
    return bool(before) and before[-1] == "not"
