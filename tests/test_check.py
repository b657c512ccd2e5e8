"""The checker: each thing it finds, on a small chart that has it; and the shipped chart has none."""

from __future__ import annotations

import pytest

from engine import situations
from engine.chart import Chart, default_chart_path, load_chart, parse_chart
from engine.check import check
from engine.errors import ChartError
from engine.findings import Report
from engine.vocabulary import VOCABULARY

SOUND = """\
states:
  idle:
    initial: true
    transitions:
      - {event: answered, target: live, on: greet}
      - {event: hung_up, target: ended}
  live:
    parallel: true
    invoke: [hear, play]
    transitions:
      - {event: hung_up, target: ended}
    states:
      floor:
        states:
          listening:
            initial: true
            invoke: [idle_timer]
            transitions:
              - {event: caller_idle, cond: may_prompt, target: thinking, on: prompt_caller}
              - {event: caller_idle, target: thinking, on: say_goodbye}
              - {event: say, target: thinking}
          thinking:
            transitions:
              - {event: audio_started, target: speaking}
              - {event: voice_failed, target: ended}
          speaking:
            transitions:
              - {event: speech_started, target: interrupted}
              - {event: played_out, cond: farewell, target: ended}
              - {event: played_out, target: listening}
          interrupted:
            enter: hold_output
            invoke: [false_alarm_timer]
            transitions:
              - {event: false_alarm, target: speaking, on: release_output}
      reply:
        transitions:
          - {event: say, target: reciting, internal: true}
          - {event: played_out, target: none, internal: true}
        states:
          none: {initial: true}
          reciting: {enter: begin_line, invoke: [recite]}
  ended: {final: true}
"""
"""A chart with nothing wrong, but for events that it does not care about."""


def chart(text: str, path: str = "small.yaml") -> Chart:
    return parse_chart(text, path, VOCABULARY)


def changed(*changes: tuple[str, str]) -> str:
    """The sound chart, with some of its text exchanged. A new line goes in front of a line that
    is there, so that the numbers of the lines before it stay."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def errors(*changes: tuple[str, str]) -> list[str]:
    return [str(finding) for finding in check(chart(changed(*changes))).errors]


def one_error(*changes: tuple[str, str]) -> str:
    (message,) = errors(*changes)
    return message


class TestCharts:
    def test_the_chart_that_comes_with_antiphon_has_no_findings(self) -> None:
        """Not even a warning: what is written is used, and nothing is left hanging."""
        report = check(load_chart(default_chart_path(), VOCABULARY))
        assert [str(finding) for finding in report.findings] == []
        assert report.situations > report.configurations > 50

    def test_a_sound_chart_has_no_errors(self) -> None:
        """The one that all the others here are made from."""
        assert errors() == []

    def test_a_finding_says_where_what_and_what_to_do(self) -> None:
        """In one line, which an editor can jump to."""
        assert one_error(("event: false_alarm", "event: sound_over"[:0] + "event: noise_over")) == ""

    def test_findings_come_in_the_order_of_the_chart(self) -> None:
        """However they were found."""
        report = check(chart(SOUND))
        lines = [finding.line for finding in report.findings]
        assert lines == sorted(lines)
        assert lines

    def test_a_chart_too_large_to_walk_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rather than walked for ever."""
        monkeypatch.setattr(situations, "SITUATION_LIMIT", 3)
        with pytest.raises(ChartError, match=r"^small\.yaml:1: the chart has more than 3 situations"):
            check(chart(SOUND))
