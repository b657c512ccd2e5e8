"""Text becomes clauses as it streams."""

from __future__ import annotations

import re
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from effects.clauses import LONGEST_CLAUSE_CHARS, ClauseCutter, Cut, weight_of
from effects.ports import Weight


def cuts(*deltas: str) -> list[Cut]:
    cutter = ClauseCutter()
    return [cut for delta in deltas for cut in cutter.feed(delta)] + cutter.flush()


def cut(*deltas: str) -> list[str]:
    return [clause.text for clause in cuts(*deltas)]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize(
    "clauses",
    [
        ["Sure.", "It left today."],
        ["Order two nine three four zero:", "hiking boots."],
        ["That is 12.50 in all,", "at 2:30 p.m. today."],
        ["Well, yes."],
        ["Wait...", "what?"],
        ['He said "no."', "Then he left."],
        ["I can do that now —", "let me see."],
    ],
)
def test_cuts_where_a_voice_would_breathe(clauses: list[str]) -> None:
    """Sentences cut; commas once there is enough."""
    assert cut(" ".join(clauses)) == clauses


@pytest.mark.parametrize("said", ["Sure,", "Okay,", "Got it.", "Of course,", "Thank you —", "OK:"])
def test_an_acknowledgement_goes_out_at_once(said: str) -> None:
    """It is a clause of its own, and what follows it is as short as a first clause."""
    assert cut(f"{said} I can do that for you, and more besides.") == [
        said, "I can do that for you,", "and more besides.",
    ]  # fmt: skip


def test_it_is_one_only_at_the_very_beginning() -> None:
    """Later on, and with more words, it is like any other phrase."""
    assert cut("It left. Okay, so. Sure enough, yes.") == [
        "It left.",
        "Okay, so.",
        "Sure enough, yes.",
    ]


def test_clauses_grow() -> None:
    """Each needs more before a comma cuts it than the one before, up to a limit."""
    lengths = [len(clause) for clause in cut("one, " * 200)]
    assert all(sooner <= later for sooner, later in pairwise(lengths[:4]))
    assert lengths[0] < 20
    assert 96 <= max(lengths) < 101


@pytest.mark.parametrize(
    "whole",
    [
        "We sent 1,250. Of these 3.14 are here",
        "It is at 2:30. Or at 14:05. Or not",
        "Call 555 123 4567 or 1 250",
        "Ask Dr. Smith or Mrs. Lee on Main St. there",
        "We take cash, e.g. coins, i.e. money, vs. cards, etc. as well",
        "It comes at 5 p.m. today",
        "In the U.S. Mail",
        "It was J. R. Smith",
        "Write to j.doe@mail.example.com. Bye",
        "See https://www.example.com/a.b?c=d,e. Bye",
        "The id is ORD-123.45. Right",
        "It is due Nov. 3, 2026 or so",
        "No. 5 is yours",
        "Well . . . yes",
        "Wait...what",
    ],
)
def test_what_belongs_together_is_never_cut(whole: str) -> None:
    """Numbers, times, titles, abbreviations, initials, addresses, identifiers, ellipses: no
    clause ends in the middle of one, even where a piece of the stream does."""
    inside = (
        r"1,250|3\.14|2:30|14:05|555 123 4567|1 250|Dr\. Smith|Mrs\. Lee|Main St\. there"
        r"|e\.g\. coins|i\.e\. money|vs\. cards|etc\. as|5 p\.m\. today|U\.S\. Mail|J\. R\. Smith"
        r"|j\.doe@mail\.example\.com|https://www\.example\.com/a\.b\?c=d,e|ORD-123\.45"
        r"|Nov\. 3, 2026|No\. 5|Wait\.\.\.what|Well"
    )
    kept = re.findall(inside, whole)
    assert kept
    clauses = cut(*re.split(r"(?<=[.,:])", whole))
    for piece in kept:
        assert any(piece in clause for clause in clauses), clauses


