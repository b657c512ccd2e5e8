"""The diagrams: everything of the chart is in them, and their languages are spoken well."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from engine.chart import Chart
from engine.diagram import graphviz, mermaid
from tests.chart_kit import shipped_chart, small_chart

SMALL = """\
    name: a "small" one
    states:
      idle:
        initial: true
        transitions:
          - {event: answered, target: live, on: greet}
      live:
        parallel: true
        invoke: [hear]
        transitions:
          - {event: hung_up, target: end}
          - {event: dtmf, cond: farewell, on: [note_digit, note_quiet]}
        states:
          floor:
            states:
              listening:
                initial: true
                transitions:
                  - {event: caller_idle, target: waiting}
                  - {event: hung_up, target: listening}
                states:
                  waiting:
                    initial: true
                    enter: fresh_turn
                    exit: note_quiet
                    invoke: [idle_timer]
                    transitions:
                      - {event: say, cond: has_words, unless: farewell, target: state}
                      - {event: say, target: note}
                  state: {transitions: [{event: say, target: listening}]}
              note:
                transitions:
                  - {event: say, target: note}
          reply: {states: {none: {initial: true}}}
      end: {final: true}
    """
"""With states whose names mean something to Mermaid or to Graphviz."""

CHARTS = pytest.mark.parametrize(
    "chart", [shipped_chart(), small_chart(SMALL)], ids=["shipped", "small"]
)


@CHARTS
class TestBoth:
    def test_the_same_chart_gives_the_same_text(self, chart: Chart) -> None:
        """So that a drawing can be compared with the one before."""
        assert mermaid(chart) == mermaid(chart)
        assert graphviz(chart) == graphviz(chart)

    def test_every_transition_is_there_once_with_its_guard(self, chart: Chart) -> None:
        """By its number, which journals use too."""
        for text in (mermaid(chart).replace("\N{NO-BREAK SPACE}", " "), graphviz(chart)):
            for transition in chart.transitions:
                name = rf"\bt{transition.number} {transition.event}"
                guard = re.escape(f"[{transition.guard}]")
                found = re.findall(
                    name + (rf"(?: |\\n){guard}" if transition.guard else r"\b"), text
                )
                assert len(found) == 1, transition

    def test_every_effect_is_listed_in_its_state(self, chart: Chart) -> None:
        """What runs is what a state is for."""
        for text in (mermaid(chart), graphviz(chart)):
            for state in chart.states.values():
                if state.invoke:
                    assert f"runs {', '.join(state.invoke)}" in text


MERMAID_LINES = (
    r"stateDiagram-v2",
    r'state "\w+" as \w+ \{',
    r"\}",
    r"--",
    r"note right of \w+",
    r"end note",
    r"(\[\*\]|\w+) --> (\[\*\]|\w+)( : [^:;]+)?",
    r"\w+ : [^:;]+",
)


class TestMermaid:
    @CHARTS
    def test_each_line_is_one_that_mermaid_reads(self, chart: Chart) -> None:
        """In particular, no text holds a colon or a semicolon, which would end it."""
        in_note = False
        for line in mermaid(chart).splitlines():
            if in_note and line.strip() != "end note":
                assert not re.search("[:;{}]", line)
                continue
            in_note = line.strip().startswith("note ")
            assert any(re.fullmatch(form, line.strip()) for form in MERMAID_LINES), line

    def test_the_whole_of_a_small_chart(self) -> None:
        """An end of an arrow that lies inside another state is named in its caption; what
        stays, or leads inside, is written into the state."""
        assert mermaid(small_chart(SMALL)).replace("\N{NO-BREAK SPACE}", " ") == (
            "stateDiagram-v2\n"
            "    idle : idle\n"
            '    state "live" as live {\n'
            '        state "floor" as floor {\n'
            '            state "listening" as listening {\n'
            "                waiting : waiting\n"
            "                waiting : runs idle_timer\n"
            "                waiting : entry / fresh_turn\n"
            "                waiting : exit / note_quiet\n"
            "                state_ : state\n"
            "                waiting --> state_ : t5 say [has_words and not farewell]\n"
            "                [*] --> waiting\n"
            "                listening__ : in all of listening\n"
            "                listening__ : t3 caller_idle → waiting\n"
            "            }\n"
            "            note_ : note\n"
            "            listening --> listening : t4 hung_up<br>state · t7 say\n"
            "            listening --> note_ : waiting · t6 say\n"
            "            note_ --> note_ : t8 say\n"
            "            [*] --> listening\n"
            "        }\n"
            "        --\n"
            '        state "reply" as reply {\n'
            "            none : none\n"
            "            [*] --> none\n"
            "        }\n"
            "    }\n"
            "    note right of live\n"
            "        runs hear\n"
            "        t2 dtmf [farewell] / note_digit, note_quiet\n"
            "    end note\n"
            "    end : end\n"
            "    end --> [*]\n"
            "    idle --> live : t0 answered\n"
            "    live --> end : t1 hung_up\n"
            "    [*] --> idle\n"
        )


class TestGraphviz:
    def test_elements_have_names_that_last(self) -> None:
        """A state is state-<id>, an arrow from-<id>-to-<id>: one for all transitions between the
        two, but for those that stay, or lead inside."""
        chart = shipped_chart()
        text = graphviz(chart)
        for state in chart.states.values():
            assert text.count(f'id="state-{state.id}"') == 1
        for one in chart.transitions:
            if one.target is not None and one.target != one.source:
                inside = chart.states[one.source] in chart.states[one.target].ancestors
                drawn = text.count(f'id="from-{one.source}-to-{one.target}"')
                assert drawn == (0 if inside else 1)

    def test_each_region_and_state_begins_somewhere(self) -> None:
        """A dot leads to what is entered first; all regions are."""
        text = graphviz(shipped_chart())
        compound = [one for one in shipped_chart().states.values() if one.children]
        parallel = [one for one in compound if one.parallel]
        assert text.count("shape=point") == len(compound) - len(parallel) + 1

    @CHARTS
    @pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
    def test_dot_draws_it(self, chart: Chart) -> None:
        """Without a complaint, and with the names of all elements."""
        drawn = subprocess.run(
            ["dot", "-Tsvg"], input=graphviz(chart), capture_output=True, text=True, check=True
        )
        assert drawn.stderr == ""
        names = set(re.findall(r'id="([^"]+)"', drawn.stdout.replace("&#45;", "-")))
        assert {f"state-{state}" for state in chart.states} <= names
