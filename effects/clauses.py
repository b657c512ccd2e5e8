"""Cuts a stream of text into clauses, so that the voice can begin before the reply is whole.

The end of a sentence or of a line always cuts. A comma, semicolon, colon or dash cuts once
enough has been gathered: little for the first clause, so that sound starts early, more for each
later one, so that the voice has a phrase to shape. An acknowledgement at the very beginning
("Sure,") is a clause of its own.

Only a mark that is followed by white space cuts, which keeps numbers, times, addresses and
identifiers whole; the point of an abbreviation or an initial does not. Where only the next word
can tell ("5 p.m. The", "5 p.m. today"), the cutter waits for it.

Markup is taken out on the way; what it said of the weight of words becomes that of the clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from effects.markup import MarkupFilter, Run
from effects.ports import Weight

ENOUGH_CHARS = (16, 40, 64, 96)
"""How much the first clause needs before a comma cuts it, the second, and so on."""

LONGEST_CLAUSE_CHARS = 220

_BREAK = re.compile(
    r"""\n|[.!?…]+["')\]”’]*(?=\s)|[,;:]["')\]”’]*(?=\s)|(?<=\s)[–—-](?=\s)|(?<=[^\W\d])—(?=[^\W\d])"""
)
_CLOSERS = "\"')]”’"
_ACKNOWLEDGEMENT = re.compile(
    r"(?:yes|yeah|yep|sure(?: thing)?|ok|okay|right|all ?right|alright|got it|of course|certainly"
    r"|absolutely|definitely|great|perfect|good|thanks|thank you|understood|i see|no problem"
    r"|sounds good|my pleasure|you're welcome)",
    re.IGNORECASE,
)
# After these, no sentence ends.
_NEVER_LAST = frozenset(
    "mr mrs ms dr prof rev gen sen gov capt lt col sgt st mt ft vs e.g i.e cf approx fig".split()
)
# After these, a sentence ends if what follows begins one.
_SELDOM_LAST = frozenset(
    "etc inc ltd co corp jr sr dept ave blvd rd apt min max hr hrs lb lbs oz tel ext jan feb mar "
    "apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun".split()
)
_BEFORE_FIGURES = frozenset("no nr nos pp p".split())

