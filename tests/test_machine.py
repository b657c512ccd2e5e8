"""Facts of the machine: what a step records, in which order, and what it does not hide."""

from __future__ import annotations

import pytest

from engine.machine import Machine, Step
from engine.records import Start, Stop
from states.commands import DiscardOutput, HoldOutput, ReleaseOutput
from states.events import AudioStarted, PlayedOut
from tests.chart_kit import a_call, an_event, shipped_chart, small_chart


def running(text: str) -> Machine:
    return Machine(small_chart(text), a_call())


def step(machine: Machine, event: str) -> Step:
    return machine.dispatch(an_event(event))


ORDER = """\
    states:
      idle: {initial: true, transitions: [{event: answered, target: live}]}
      live:
        parallel: true
        invoke: [hear, play]
        exit: hold_output
        transitions: [{event: hung_up, target: ended, on: discard_output}]
        states:
          one:
            invoke: [idle_timer]
            states:
              a: {initial: true, invoke: [noise_timer], transitions: [{event: dtmf, target: b}]}
              b: {invoke: [floor_timer]}
          two:
            enter: release_output
            states:
              c: {initial: true, transitions: [{event: dtmf, target: d}]}
              d: {invoke: [digit_timer]}
      ended: {final: true}
    """


class TestOrder:
    def test_entries_follow_the_document(self) -> None:
        """From the outermost inwards, region by region."""
        assert step(running(ORDER), "answered").records == [
            Start("hear", "live"),
            Start("play", "live"),
            Start("idle_timer", "one"),
            Start("noise_timer", "a"),
            ReleaseOutput(),
        ]

    def test_exits_follow_it_backwards(self) -> None:
        """From the innermost outwards, the last region first; then the transition."""
        machine = running(ORDER)
        step(machine, "answered")
        step(machine, "dtmf")
        assert step(machine, "hung_up").records == [
            Stop("d"),
            Stop("b"),
            Stop("one"),
            HoldOutput(),
            Stop("live"),
            DiscardOutput(),
        ]

    def test_regions_react_in_document_order(self) -> None:
        """However long each of their states has been active."""
        machine = running(ORDER)
        step(machine, "answered")
        assert [number for number, _ in step(machine, "dtmf").transitions] == [2, 3]
        assert machine.configuration == ("live", "one", "b", "two", "d")

    def test_a_goodbye_that_was_played_ends_the_call(self) -> None:
        """Though the reply's region reacts to it too, and its state was entered first."""
        machine = Machine(shipped_chart(), a_call())
        step(machine, "answered")
        machine.dispatch(AudioStarted(at_ms=1.0, reply=1))
        machine.call.farewell = True
        machine.dispatch(PlayedOut(at_ms=2.0, reply=1, heard="Goodbye."))
        assert machine.ended
        assert machine.configuration == ("ended",)


FOLDED = """\
    states:
      a:
        initial: true
        transitions:
          - {event: dtmf, target: b, on: commit_turn}
          - {event: answered, target: c}
      b:
        invoke: [hear]
        enter: hold_output
        transitions: [{event: committed, target: c}]
      c:
        invoke: [play]
        transitions:
          - {event: transcript, target: c}
          - {event: dtmf, target: c, on: commit_turn}
          - {event: committed, target: d}
      d: {}
    """


class TestRecords:
    def test_what_starts_and_stops_in_one_step_does_neither(self) -> None:
        """Code before the first pause of an effect must not run; commands stand."""
        assert step(running(FOLDED), "dtmf").records == [HoldOutput(), Start("play", "c")]

    def test_what_is_entered_anew_stops_and_starts(self) -> None:
        """In that order: it is another effect."""
        machine = running(FOLDED)
        step(machine, "answered")
        assert step(machine, "transcript").records == [Stop("c"), Start("play", "c")]

    def test_what_ran_before_is_stopped_all_the_same(self) -> None:
        """Where a state is entered anew and left in one step, what ran in it still stops."""
        machine = running(FOLDED)
        step(machine, "answered")
        assert step(machine, "dtmf").records == [Stop("c")]
        assert machine.configuration == ("d",)

    def test_raised_events_belong_to_the_step(self) -> None:
        """Each transition is recorded with the event that it reacted to."""
        taken = step(running(FOLDED), "dtmf").transitions
        assert taken == [(0, "dtmf"), (2, "committed")]

    def test_a_step_that_does_nothing_says_nothing(self) -> None:
        """An event without a transition is no mistake."""
        assert step(running(FOLDED), "hung_up") == Step()


GUARDED = """\
    states:
      a:
        initial: true
        transitions:
          - {event: say, cond: [has_words, farewell], target: b}
          - {event: say, unless: farewell, target: c}
          - {event: say, cond: time_is_up, target: b}
      b: {}
      c:
        transitions:
          - {event: dtmf, cond: words_take_floor, target: a}
          - {event: dtmf, on: hold_output}
          - {event: hung_up, target: a, on: note_digit}
    """


class TestGuards:
    def test_their_values_are_recorded(self) -> None:
        """Those that were asked, in the order they were asked, as they answered."""
        first = step(running(GUARDED), "say")
        assert first.guards == [("has_words", False), ("farewell", False)]
        assert first.transitions == [(1, "say")]

    def test_an_exception_in_a_guard_passes_through(self) -> None:
        """It is a bug, and no answer: the library alone would take it for False."""
        machine = running(GUARDED)
        step(machine, "say")
        with pytest.raises(AssertionError, match="asked about dtmf"):
            step(machine, "dtmf")

    def test_an_exception_in_an_action_passes_through(self) -> None:
        """The library alone would go on to the target as if nothing had happened."""
        machine = running(GUARDED)
        step(machine, "say")
        with pytest.raises(AssertionError):
            step(machine, "hung_up")


class TestMachines:
    def test_calls_on_one_chart_do_not_meet(self) -> None:
        """They share what the library has resolved, and nothing else."""
        chart = small_chart(GUARDED)
        first, second = Machine(chart, a_call()), Machine(chart, a_call())
        second.call.farewell = True
        assert step(first, "say").guards == [("has_words", False), ("farewell", False)]
        assert step(second, "say").guards[-1] == ("time_is_up", False)
        assert (first.configuration, second.configuration) == (("c",), ("a",))

    def test_it_begins_where_the_chart_begins(self) -> None:
        """And is not over."""
        machine = Machine(shipped_chart(), a_call())
        assert (machine.configuration, machine.ended) == (("idle",), False)
