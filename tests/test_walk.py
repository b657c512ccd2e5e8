"""The walker: it steps a chart as the library that runs calls does, with every answer tried."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.walk import NeverRests, Outcome, Walker
from tests.walk_kit import NESTED, PARALLEL, Answers, walker


def step(chart: Walker, event: str, *true: str, after: Sequence[str] = ()) -> Outcome:
    """One step from the start of a chart, after some others."""
    configuration = chart.initial()
    for earlier in after:
        configuration = chart.step(configuration, earlier, Answers()).configuration
    return chart.step(configuration, event, Answers(frozenset(true)))


class TestOneRegion:
    def test_what_is_active_at_first(self) -> None:
        """The initial states, down to an atomic one."""
        assert walker(NESTED).initial() == ("outer", "one")

    def test_the_inner_state_is_asked_first(self) -> None:
        """What is around it is asked only if none of its guards hold."""
        assert step(walker(NESTED), "say", "farewell").transitions == (4,)
        assert step(walker(NESTED), "say", "has_words").transitions == (5,)
        assert step(walker(NESTED), "say").transitions == (0,)

    def test_the_first_that_holds_is_taken(self) -> None:
        """In document order."""
        assert step(walker(NESTED), "say", "farewell", "has_words").transitions == (4,)

    def test_a_transition_inside_does_not_leave_what_is_around(self) -> None:
        """Its domain is the innermost state around both ends."""
        outcome = step(walker(NESTED), "say", "farewell")
        assert outcome.configuration == ("outer", "two", "inner")
        assert outcome.left == {"one"}

    def test_a_state_that_goes_to_itself_is_left_and_entered(self) -> None:
        """So that what it runs begins anew."""
        outcome = step(walker(NESTED), "say", "has_words")
        assert outcome.left == outcome.entered == {"one"}

    def test_a_state_that_goes_inside_leaves_itself(self) -> None:
        """Unless it is marked internal."""
        assert step(walker(NESTED), "say").left == {"outer", "one"}
        assert step(walker(NESTED), "committed").left == {"one"}

    def test_without_a_target_nothing_is_left(self) -> None:
        """Only the actions run."""
        outcome = step(walker(NESTED), "answered")
        assert (outcome.configuration, outcome.left) == (("outer", "one"), frozenset())
        assert outcome.actions == ("note_digit",)

    def test_an_event_that_nobody_wants_does_nothing(self) -> None:
        """Not an error: most states ignore most events."""
        outcome = step(walker(NESTED), "hung_up")
        assert (outcome.configuration, outcome.transitions) == (("outer", "one"), ())

    def test_actions_run_from_the_inside_out_and_back_in(self) -> None:
        """Exits from the innermost, then the transition, then entries from the outermost."""
        outcome = step(walker(NESTED), "say", after=["committed"])
        assert outcome.actions == (
            "note_quiet",
            "finish_reply",
            "hold_output",
            "fresh_turn",
            "note_speech",
        )

    def test_a_compound_target_is_entered_by_default(self) -> None:
        """And what lies around it."""
        assert step(walker(NESTED), "say", after=["dtmf"]).configuration == (
            "outer",
            "two",
            "inner",
        )


class TestRegions:
    def test_all_of_them_begin(self) -> None:
        """Each with its own initial state."""
        assert walker(PARALLEL).initial() == ("live", "left", "a", "right", "c")

    def test_each_reacts_to_an_event(self) -> None:
        """Side by side, in document order."""
        outcome = step(walker(PARALLEL), "say")
        assert outcome.configuration == ("live", "left", "b", "right", "d", "a2")
        assert outcome.transitions == (2, 6)

    def test_what_is_around_them_reacts_beside_them(self) -> None:
        """As long as one region has no answer of its own."""
        assert step(walker(PARALLEL), "dtmf").transitions == (4, 1)
        assert step(walker(PARALLEL), "dtmf", after=["say"]).transitions == (1,)

    def test_the_inner_of_two_that_exclude_each_other_wins(self) -> None:
        """`hung_up` of the left is left to what is around it, but the right has its own."""
        outcome = step(walker(PARALLEL), "hung_up")
        assert outcome.configuration == ("live", "left", "a", "right", "d", "a2")

    def test_the_first_of_two_regions_that_exclude_each_other_wins(self) -> None:
        """In document order, however long each state has been active."""
        chart = walker(PARALLEL)
        assert step(chart, "played_out").configuration == ("ended",)
        assert chart.is_over(step(chart, "played_out").configuration)


class TestRaisedEvents:
    def test_they_run_within_the_step(self) -> None:
        """A step is over when nothing is left to react to."""
        chart = walker("""\
            states:
              a: {initial: true, transitions: [{event: dtmf, target: b, on: commit_turn}]}
              b: {transitions: [{event: committed, target: c, on: greet}]}
              c: {transitions: [{event: say, target: d}]}
              d: {}
            """)
        assert step(chart, "dtmf").configuration == ("d",)
        assert step(chart, "dtmf").entered == {"b", "c", "d"}

    def test_a_step_that_never_rests_is_told(self) -> None:
        """It would hang the call, and the process with it."""
        chart = walker("""\
            states:
              a: {initial: true, transitions: [{event: say, on: greet}]}
            """)
        with pytest.raises(NeverRests) as caught:
            step(chart, "say")
        assert caught.value.transition.number == 0


class TestEveryOutcome:
    def test_guards_are_taken_both_ways(self) -> None:
        """And what an action may raise, each way too."""
        chart = walker("""\
            states:
              a:
                initial: true
                transitions:
                  - {event: transcript, cond: [has_words, farewell], target: b}
                  - {event: transcript, unless: has_words, target: c, on: note_words}
              b: {}
              c:
                transitions:
                  - {event: words_changed, target: d}
                  - {event: words_settled, target: e}
              d: {transitions: [{event: words_settled, target: f}]}
              e: {}
              f: {}
            """)
        ends = {outcome.configuration[0] for outcome in chart.outcomes(("a",), "transcript")}
        assert ends == {"a", "b", "c", "d", "e", "f"}

    def test_a_guard_does_not_change_its_mind(self) -> None:
        """Within one microstep it is asked once, in however many regions."""
        chart = walker("""\
            states:
              live:
                initial: true
                parallel: true
                states:
                  one:
                    states:
                      a: {initial: true, transitions: [{event: say, cond: farewell, target: b}]}
                      b: {}
                  two:
                    states:
                      c: {initial: true, transitions: [{event: say, cond: farewell, target: d}]}
                      d: {}
            """)
        ends = {outcome.configuration for outcome in chart.outcomes(chart.initial(), "say")}
        assert ends == {("live", "one", "a", "two", "c"), ("live", "one", "b", "two", "d")}
        answers = Answers()
        chart.step(chart.initial(), "say", answers)
        assert answers.asked == ["farewell"]
