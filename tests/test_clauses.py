"""Text becomes clauses as it streams."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from effects.clauses import LONGEST_CLAUSE_CHARS, ClauseCutter


def cut(text: str, size: int = 1) -> list[str]:
    cutter = ClauseCutter()
    clauses = []
    for start in range(0, len(text), size):
        clauses += cutter.feed(text[start : start + size])
    return clauses + cutter.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Sure. It left today.", ["Sure.", "It left today."]),
        ("Order two nine three four zero: hiking boots.",
         ["Order two nine three four zero:", "hiking boots."]),
        ("That is 12.50 in all, at 2:30 p.m. today.",
         ["That is 12.50 in all,", "at 2:30 p.m. today."]),
        ("Ask Dr. Smith. He knows.", ["Ask Dr. Smith.", "He knows."]),
        ("Well, yes.", ["Well, yes."]),
        ("See www.example.com. Bye.", ["See www.example.com.", "Bye."]),
        ("", []),
        ("   ", []),
    ],
)  # fmt: skip
def test_cuts_where_a_voice_would_breathe(text: str, clauses: list[str]) -> None:
    """Sentences cut; commas once there is enough; numbers, times and titles stay whole."""
    assert cut(text) == clauses


@given(st.text(alphabet="ab ,.?!:;–0123\n", max_size=400), st.integers(1, 9))
def test_nothing_is_lost_however_it_streams(text: str, size: int) -> None:
    """The clauses hold every character but white space, whatever the pieces they came in."""
    assert "".join("".join(cut(text, size)).split()) == "".join(text.split())
    assert cut(text, size) == cut(text)


@given(st.integers(300, 2000))
def test_a_text_without_a_break_is_cut_all_the_same(length: int) -> None:
    """No clause is longer than the limit."""
    clauses = cut("word " * (length // 5), 7)
    assert max(map(len, clauses)) <= LONGEST_CLAUSE_CHARS
