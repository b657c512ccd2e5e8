"""The states × events matrix: fresh, readable, and true to what a step does."""

from __future__ import annotations

from pathlib import Path

from engine.chart import default_chart_path
from engine.matrix import asked, asked_beside, groups, matrix_markdown
from engine.situations import explore
from tests.chart_kit import shipped_chart, small_chart

SMALL = """\
    name: small
    states:
      idle: {initial: true, transitions: [{event: answered, target: live, on: greet}]}
      live:
        parallel: true
        transitions:
          - {event: hung_up, target: ended}
          - {event: dtmf, cond: farewell, on: note_digit}
        states:
          floor:
            states:
              listening:
                initial: true
                enter: fresh_turn
                invoke: [idle_timer]
                transitions:
                  - {event: dtmf, target: thinking}
                states:
                  waiting:
                    initial: true
                    exit: note_quiet
                    invoke: [turn_limit_timer]
                    transitions:
                      - {event: say, cond: [has_words, may_prompt], target: hearing}
                      - {event: say, unless: farewell, on: note_words}
                  hearing:
                    transitions:
                      - {event: dtmf, on: note_digit}
              thinking: {}
          reply: {states: {none: {initial: true}}}
      ended: {final: true}
    """


def section(text: str, title: str) -> str:
    """One section of a matrix, without its title."""
    return text.split(f"\n{title}\n")[1].split("\n#")[0].strip()


class TestTheShippedMatrix:
    def test_is_fresh(self) -> None:
        """What people look up is what the chart does."""
        path = default_chart_path().with_suffix(".matrix.md")
        command = f"antiphon diagram --format table > {path.parent.name}/{path.name}"
        written = path.read_text(encoding="utf-8") if path.exists() else ""
        assert written == matrix_markdown(shipped_chart()), f"run: {command}"

    def test_names_the_command_that_draws_it(self) -> None:
        """The one that the test above asks for."""
        assert "antiphon diagram --format table > statecharts/call.matrix.md" in matrix_markdown(
            shipped_chart()
        )

    def test_has_a_section_for_each_atomic_state(self) -> None:
        """Under the name one would look for."""
        text = matrix_markdown(shipped_chart())
        assert "\n### speaking.overlapped.brief\n" in text
        for state in shipped_chart().states.values():
            if not state.children:
                titles = [line for line in text.splitlines() if line.startswith("#")]
                assert any(title.split(" ")[1].split(".")[-1] == state.id for title in titles)

    def test_says_what_steps_do(self) -> None:
        """In each configuration, each event takes only transitions that the sections of its
        atomic states list, and each transition that is listed is taken somewhere."""
        found = explore(shipped_chart())
        chart, listed, taken = found.chart, set(), set()
        for configuration in {situation.configuration for situation in found.reached}:
            atomic = [
                chart.states[name] for name in configuration if not chart.states[name].children
            ]
            for event in chart.events:
                here = {
                    one.number
                    for state in atomic
                    for one in (*asked(state, event), *asked_beside(state))
                    if one.event == event
                }
                listed |= here
                for outcome in found.walker.outcomes(configuration, event):
                    reacting = {
                        number
                        for number in outcome.transitions
                        if chart.transitions[number].event == event
                    }
                    assert reacting <= here
                    taken |= reacting
        assert listed == taken


class TestHowItReads:
    def test_a_state_with_all_it_does(self) -> None:
        """What it runs, its own answers, those around it, those beside."""
        text = matrix_markdown(small_chart(SMALL))
        assert section(text, "### listening.waiting") == (
            "Entering does `fresh_turn`.\n"
            "\n"
            "Leaving does `note_quiet`.\n"
            "\n"
            "Runs `turn_limit_timer`, `idle_timer`.\n"
            "\n"
            "| on     | if                         | then         | goes to  | by              |\n"
            "| ------ | -------------------------- | ------------ | -------- | --------------- |\n"
            "| `say`  | `has_words and may_prompt` |              | hearing  | t4              |\n"
            "|        | `not farewell`             | `note_words` | *stays*  | t5              |\n"
            "| `dtmf` |                            |              | thinking | t3 of listening |\n"
            "|        | beside, if `farewell`      | `note_digit` | *stays*  | t2 of live      |\n"
            "\n"
            "As everywhere in `live`:\n"
            "\n"
            "- `hung_up`: goes to ended (t1)"
        )

    def test_an_answer_without_a_guard_is_the_last(self) -> None:
        """What is around the state is not asked any more."""
        chart = small_chart(SMALL)
        assert [one.number for one in asked(chart.states["hearing"], "dtmf")] == [6]
        assert [one.number for one in asked(chart.states["waiting"], "dtmf")] == [3]

    def test_the_grid_shows_where_events_lead(self) -> None:
        """And where they lead nowhere."""
        text = matrix_markdown(small_chart(SMALL))
        assert section(text, "## listening") == (
            "| on     | waiting                 | hearing |\n"
            "| ------ | ----------------------- | ------- |\n"
            "| `say`  | hearing or *stays* or – | –       |\n"
            "| `dtmf` | thinking                | *stays* |"
        )

    def test_a_state_that_stands_alone(self) -> None:
        """Has a section and no grid; the last state has nothing to say."""
        text = matrix_markdown(small_chart(SMALL))
        assert section(text, "## idle").startswith("| on         | if  | then    | goes to | by  |")
        assert section(text, "## ended") == "Nothing happens here any more."

    def test_sections_follow_the_floor(self) -> None:
        """One for each floor state and each other region."""
        titles = [group.around.id for group in groups(small_chart(SMALL))]
        assert titles == ["idle", "listening", "thinking", "reply", "ended"]

    def test_a_chart_without_a_floor_can_be_drawn(self) -> None:
        """It would not pass the checker, but one may want to look at it."""
        chart = small_chart("states: {a: {initial: true, states: {b: {initial: true}}}}")
        assert "\n### a.b\n" in matrix_markdown(chart)

    def test_the_same_chart_gives_the_same_text(self) -> None:
        """A difference in the file is a difference in the chart."""
        assert matrix_markdown(shipped_chart()) == matrix_markdown(shipped_chart())

    def test_it_does_not_say_where_the_chart_lies(self) -> None:
        """The text is the same on every machine."""
        assert str(Path(default_chart_path()).parent) not in matrix_markdown(shipped_chart())
