"""The checker: what it finds, each on a small chart that has it. The shipped chart has none."""

from __future__ import annotations

import pytest

from engine import situations
from engine.chart import default_chart_path
from engine.check import check
from engine.errors import ChartError
from tests.chart_kit import shipped_chart, small_chart
from tests.check_kit import LIVE_STATES, PLAYED_OUT, SAY, SOUND, changed, errors, one_error


class TestCharts:
    def test_the_chart_that_comes_with_antiphon_has_no_findings(self) -> None:
        """Not even a warning: what is written is used, and nothing is left hanging."""
        report = check(shipped_chart())
        assert [str(finding) for finding in report.findings] == []
        assert report.situations > report.configurations > 50

    def test_a_sound_chart_has_no_errors(self) -> None:
        """The one that all the others here are made from."""
        assert errors() == []

    def test_a_report_can_be_told_in_one_line(self) -> None:
        """How much was looked at, and what came of it."""
        assert check(small_chart(SOUND)).summary == (
            "small.yaml: no errors, 3 warnings in 11 states and 13 transitions, "
            "walked through 11 situations in 6 configurations"
        )

    def test_findings_come_in_the_order_of_the_chart(self) -> None:
        """However they were found."""
        report = check(small_chart(SOUND))
        lines = [finding.line for finding in report.findings]
        assert lines == sorted(lines)
        assert lines

    def test_a_chart_too_large_to_walk_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rather than walked for ever."""
        monkeypatch.setattr(situations, "SITUATION_LIMIT", 3)
        with pytest.raises(
            ChartError, match=r"^small\.yaml:1: the chart has more than 3 situations"
        ):
            check(small_chart(SOUND))


class TestTheFrame:
    def test_a_floor_state_is_missing(self) -> None:
        """Records, proofs and people go by the five floor states."""
        renamed = (
            ("          interrupted:\n", "          muted:\n"),
            (
                "target: interrupted",
                "target: muted",
            ),
        )
        assert one_error(*renamed) == (
            "small.yaml:2: there is no state 'interrupted'; every chart has the states idle, "
            "listening, thinking, speaking, interrupted"
        )

    def test_a_floor_state_is_elsewhere(self) -> None:
        """They exclude one another, so they share a region."""
        moved = (
            ("          interrupted:\n            enter", "          muted:\n            enter"),
            ("target: interrupted", "target: muted"),
            (
                "          none: {initial: true}",
                "          none: {initial: true}\n          interrupted: {}",
            ),
        )
        assert (
            "small.yaml:42: 'interrupted' is not beside 'listening'; the states listening, "
            "thinking, speaking, interrupted share one region"
        ) in errors(*moved)

    def test_nothing_runs_before_the_call(self) -> None:
        """What the first state runs or does would silently be lost."""
        assert one_error(
            ("    initial: true\n    trans", "    initial: true\n    invoke: [hear]\n    trans")
        ) == (
            "small.yaml:2: 'idle' is where a chart begins: hear would not be carried out; "
            "leave it to the transition on 'answered' and to what that leads to"
        )


class TestTransitionsThatCompete:
    def test_one_without_a_guard_is_not_the_last(self) -> None:
        """What follows it is never asked."""
        assert one_error(("cond: may_prompt, ", "")) == (
            "small.yaml:20: 'caller_idle' of 'listening' is never taken: line 19 has no guard; "
            "put the one of line 19 last, or guard it"
        )

    def test_two_with_the_same_guard(self) -> None:
        """The second is never taken."""
        twice = PLAYED_OUT.replace("target", "cond: farewell, target")
        assert one_error((PLAYED_OUT, twice + PLAYED_OUT)) == (
            "small.yaml:30: 'played_out' of 'speaking' is never taken: line 29 has the same guard, "
            "farewell; tell them apart, or remove one"
        )

    def test_one_before_it_asks_for_less(self) -> None:
        """Whatever satisfies the second satisfies the first."""
        more = PLAYED_OUT.replace("target", "cond: [time_is_up, farewell], target")
        assert one_error((PLAYED_OUT, more + PLAYED_OUT)) == (
            "small.yaml:30: 'played_out' of 'speaking' is never taken: line 29 asks for less, "
            "farewell; put the one that asks for more first"
        )

    def test_one_that_asks_for_more_comes_first(self) -> None:
        """That is how it should be."""
        other = PLAYED_OUT.replace("target", "cond: time_is_up, target")
        assert errors((PLAYED_OUT, other + PLAYED_OUT)) == []

    def test_a_guard_and_its_opposite(self) -> None:
        """They never hold together."""
        never = PLAYED_OUT.replace("target", "cond: time_is_up, unless: time_is_up, target")
        assert one_error((PLAYED_OUT, never + PLAYED_OUT)) == (
            "small.yaml:30: 'played_out' of 'speaking' asks for 'time_is_up' and for its opposite; "
            "remove one of them"
        )

    def test_what_is_negated_is_told_apart(self) -> None:
        """``cond`` and ``unless`` of one guard are different guards."""
        other = PLAYED_OUT.replace("target", "unless: farewell, target")
        assert one_error((PLAYED_OUT, other + PLAYED_OUT)).startswith(
            "small.yaml:31: 'played_out' of 'speaking' is never taken: something else"
        )


class TestEvents:
    def test_nothing_emits_what_is_waited_for(self) -> None:
        """The hint says what would."""
        assert one_error((SAY, SAY + SAY.replace("say", "digits_over"))) == (
            "small.yaml:22: nothing in the chart emits 'digits_over'; use digit_timer, or remove "
            "what waits for it"
        )

    def test_nobody_cares_for_what_is_emitted(self) -> None:
        """Only a warning: a chart need not use everything."""
        assert [str(finding) for finding in check(small_chart(SOUND)).warnings] == [
            "small.yaml:7: no state reacts to 'speech_ended', which 'hear' emits; "
            "react to it, or do without 'hear'",
            "small.yaml:7: no state reacts to 'dtmf', which 'hear' emits; "
            "react to it, or do without 'hear'",
            "small.yaml:42: no state reacts to 'output_held', which 'recite' emits; "
            "react to it, or do without 'recite'",
        ]

    def test_nobody_cares_for_what_an_action_raises(self) -> None:
        """The same for raised events."""
        report = check(
            small_chart(changed(("target: interrupted}", "target: interrupted, on: settle_words}")))
        )
        assert (
            "small.yaml:28: no state reacts to 'words_settled', which 'settle_words' emits; "
            "react to it, or do without 'settle_words'"
        ) in [str(finding) for finding in report.warnings]

    def test_what_antiphon_itself_does_not_use(self) -> None:
        """A guard that only another chart could want has no business here."""
        report = check(small_chart(SOUND, str(default_chart_path())))
        unused = [finding.what for finding in report.warnings]
        assert "the guard 'has_words' is not used" in unused
        assert "the action 'apologise' is not used" in unused
        assert "the effect 'compose' is not used" in unused
        assert "the effect 'recite' is not used" not in unused


class TestReach:
    def test_a_state_that_no_call_enters(self) -> None:
        """Told once, for the outermost."""
        lost = "          lost: {states: {inner: {initial: true}}}\n          interrupted:\n"
        assert one_error(("          interrupted:\n", lost)) == (
            "small.yaml:31: no call ever enters the state 'lost'; give some transition it as its "
            "target, or remove it"
        )

    def test_a_transition_on_what_cannot_happen_there(self) -> None:
        """The timer runs in another state."""
        assert one_error((SAY, SAY + SAY.replace("say", "false_alarm"))) == (
            "small.yaml:22: 'false_alarm' of 'listening' is never taken: it cannot happen there; "
            "run the effect that emits it, or remove it"
        )

    def test_a_transition_that_the_inner_states_always_beat(self) -> None:
        """The state around them is asked too late."""
        outer = "      - {event: false_alarm, target: ended}\n"
        assert one_error((LIVE_STATES, outer + LIVE_STATES)) == (
            "small.yaml:12: 'false_alarm' of 'live' is never taken: something else always comes "
            "first; move it forward, or remove it"
        )

    def test_a_step_that_never_rests(self) -> None:
        """An action raises what leads to the same action."""
        failed = "              - {event: voice_failed, target: ended}\n"
        circle = "              - {event: say, on: say_missed}\n"
        assert one_error((failed, failed + circle)) == (
            "small.yaml:26: 'say' of 'thinking' raises events for ever; break the circle: what its "
            "actions raise leads back to it"
        )