@pytest.mark.parametrize(
    ("deltas", "clauses"),
    [
        (("It is 3.", "14 in all."), ["It is 3.14 in all."]),
        (("At 5 p.m. ", "The end."), ["At 5 p.m.", "The end."]),
        (("At 5 p.m. ", "the end."), ["At 5 p.m. the end."]),
        (("No. ", "5 is it."), ["No. 5 is it."]),
        (("No. ", "I am."), ["No.", "I am."]),
        (("So it is..", ". then"), ["So it is...", "then"]),
        (("To bob@example.", "com now."), ["To bob@example.com now."]),
        (("We sold them 1, ", "2 and 3."), ["We sold them 1, 2 and 3."]),
    ],
)
def test_a_mark_at_the_end_of_a_piece_waits(deltas: tuple[str, ...], clauses: list[str]) -> None:
    """What comes next decides."""
    assert cut(*deltas) == clauses


def test_a_clause_is_given_out_as_soon_as_it_is_certain() -> None:
    """The white space after a mark is enough, where only the next word can tell the word."""
    cutter = ClauseCutter()
    assert cutter.feed("Sure.") == []
    assert cutter.feed(" ") == [Cut("Sure.")]
    assert cutter.feed("At 5 p.m. ") == []
    assert cutter.feed("T") == [Cut("At 5 p.m.", "key")]


STREAMS = st.text(alphabet="abT ,.?!:;–—-0123\n*_#|[]()<>/&keymust`~😀'\"", max_size=200)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=20))
def test_it_does_not_matter_in_which_pieces_it_comes(text: str, ends: list[int]) -> None:
    """Any split of a text gives the same clauses with the same weights."""
    places = [0, *sorted(min(end, len(text)) for end in ends), len(text)]
    assert cuts(*(text[start:end] for start, end in pairwise(places))) == cuts(text)


@given(st.text(alphabet="abT ,.?!:;–—0123é'\"\n", max_size=400))
def test_no_word_is_lost(text: str) -> None:
    """The clauses joined hold every word in order. (A number that heads a line is marked off.)"""
    clauses = cut(text)
    assert words(" ".join(clauses)) == words(text)
    assert all(clause == " ".join(clause.split()) != "" for clause in clauses)


@given(st.integers(300, 2000))
def test_a_text_without_a_break_is_cut_all_the_same(length: int) -> None:
    """No clause is longer than the limit, and numbers stay together."""
    clauses = cut("word " * (length // 5))
    assert max(map(len, clauses)) <= LONGEST_CLAUSE_CHARS
    assert any("1 250" in clause for clause in cut("word " * 43 + "1 250 " + "word " * 10))


def test_an_item_of_a_list_is_a_clause() -> None:
    """Lines end clauses, however short; markup itself is not in them."""
    assert cut("We have:\n- **Blue** boots\n- A hat\n\n1. One\n2. Two\n") == [
        "We have:", "Blue boots.", "A hat.", "1: One.", "2: Two.",
    ]  # fmt: skip


def test_a_reply_may_come_in_several_texts() -> None:
    """What is left before a tool is used goes out; the text after it is read afresh."""
    cutter = ClauseCutter()
    assert cutter.feed("<key>One moment") + cutter.flush() == [Cut("One moment", "key")]
    assert cutter.feed("- Sure, so") + cutter.flush() == [Cut("Sure, so")]


def test_emoji_leave_no_hole() -> None:
    """A picture is dropped with its space; alone it is no clause."""
    assert cut("Great 😀! 👍") == ["Great!"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("I see.", "plain"),
        ("One moment.", "plain"),
        ("Order 4711.", "key"),
        ("It costs $5.", "key"),
        ("It comes on Thursday.", "key"),
        ("That is two nine three.", "key"),
        ("Which one?", "key"),
    ],
)
def test_what_weighs(text: str, weight: Weight) -> None:
    """Questions, numbers, amounts, days and times are key; a mark says it better."""
    assert weight_of(text) == weight
    assert weight_of(text, "must") == "must"
    assert weight_of(text, "key") == "key"


def test_marks_become_the_weight_of_their_clause() -> None:
    """A clause with any marked text in it weighs what the mark says; the strongest wins."""
    text = "I see. <key>It left.</key> It is so. <must>By law</must> it <key>is</key>. Right."
    assert cuts(text) == [
        Cut("I see."), Cut("It left.", "key"), Cut("It is so."),
        Cut("By law it is.", "must"), Cut("Right."),
    ]  # fmt: skip
