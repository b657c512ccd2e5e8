"""When a turn ends: how long a pause has to be, by words, voice and habits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.endpointing import (
    CONTOUR_WEIGHT,
    CUT_OFFS_COUNTED,
    PAUSES_KEPT,
    PAUSES_NEEDED,
    Contour,
    Habits,
    Judgement,
    is_complete,
    pause_ms,
)
from states.settings import Settings

SETTINGS = Settings()
SCORES = st.floats(0, 1)
CONTOURS = st.sampled_from(sorted(CONTOUR_WEIGHT))
HABITS = st.builds(
    Habits,
    pauses_ms=st.lists(st.floats(0, 5000), max_size=PAUSES_KEPT),
    cut_off=st.integers(0, CUT_OFFS_COUNTED),
)


def wait_ms(score: float, contour: Contour = "unknown", habits: Habits | None = None) -> float:
    return pause_ms(Judgement(score, contour), habits or Habits(), SETTINGS)


def habits_of(*pauses_ms: float, cut_offs: int = 0) -> Habits:
    habits = Habits()
    for paused_ms in pauses_ms:
        habits.paused(paused_ms)
    for _ in range(cut_offs):
        habits.was_cut_off()
    return habits


def test_a_complete_thought_is_taken_up_soon_and_a_fragment_late() -> None:
    """The two ends of the scale are the two settings."""
    assert wait_ms(1.0) == SETTINGS.complete_silence_ms
    assert wait_ms(SETTINGS.complete_threshold) == SETTINGS.complete_silence_ms
    assert wait_ms(0.0) == SETTINGS.silence_ms


def test_in_between_the_pause_is_in_proportion() -> None:
    """Half way to a complete thought is half way between the pauses."""
    half = wait_ms(SETTINGS.complete_threshold / 2)
    assert half == pytest.approx((SETTINGS.complete_silence_ms + SETTINGS.silence_ms) / 2)


def test_a_level_voice_holds_the_floor() -> None:
    """Words that sound complete are no complete thought while the voice stays level; a fall
    ends even what the words leave open."""
    assert is_complete(Judgement(0.95, "unknown"), SETTINGS)
    assert not is_complete(Judgement(0.95, "level"), SETTINGS)
    assert is_complete(Judgement(0.6, "falling"), SETTINGS)
    assert wait_ms(0.95, "level") > wait_ms(0.95, "falling")


def test_a_rising_question_is_complete() -> None:
    """A rise takes less from complete words than a level voice does."""
    assert is_complete(Judgement(0.95, "rising"), SETTINGS)


def test_the_callers_own_pauses_are_learned() -> None:
    """From three pauses on, a fragment is given what this caller's long pauses take and some
    room: less for a fluent caller, more for one who thinks while talking."""
    few = [600.0] * (PAUSES_NEEDED - 1)
    assert wait_ms(0.0, habits=habits_of(*few)) == SETTINGS.silence_ms
    assert wait_ms(0.0, habits=habits_of(*few, 600)) == 900
    assert wait_ms(0.0, habits=habits_of(200, 200, 200)) == SETTINGS.silence_least_ms
    assert wait_ms(0.0, habits=habits_of(1200, 1300, 1200)) == 1950
    assert wait_ms(0.0, habits=habits_of(3000, 3000, 3000)) == SETTINGS.silence_most_ms


def test_old_pauses_are_forgotten() -> None:
    """A caller who gets into their stride is treated like a fluent one."""
    habits = habits_of(*[1200.0] * 5, *[250.0] * PAUSES_KEPT)
    assert len(habits.pauses_ms) == PAUSES_KEPT
    assert wait_ms(0.0, habits=habits) == SETTINGS.silence_least_ms


def test_a_caller_who_was_cut_off_is_given_longer() -> None:
    """Each time some more, up to a limit."""
    waits = [wait_ms(0.95, habits=habits_of(cut_offs=count)) for count in range(6)]
    assert waits[:CUT_OFFS_COUNTED] == [
        SETTINGS.complete_silence_ms + count * SETTINGS.cut_off_ms
        for count in range(CUT_OFFS_COUNTED)
    ]
    assert waits[CUT_OFFS_COUNTED:] == [waits[CUT_OFFS_COUNTED]] * len(waits[CUT_OFFS_COUNTED:])
    assert waits[CUT_OFFS_COUNTED] > waits[CUT_OFFS_COUNTED - 1]


@given(SCORES, CONTOURS, HABITS)
def test_a_pause_has_bounds(score: float, contour: Contour, habits: Habits) -> None:
    """Whatever is known, a turn ends between the shortest pause and the longest."""
    wait = wait_ms(score, contour, habits)
    assert SETTINGS.complete_silence_ms <= wait <= SETTINGS.silence_most_ms


@given(SCORES, SCORES, CONTOURS, HABITS)
def test_more_complete_words_never_wait_longer(
    score: float, other: float, contour: Contour, habits: Habits
) -> None:
    """With the same voice and the same caller."""
    less, more = sorted((score, other))
    assert wait_ms(more, contour, habits) <= wait_ms(less, contour, habits) + 1e-6


@given(SCORES, HABITS)
def test_a_falling_voice_never_waits_longer_than_a_level_one(score: float, habits: Habits) -> None:
    """With the same words and the same caller."""
    assert wait_ms(score, "falling", habits) <= wait_ms(score, "level", habits) + 1e-6


@given(SCORES, CONTOURS, HABITS)
def test_a_cut_off_never_makes_the_engine_less_patient(
    score: float, contour: Contour, habits: Habits
) -> None:
    """One more cut-off waits as long or longer."""
    before = wait_ms(score, contour, habits)
    habits.was_cut_off()
    assert wait_ms(score, contour, habits) >= before - 1e-6