_FIGURES = re.compile(r"[\d$€£¥½⅓⅔¼¾]")
_DAY_OR_MONTH = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|tonight|yesterday|noon"
    r"|midnight|january|february|april|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_NUMBER_WORD = (
    "(?:oh|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    "|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    "|ninety|hundred|thousand|million)"
)
_NUMBER_IN_WORDS = re.compile(rf"\b{_NUMBER_WORD}[ -]{_NUMBER_WORD}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cut:
    """A clause as it was written, and what it means that it is not heard."""

    text: str
    weight: Weight = "plain"


def weight_of(text: str, marked: Weight = "plain") -> Weight:
    """The weight of a clause: as it was ``marked``; otherwise ``key`` if it is a question or
    tells a number, an amount, a day or a time."""
    if marked != "plain":
        return marked
    tells = (_FIGURES, _NUMBER_IN_WORDS, _DAY_OR_MONTH)
    return "key" if "?" in text or any(found.search(text) for found in tells) else "plain"


class ClauseCutter:
    """Feed it text as it comes; it returns the clauses that are complete."""

    def __init__(self) -> None:
        self._markup = MarkupFilter()
        self._text = ""
        self._marks: list[Weight] = []
        """How each character of the text was marked."""
        self._cuts = 0
        self._begun = False

    def feed(self, text: str) -> list[Cut]:
        """Add text; returns the clauses that it completes (often none). Whatever the pieces in
        which a text comes, its clauses are the same."""
        return [cut for char in text for cut in self._take(self._markup.feed(char))]

    def flush(self) -> list[Cut]:
        """The text is at its end; returns what is left. Another text of the same reply may
        follow, after a tool was used."""
        runs, self._markup = self._markup.flush(), MarkupFilter()
        return [*self._take(runs), *self._cut(len(self._text))]

    def _take(self, runs: Iterable[Run]) -> list[Cut]:
        cuts: list[Cut] = []
        for run in runs:
            may_cut = any(map(str.isspace, self._text[-1:] + run.text)) or "—" in self._text[-1:]
            self._text += run.text
            self._marks += [run.weight] * len(run.text)
            while may_cut and (end := self._next_break()) is not None:
                cuts += self._cut(end)
        return cuts

    def _cut(self, end: int) -> list[Cut]:
        text, marks = self._text[:end], self._marks[:end]
        self._text, self._marks = self._text[end:], self._marks[end:]
        if not re.search(r"\S", text):
            return []
        self._cuts += self._begun or not _is_acknowledgement(text)
        self._begun = True
        said = {mark for char, mark in zip(text, marks, strict=True) if not char.isspace()}
        marked: Weight = "must" if "must" in said else "key" if "key" in said else "plain"
        # A picture that was dropped leaves the space before it.
        text = re.sub(r"\s+(?=[.,?!;:](?:\s|$))", "", " ".join(text.split()))
        return [Cut(text, weight_of(text, marked))]

    def _next_break(self) -> int | None:
        """Where the next clause ends; None if there is no end yet, or only more text can tell."""
        word = re.search(r"\w", self._text)
        for found in _BREAK.finditer(self._text, word.end()) if word else ():
            before, after = self._text[: found.start()], self._text[found.end() :].lstrip()[:1]
            if found[0] == "." and before[-1].isspace():
                continue  # of an ellipsis
            ends = self._ends(before.rstrip(), found[0].rstrip(_CLOSERS), after)
            if ends is None:
                return None
            if ends:
                return found.end()
        return self._last_resort()

    def _ends(self, before: str, mark: str, after: str) -> bool | None:
        """Whether a clause ends at a mark; None if that depends on what comes ``after`` it."""
        if mark == "\n" or (not self._begun and _is_acknowledgement(before)):
            return True
        if mark[0] in ".!?…":
            return mark != "." or _ends_sentence(before, after)
        if len(before) + 1 < ENOUGH_CHARS[min(self._cuts, len(ENOUGH_CHARS) - 1)]:
            return False
        return _not_figures(after) if before[-1].isdigit() else True

    def _last_resort(self) -> int | None:
        """Too long for one breath: between two words, but not within a number."""
        if len(self._text) <= LONGEST_CLAUSE_CHARS:
            return None
        spaces = [
            found.start() for found in re.finditer(r"(?<!\d)\s(?=\S)|\s(?=[^\s\d])", self._text)
        ]
        within = [space for space in spaces if space <= LONGEST_CLAUSE_CHARS]
        return within[-1] if within else next(iter(spaces), None)


def _is_acknowledgement(text: str) -> bool:
    return _ACKNOWLEDGEMENT.fullmatch(text.strip(" \n\"'.,!;:…–—-")) is not None


def _ends_sentence(before: str, after: str) -> bool | None:
    """Whether a point ends a sentence; None if only what comes after it can tell."""
    word = re.split(r"[\s(\[\"“‘—]", before)[-1]
    if len(word) == 1 and word.isalpha():
        return False  # an initial
    if word.isdecimal():
        return False if word == before else _not_figures(after)  # a number of a list
    name = word.lower()
    if name in _NEVER_LAST or re.fullmatch(r"(?:[A-Z][a-z]?\.)+[A-Z]", word):
        return False
    if name in _BEFORE_FIGURES:
        return _not_figures(after)
    if name in _SELDOM_LAST or re.fullmatch(r"(?:\w\.)+\w", word):
        return None if not after else not (after.islower() or after.isdecimal())
    return True


def _not_figures(after: str) -> bool | None:
    return None if not after else not after.isdecimal()
