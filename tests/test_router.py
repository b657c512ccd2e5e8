"""The model router: which kind of reply a turn asks for, by what the call knows."""

from __future__ import annotations

import pytest

from states.call import Line, ToolUse
from states.router import USUAL, route_of
from tests.chart_kit import a_call


def kind_of(said: str, asked: str = "", *, changed: bool = False) -> str:
    """The kind of reply to these words, after the agent asked something."""
    call = a_call()
    if asked:
        call.history.append(Line("agent", asked))
    if changed:
        use = ToolUse("1", "change", "{}", "{}", changes=True)
        call.history += [Line("tool", "{}", use=use), Line("agent", "Done.")]
    call.turn.segments = {0: said}
    return route_of(call)


@pytest.mark.parametrize(
    ("said", "asked", "kind"),
    [
        ("I want to cancel my order", "", "high_stakes"),
        ("somebody has stolen it, I will complain", "", "high_stakes"),
        ("cancelled, I said", "What is your order number?", "high_stakes"),
        ("two nine three four zero", "What is your order number?", "slot_filling"),
        ("on Monday", "Which day would you like?", "slot_filling"),
        ("where is my parcel", "How can I help you?", USUAL),
        ("two nine three four zero", "", USUAL),
        ("Thank you, goodbye!", "", "acknowledgement"),
        ("okay great", "", "acknowledgement"),
        ("thanks but where is it", "", USUAL),
    ],
)
def test_the_table_is_asked_from_the_top(said: str, asked: str, kind: str) -> None:
    """What could cost somebody something comes first, then answers to a question for a fact,
    then mere thanks; all else is as usual."""
    assert kind_of(said, asked) == kind


def test_what_follows_a_change_is_of_consequence() -> None:
    """The caller may object to what was just done."""
    assert kind_of("no, the other one", changed=True) == "high_stakes"
