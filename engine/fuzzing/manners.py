"""How the parts of a generated call behave: ready-made, to choose from.

As usual in two thirds of the calls, unusual in one respect in a sixth, and in two in another.
The usual comes first, so a failure shrinks to a call in which all is as usual but what matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, cycle, islice
from typing import Any, TypeVar

import msgspec

from engine.simulation.scenario import (
    Answer,
    Data,
    Fault,
    Judge,
    Recognition,
    ScriptedTool,
    Voice,
    Wire,
)
from states.settings import Settings

Manner = TypeVar("Manner", bound=msgspec.Struct)
Respect = Sequence[dict[str, Any]]
"""One respect in which a part may be unusual: each of its values, by the names of its fields."""

FAULTS: tuple[Fault, ...] = ("lost", "timeout", "refused")


def _values(field: str, *values: Any) -> Respect:
    return [{field: value} for value in values]


def _ready(usual: Manner, *respects: Respect) -> tuple[Manner, ...]:
    longest = max(map(len, respects))
    once = [fields for respect in respects for fields in islice(cycle(respect), longest)]
    twice = [
        {**one, **other}
        for first, second in combinations(respects, 2)
        for one in first
        for other in second
    ]
    singly = [msgspec.structs.replace(usual, **fields) for fields in once]
    doubly = [msgspec.structs.replace(usual, **fields) for fields in twice]
    unusual = singly * max(1, len(doubly) // len(singly)) + doubly
    return (usual,) * 2 * len(unusual) + tuple(unusual)


MINDS = _ready(
    Answer(),
    _values("first_token", 0.0, 0.4, 1.3, 1.6, 5.0, 7.0, 13.0),
    _values("word_every", 0.0, 0.1, 0.4),
    [
        {"fault": fault, "fault_after_words": words}
        for words in range(7)
        for fault in FAULTS
        if words < 2 or fault == "lost"
    ],
    [{"stalls": True, "fault_after_words": words} for words in (0, 1, 3)]
    + [{"stalls": True, "drips": 0.5}],
    _values("ignores_cancel", 0.05, 0.5, 2.0),
    _values("times", 1),
)
VOICES = _ready(
    Voice(),
    _values("first_byte", 0.0, 0.3, 1.2, 4.0, 6.0),
    _values("midway", 0.3, 2.0, 6.0),
    [
        {"fault": fault, "fault_midway": midway, **where}
        for fault in FAULTS
        for midway in (False, True)
        for where in ({}, {"fault_after_clauses": 1}, {"fault_on": "Sorry"})
    ],
    _values("fault_times", 1),
    [{"stalls": True}, {"stalls": True, "fault_after_clauses": 1}],
    _values("ignores_cancel", 0.05, 0.5, 2.0),
)
RECOGNITIONS = _ready(
    Recognition(),
    _values("lag", 0.0, 0.5),
    _values("partial_every", 0.1, 1.0),
    _values("final_after", 0.0, 0.4, 1.5, 3.0),
    _values("partials", False),
    _values("gated", False),
    _values("repeats", True),
    _values("shuffles", True),
    _values("connects", 1.0, 5.0),
    _values("deaf", True),
    _values("eager", True),
    [{"fault": fault, "fault_at": at} for at in (0.0, 1.5, 3.0, 5.0) for fault in FAULTS],
    _values("fault_times", 2, 5),
    [{"stuck_at": at, "stuck_for": lasts} for at in (0.5, 3.0) for lasts in (1.0, 15.0)],
    _values("endpoints", True),
    _values("endpoint_after", 0.3),
    _values("ignores_cancel", 0.05, 2.0),
)
JUDGES = _ready(
    Judge(),
    _values("takes", 0.1, 2.0),
    _values("by_words", True),
    _values("fault", *FAULTS),
)
WIRES = _ready(
    Wire(frame_ms=40),  # half as many frames to take in: a tenth of the time of a call
    _values("lag", 0.02, 0.06, 0.12),
    _values("jitter", 0.03, 0.08),
    _values("echo", 0.05, 0.1),
    _values("loses_marks", True),
    _values("frame_ms", 20, 30, 60),
    _values("hang_up_takes", 1.0, 60.0),
    _values("transfer_takes", 0.0, 30.0),
    _values("transfer_fault", *FAULTS),
    _values("outbound", True),
)
TOOLS = _ready(
    ScriptedTool(name="", timeout=20.0),
    _values("takes", 0.0, 1.0, 4.0, 9.0, 16.0),
    _values("timeout", 5.0, 0.5),
    _values("holding", "I am asking the depot."),
    _values("survives", True),
    _values("fault", *FAULTS),
    _values("ignores_cancel", 0.5, 2.0),
)
SETTINGS = _ready(
    Settings(),
    _values("call_limit_ms", 5000, 12_000),
    _values("call_warning_ms", 1000, 4000),
    _values("goodbye_ms", 1000),
    _values("idle_ms", 2000),
    _values("hold_ms", 2000),
    _values("draft_limit", 0, 1),
    _values("acknowledge_ms", 300),
    _values("reassure_ms", 500),
    _values("reply_ms", 3000),
    _values("turn_limit_ms", 1500, 3000),
    _values("stt_retry_limit", 0),
    _values("stt_overdue_ms", 50),
    _values("stable_partials", 1),
    _values("apology_limit", 0, 1),
    _values("lead_ms", 400),
    _values("false_alarm_ms", 50),
    _values("early_answer_ms", 0),
    _values("missed_ms", 10_000),
    _values("retract_ms", 100, 2000),
    _values("greeting_protected_ms", 100, 2000),
    _values("mind_switch_ms", 300),
    _values("voice_switch_ms", 300),
    _values("recogniser_switch_ms", 300),
    _values("first_words_ms", 1000),
    _values("mind_hedge_ms", 100, 300),
)


class Seconds(msgspec.Struct, frozen=True):
    """How the providers behave that take over from the first; None where there is no second."""

    mind: Answer | None = None
    voice: Voice | None = None
    recognition: Recognition | None = None


def _seconds() -> tuple[Seconds, ...]:
    """Nobody in half of the calls. In the others somebody for one port or for all of them, as
    usual or not."""
    longest = max(len(MINDS), len(VOICES), len(RECOGNITIONS))
    in_turns = zip(cycle(MINDS), cycle(VOICES), cycle(RECOGNITIONS), range(longest), strict=False)
    taking_over = [
        one
        for mind, voice, recognition, _ in in_turns
        for one in (
            Seconds(mind=mind),
            Seconds(voice=voice),
            Seconds(recognition=recognition),
            Seconds(mind, voice, recognition),
        )
    ]
    return (Seconds(),) * len(taking_over) + tuple(taking_over)


SECONDS = _seconds()


def merged(usual: Data | Settings, chosen: Any, first: Any) -> Any:
    """What is ``chosen``, but as in ``first`` where that is not as usual."""
    own = {
        name: getattr(first, name)
        for name in first.__struct_fields__
        if getattr(first, name) != getattr(usual, name)
    }
    return msgspec.structs.replace(chosen, **own) if own else chosen
