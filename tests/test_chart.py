"""The chart loader: what it reads, and each thing it refuses with its line and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.chart import default_chart_path, load_chart
from engine.errors import ChartError
from engine.vocabulary import VOCABULARY
from tests.chart_kit import small_chart

SMALL = """\
name: small
description: Two states.
states:
  idle:
    initial: true
    enter: fresh_turn
    transitions:
      - {event: answered, target: live, on: [greet, fresh_turn], unless: farewell}
  live:
    parallel: true
    invoke: [hear, play]
    states:
      one:
        transitions:
          - {event: say, target: busy, cond: [has_words, farewell], internal: true}
        states:
          calm: {initial: true}
          busy: {exit: fresh_turn}
      other:
        transitions:
          - {event: dtmf}
        states:
          alone: {initial: true}
"""


def refusal(text: str) -> str:
    with pytest.raises(ChartError) as caught:
        small_chart(text)
    return str(caught.value)


def with_state(body: str) -> str:
    """A chart of one state, whose body begins in line 3."""
    return "states:\n  idle:\n    initial: true\n" + body


class TestWhatIsRead:
    def test_states_with_all_they_hold(self) -> None:
        """A state knows its line, its place, its effects and its actions."""
        chart = small_chart(SMALL)
        live, busy = chart.states["live"], chart.states["busy"]
        assert list(chart.states) == ["idle", "live", "one", "calm", "busy", "other", "alone"]
        assert [root.id for root in chart.roots] == ["idle", "live"]
        assert (live.line, live.parallel, live.invoke) == (9, True, ("hear", "play"))
        assert (busy.exit, [around.id for around in busy.ancestors]) == (
            ("fresh_turn",),
            ["one", "live"],
        )
        assert chart.states["idle"].enter == ("fresh_turn",)

    def test_transitions_with_all_they_say(self) -> None:
        """A transition knows its number, its line and its guard as people write it."""
        first, second, third = small_chart(SMALL).transitions
        assert (first.number, first.line, first.on) == (0, 8, ("greet", "fresh_turn"))
        assert first.guard == "not farewell"
        assert (second.target, second.internal) == ("busy", True)
        assert second.guard == "has_words and farewell"
        assert (third.target, third.guard, third.source) == (None, "", "other")

    def test_events_are_listed_once_in_document_order(self) -> None:
        """``events`` names what the chart reacts to."""
        assert small_chart(SMALL).events == ("answered", "say", "dtmf")

    def test_the_digest_is_of_the_text(self) -> None:
        """Another text is another chart, the same text the same."""
        assert small_chart(SMALL).digest == small_chart(SMALL).digest
        assert small_chart(SMALL).digest != small_chart(SMALL + "# a remark\n").digest

    def test_the_key_on_stays_a_word(self) -> None:
        """YAML 1.1 takes ``on`` for True; the loader does not."""
        chart = small_chart(with_state("    transitions:\n      - {event: say, on: greet}\n"))
        assert chart.transitions[0].on == ("greet",)

    def test_a_chart_without_a_name_is_called_chart(self) -> None:
        """``name`` and ``description`` can be left out."""
        chart = small_chart(with_state(""))
        assert (chart.name, chart.description) == ("chart", "")

    def test_the_chart_that_comes_with_antiphon(self) -> None:
        """It loads, and lies where ``default_chart_path`` says."""
        chart = load_chart(default_chart_path(), VOCABULARY)
        assert chart.name == "call"
        assert chart.path == str(default_chart_path())


MISSPELT = {
    "guard": ("cond: has_wrods", "unknown guard 'has_wrods'; did you mean 'has_words'?"),
    "negated guard": (
        "unless: fairwell",
        "unknown guard 'fairwell'; did you mean 'farewell'?",
    ),
    "action": ("on: [greet, not_words]", "unknown action 'not_words'; did you mean 'note_words'?"),
    "target": ("target: idel", "unknown state 'idel' as the target of 'say'; did you mean 'idle'?"),
    "key": ("traget: idle", "unknown key 'traget' in transition of 'idle'; did you mean 'target'?"),
}


class TestMisspeltNames:
    @pytest.mark.parametrize(("entry", "message"), MISSPELT.values(), ids=MISSPELT)
    def test_in_a_transition(self, entry: str, message: str) -> None:
        """Each name of a transition is checked, with the nearest known one as a hint."""
        text = with_state(f"    transitions:\n      - {{event: say, {entry}}}\n")
        assert refusal(text) == f"small.yaml:5: {message}"

    def test_an_event(self) -> None:
        """An event that does not exist would never come."""
        text = with_state("    transitions:\n      - {event: speach_started, target: idle}\n")
        assert refusal(text) == (
            "small.yaml:5: unknown event 'speach_started'; did you mean 'speech_started'?"
        )

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("invoke: [heer]", "unknown effect 'heer'; did you mean 'hear'?"),
            ("enter: fresh_trun", "unknown action 'fresh_trun'; did you mean 'fresh_turn'?"),
            ("exit: [greet, gret]", "unknown action 'gret'; did you mean 'greet'?"),
            ("inital: true", "unknown key 'inital' in state 'idle'; did you mean 'initial'?"),
        ],
    )
    def test_in_a_state(self, entry: str, message: str) -> None:
        """Each name of a state is checked."""
        assert refusal(with_state(f"    {entry}\n")) == f"small.yaml:4: {message}"

    def test_a_key_of_the_chart(self) -> None:
        """Nothing at the top is taken lightly either."""
        assert refusal("nmae: x\nstates:\n  idle: {initial: true}\n") == (
            "small.yaml:1: unknown key 'nmae' in chart; did you mean 'name'?"
        )

    def test_a_name_that_is_like_nothing_gets_no_hint(self) -> None:
        """A bad hint is worse than none."""
        assert refusal(with_state("    invoke: zzzz\n")) == "small.yaml:4: unknown effect 'zzzz'"


class TestStates:
    def test_no_state_twice(self) -> None:
        """Two states of one name would silently be merged."""
        text = """\
            states:
              idle: {initial: true}
              live:
                states:
                  idle: {initial: true}
            """
        assert refusal(text) == "small.yaml:5: state 'idle' is already defined in line 2"

    def test_no_key_twice(self) -> None:
        """YAML would silently take the last of two."""
        assert refusal(with_state("    initial: true\n")) == (
            "small.yaml:4: 'initial' stands twice in state 'idle'"
        )
        assert refusal("states:\n  a: {initial: true}\n  a: {}\n") == (
            "small.yaml:3: 'a' stands twice in states"
        )

    def test_one_begins(self) -> None:
        """Nobody should have to guess where a state begins."""
        text = "states:\n  idle: {initial: true}\n  live:\n    states:\n      one: {}\n"
        assert refusal(text) == (
            "small.yaml:5: exactly one state in 'live' must be 'initial'; there is none"
        )
        assert refusal("states:\n  a: {}\n") == (
            "small.yaml:2: exactly one state at the top must be 'initial'; there is none"
        )

    def test_not_two_begin(self) -> None:
        """The message names both."""
        text = "states:\n  a: {initial: true}\n  b: {initial: true}\n"
        assert refusal(text) == (
            "small.yaml:2: exactly one state at the top must be 'initial'; there is a, b"
        )

    def test_no_region_begins_alone(self) -> None:
        """All regions of a parallel state start."""
        text = """\
            states:
              live:
                initial: true
                parallel: true
                states:
                  one: {initial: true}
                  two: {}
            """
        assert refusal(text) == ("small.yaml:6: the regions of 'live' all start: none is 'initial'")

    def test_a_region_is_not_alone(self) -> None:
        """Parallel to nothing is a mistake."""
        text = with_state("    parallel: true\n    states:\n      one: {}\n")
        assert refusal(text) == "small.yaml:2: the parallel state 'idle' needs two regions or more"

    @pytest.mark.parametrize(
        "entry",
        [
            "states: {inner: {initial: true}}",
            "transitions: [{event: say, target: idle}]",
            "invoke: hear",
        ],
    )
    def test_a_final_state_holds_nothing(self, entry: str) -> None:
        """Nothing can happen in it."""
        text = f"states:\n  idle: {{initial: true}}\n  over: {{final: true, {entry}}}\n"
        assert refusal(text) == "small.yaml:3: the final state 'over' can hold nothing"

    def test_a_name_is_one_word(self) -> None:
        """Journals, guards and diagrams write states without quotes."""
        assert refusal("states:\n  my idle: {initial: true}\n") == (
            "small.yaml:2: 'my idle' cannot name a state: use letters, digits and '_'"
        )

    @pytest.mark.parametrize("value", ["yes", "True", "1"])
    def test_a_flag_is_true_or_false(self, value: str) -> None:
        """The other words that YAML takes for true are not."""
        assert refusal(f"states:\n  idle:\n    initial: {value}\n") == (
            "small.yaml:3: expected true or false"
        )


class TestTransitions:
    def test_it_has_an_event(self) -> None:
        """Without one it would be taken again and again."""
        text = with_state("    transitions:\n      - {target: idle}\n")
        assert refusal(text) == (
            "small.yaml:5: a transition of 'idle' has no 'event' (it would spin for ever)"
        )

    def test_it_has_one_event(self) -> None:
        """A list of events is not a transition."""
        text = with_state("    transitions:\n      - {event: [say, dtmf], target: idle}\n")
        assert refusal(text) == (
            "small.yaml:5: a transition reacts to one event; write one for each"
        )

    def test_they_are_a_list(self) -> None:
        """A mapping of events would lose the second transition on one."""
        assert refusal(with_state("    transitions: {event: say}\n")) == (
            "small.yaml:4: 'transitions' must be a list"
        )

    def test_an_internal_one_stays_inside(self) -> None:
        """It goes to a state inside its source, or it is not internal."""
        text = with_state(
            "    transitions:\n      - {event: say, target: other, internal: true}\n  other: {}\n"
        )
        assert refusal(text) == (
            "small.yaml:5: 'say' is internal, but 'other' is not inside 'idle'"
        )

    def test_an_internal_one_has_a_target(self) -> None:
        """Without one it stays anyway."""
        text = with_state("    transitions:\n      - {event: say, internal: true}\n")
        assert refusal(text) == "small.yaml:5: 'say' is internal, but has no target"

    def test_a_region_is_not_left_for_what_is_inside(self) -> None:
        """That would leave the other regions too, and enter all of them again."""
        text = SMALL.replace(", internal: true}", "}")
        assert refusal(text) == (
            "small.yaml:15: 'say' would leave and re-enter all of 'live'; mark it internal: true"
        )

    def test_a_region_does_not_reach_into_another(self) -> None:
        """The same from one region to a state of another."""
        text = SMALL.replace("{event: dtmf}", "{event: dtmf, target: calm}")
        assert refusal(text) == (
            "small.yaml:21: 'dtmf' would leave and re-enter all of 'live'; "
            "a region cannot reach into another"
        )


class TestFiles:
    @pytest.mark.parametrize("text", ["", "# nothing but a remark\n"])
    def test_an_empty_chart(self, text: str) -> None:
        """Nothing is not a chart."""
        assert refusal(text) == "small.yaml:1: the chart is empty"

    def test_no_states(self) -> None:
        """A chart without states is none."""
        assert refusal("name: x\n") == "small.yaml:1: the chart has no 'states'"
        assert refusal("name: x\nstates:\n") == "small.yaml:2: 'states' is empty"

    def test_not_yaml(self) -> None:
        """The line is where YAML gave up."""
        message = refusal("states:\n  idle: {initial: true\n  live: {}\n")
        assert message.startswith("small.yaml:3: not valid YAML: ")

    def test_a_character_that_yaml_does_not_know(self) -> None:
        """A stray control character is told like any other mistake."""
        assert refusal("states:\n  idle\x07: {}\n") == (
            "small.yaml:2: not valid YAML: special characters are not allowed"
        )

    def test_not_a_mapping(self) -> None:
        """A list of states is not a chart."""
        assert refusal("- idle\n") == "small.yaml:1: chart must be a mapping"

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """The message says which file, without a traceback."""
        path = tmp_path / "none.yaml"
        with pytest.raises(ChartError, match=r"cannot read the chart .*none\.yaml: No such file"):
            load_chart(path, VOCABULARY)

    def test_a_file_that_is_not_text(self, tmp_path: Path) -> None:
        """Nor for a file in another encoding."""
        path = tmp_path / "latin.yaml"
        path.write_bytes(b"name: caf\xe9\n")
        with pytest.raises(ChartError, match=r"latin\.yaml: it is not UTF-8"):
            load_chart(path, VOCABULARY)
