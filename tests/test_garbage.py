"""Garbage in a campaign."""

from __future__ import annotations

import gc

from engine.fuzzing.garbage import ALLOCATIONS, seldom_collected


def test_garbage_is_collected_seldom_meanwhile_and_as_before_afterwards() -> None:
    """What was there before is not looked at."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collected():
        assert gc.get_threshold() == (ALLOCATIONS, *before[1:])
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
