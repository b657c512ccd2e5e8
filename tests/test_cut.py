"""Where a turn is cut that was taken up in mid-speech: see states.call.Cut."""

from __future__ import annotations

import pytest

from states.call import Cut, Turn
from states.words import normalized


@pytest.mark.parametrize(
    ("had", "heard", "before", "after"),
    [
        ("where", "where is my parcel", "where", "is my parcel"),
        ("were", "Where is my parcel?", "Where", "is my parcel?"),
        ("where is", "where", "where", ""),
        ("i'm looking", "I am looking for it", "I am looking", "for it"),
        ("twenty five", "25 parcels", "25", "parcels"),
        ("twenty", "twenty five parcels", "twenty", "five parcels"),
        ("", "where is it", "", "where is it"),
    ],
)
def test_what_was_said_is_told_apart_by_the_count_of_words(
    had: str, heard: str, before: str, after: str
) -> None:
    """Neither a correction nor another way of writing moves a word across the cut."""
    assert Cut(3, len(normalized(had))).apart(3, heard) == (before, after)


def test_other_segments_are_on_one_side_of_the_cut() -> None:
    """Speech from before belongs to the turn that was cut, and later speech to the next."""
    cut = Cut(3, 1)
    assert cut.apart(2, "where is it") == ("where is it", "")
    assert cut.apart(4, "where is it") == ("", "where is it")


def test_a_turn_between_two_cuts_has_the_words_between_them() -> None:
    """Whoever speaks through two limits is answered twice, and no word counts twice."""
    turn = Turn(begins=Cut(3, 1), ends=Cut(3, 3))
    assert turn.part(3, "where is my parcel") == "is my"
