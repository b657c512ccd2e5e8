"""Cuts a stream of text into clauses, so that the voice can begin before the reply is whole.

A sentence end always cuts. A comma, semicolon, colon or dash cuts once enough has been
gathered: little for the first clause, so that sound starts early, more for later ones, so
that the voice has a phrase to shape. Only a mark followed by white space cuts, which keeps
numbers, times and addresses whole; an abbreviation's full stop does not.
"""

from __future__ import annotations

import re

FIRST_CLAUSE_CHARS = 16
LATER_CLAUSE_CHARS = 48
LONGEST_CLAUSE_CHARS = 220

_BREAK = re.compile(r"[.!?…]+[\"')\]]*(?=\s)|[,;:](?=\s)|\s[–—-](?=\s)")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr st no vs etc approx dept e.g i.e a.m p.m inc ltd jr sr".split()
)


class ClauseCutter:
    """Feed it text as it comes; it returns the clauses that are complete."""

    def __init__(self) -> None:
        self._text = ""
        self._cut_any = False

    def feed(self, text: str) -> list[str]:
        """Add text; returns the clauses that it completes (often none)."""
        self._text += text
        clauses = []
        while (end := self._next_break()) is not None:
            clauses.extend(self._cut(end))
        return clauses

    def flush(self) -> list[str]:
        """The text is at its end; returns what is left as a clause, if there is any."""
        return self._cut(len(self._text))

    def _cut(self, end: int) -> list[str]:
        clause, self._text = self._text[:end].strip(), self._text[end:]
        if not clause:
            return []
        self._cut_any = True
        return [clause]

    def _next_break(self) -> int | None:
        enough = LATER_CLAUSE_CHARS if self._cut_any else FIRST_CLAUSE_CHARS
        for match in _BREAK.finditer(self._text):
            if match.group()[0] in ".!?…":
                if not self._is_abbreviation(match.start()):
                    return match.end()
            elif match.end() >= enough:
                return match.end()
        if len(self._text) > LONGEST_CLAUSE_CHARS:
            space = self._text.rfind(" ", 0, LONGEST_CLAUSE_CHARS)
            return space if space > 0 else LONGEST_CLAUSE_CHARS
        return None

    def _is_abbreviation(self, stop: int) -> bool:
        word = re.search(r"[\w.]*$", self._text[:stop])
        return word is not None and word.group().lower() in _ABBREVIATIONS
