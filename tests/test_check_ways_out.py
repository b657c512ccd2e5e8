"""The checker: that every call ends, and none is stuck in silence."""

from __future__ import annotations

from tests.check_kit import LIVE_STATES, PLAYED_OUT, SAY, errors, one_error

HANGS_ON = "              - {event: hung_up, target: listening}\n"


class TestHangUp:
    def test_a_guard_keeps_the_call(self) -> None:
        """A caller who hangs up is gone, whatever a guard says."""
        kept = (
            "{event: hung_up, target: ended}\n    states",
            "{event: hung_up, cond: farewell, target: ended}\n    states",
        )
        assert one_error(kept) == (
            "small.yaml:22: the call does not end on 'hung_up' in 'thinking', 'speaking', "
            "'interrupted', 'listening' (for instance after answered); let the outermost state "
            "around it go to a final state on it, without a guard"
        )

    def test_an_inner_state_keeps_the_call(self) -> None:
        """It is asked first."""
        assert one_error((SAY, SAY + HANGS_ON)).startswith(
            "small.yaml:15: the call does not end on 'hung_up' in 'listening' (for instance after "
        )

    def test_before_the_call_is_answered_nothing_else_can_happen(self) -> None:
        """A session begins by answering, so what waits for a hang-up there waits in vain."""
        answered = "      - {event: answered, target: live, on: greet}\n"
        waits = "      - {event: hung_up, target: ended}\n"
        assert one_error((answered, answered + waits)) == (
            "small.yaml:7: 'hung_up' of 'idle' is never taken: it cannot happen there; run the "
            "effect that emits it, or remove it"
        )


IDLE_TIMER = "            invoke: [idle_timer]\n"
AFTER_A_REPLY = "(for instance after answered, audio_started, played_out)"


class TestSilentTraps:
    def test_nothing_waits(self) -> None:
        """A state without a timer is left only by the caller."""
        assert errors((IDLE_TIMER, ""))[0] == (
            "small.yaml:15: 'listening' is a silent trap: nothing but the caller moves the floor "
            f"{AFTER_A_REPLY}; run a timer there and go on when it fires"
        )

    def test_the_limit_of_the_whole_call_is_no_way_out(self) -> None:
        """Half an hour of silence is a trap too."""
        limited = (
            (IDLE_TIMER, ""),
            ("invoke: [hear, play]", "invoke: [hear, play, call_over_timer]"),
            (LIVE_STATES, "      - {event: call_over, target: ended}\n" + LIVE_STATES),
        )
        assert errors(*limited)[0].startswith("small.yaml:16: 'listening' is a silent trap: ")

    def test_a_timer_that_fired_and_was_ignored(self) -> None:
        """It fires once; after that nothing waits."""
        ignored = ("target: thinking, on: say_goodbye", "on: note_time_up")
        assert one_error(("target: thinking, on: prompt_caller", "on: note_time_up"), ignored) == (
            "small.yaml:15: 'listening' is a silent trap: nothing but the caller moves the floor "
            "once idle_timer is over (for instance after answered, audio_started, played_out, "
            "caller_idle); run a timer there and go on when it fires"
        )

    def test_an_output_that_stays_held(self) -> None:
        """The agent is mute for ever, though the chart says that it speaks."""
        assert one_error((", on: release_output", "")) == (
            "small.yaml:26: 'speaking' is a silent trap: nothing but the caller moves the floor "
            "once the output is held (for instance after answered, audio_started, speech_started, "
            "false_alarm); run a timer there and go on when it fires, or release the output on the "
            "way"
        )

    def test_a_reply_that_was_played_and_nobody_noticed(self) -> None:
        """What is played out has to move the floor whatever the guards say."""
        assert (
            "small.yaml:26: 'speaking' is a silent trap: nothing but the caller moves the floor "
            "(for instance after answered, audio_started); "
            "run a timer there and go on when it fires"
        ) in errors((PLAYED_OUT, ""))

    def test_a_voice_that_nobody_started(self) -> None:
        """Nothing is bound to be played where no voice runs."""
        assert (
            "small.yaml:22: 'thinking' is a silent trap: nothing but the caller moves the floor "
            "(for instance after answered); run a timer there and go on when it fires"
        ) in errors(("          - {event: say, target: reciting, internal: true}\n", ""))

    def test_a_wait_for_the_callers_voice_is_half_of_a_way_out(self) -> None:
        """The caller may stop as well as go on, and both have to lead on."""
        wait = (
            ("invoke: [false_alarm_timer]", "invoke: [barge_in_timer]"),
            ("event: false_alarm", "event: overlap_held"),
        )
        assert one_error(*wait).startswith("small.yaml:31: 'interrupted' is a silent trap: ")
        stops = "              - {event: speech_ended, target: listening, on: yield_floor}\n"
        abandoned = "          - {event: abandoned, target: none, internal: true}\n"
        both = (
            ("      reply:\n", stops + "      reply:\n"),
            ("        states:\n          none", abandoned + "        states:\n          none"),
        )
        assert errors(*wait, *both) == []

    def test_a_forgotten_call_that_goes_on_for_ever(self) -> None:
        """Each wait leads on, and none to the end: the line stays open."""
        circle = (
            ("target: thinking, on: prompt_caller", "target: listening"),
            ("target: thinking, on: say_goodbye", "target: listening"),
        )
        assert one_error(*circle) == (
            "small.yaml:15: a call that the caller has forgotten goes on for ever in 'listening' "
            f"{AFTER_A_REPLY}; let one of the waits lead to a final state"
        )
