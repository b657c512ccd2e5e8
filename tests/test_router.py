"""The router: which kind of model composes a reply."""

from __future__ import annotations

import pytest

from states.agent import Agent
from states.call import Call, Line, ToolUse, Turn
from states.router import route_of
from states.settings import Settings


def call_with(words: str, *history: Line, committed: bool = False) -> Call:
    """A call whose open turn says ``words``."""
    call = Call(Settings(), Agent("test", "", "Hello."), list(history))
    call.turn = Turn(segments={0: words}, committed=committed)
    if committed:
        call.history.append(Line("caller", words))
    return call


def used(*, changes: bool) -> Line:
    return Line("tool", "{}", use=ToolUse("1", "tool", "{}", "{}", changes))


@pytest.mark.parametrize("words", ["Goodbye.", "Thank you, bye-bye!", "OK, thanks a lot", "uh-huh"])
def test_thanks_and_goodbyes_are_acknowledgements(words: str) -> None:
    """However speech-to-text writes them."""
    assert route_of(call_with(words)) == "acknowledgement"


@pytest.mark.parametrize("words", ["I want a refund", "Cancelling it", "this is a complaint"])
def test_money_and_complaints_are_high_stakes(words: str) -> None:
    """Wherever they stand in the turn."""
    assert route_of(call_with(words)) == "high_stakes"


def test_the_answer_to_a_question_for_a_fact_fills_a_slot() -> None:
    """What was asked decides."""
    asked = Line("agent", "What is your order number?")
    assert route_of(call_with("four two one", asked)) == "slot_filling"


@pytest.mark.parametrize("committed", [False, True])
def test_a_turn_after_a_change_is_high_stakes(committed: bool) -> None:
    """Whether it is taken up already or not; and only the first one after it."""
    done = (Line("caller", "friday"), used(changes=True), Line("agent", "Done."))
    read = (Line("caller", "friday"), used(changes=False), Line("agent", "Done."))
    later = (*done, Line("caller", "what else"), Line("agent", "Much."))
    assert route_of(call_with("and what now", *done, committed=committed)) == "high_stakes"
    assert route_of(call_with("and what now", *read, committed=committed)) == "usual"
    assert route_of(call_with("and what now", *later, committed=committed)) == "usual"
