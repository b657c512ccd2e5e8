"""A sound chart, and what the checker says when some of its text is exchanged."""

from __future__ import annotations

from engine.check import check
from tests.chart_kit import small_chart

SOUND = """\
states:
  idle:
    initial: true
    transitions:
      # nothing else can happen before
      - {event: answered, target: live, on: greet}
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

PLAYED_OUT = "              - {event: played_out, target: listening}\n"
SAY = "              - {event: say, target: thinking}\n"
LIVE_STATES = "    states:\n      floor:\n"


def changed(*changes: tuple[str, str]) -> str:
    """The sound chart, with some of its text exchanged. A new line goes in front of a line that
    is there, so that the numbers of the lines before it stay."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def errors(*changes: tuple[str, str]) -> list[str]:
    """What the checker says of it."""
    return [str(finding) for finding in check(small_chart(changed(*changes))).errors]


def one_error(*changes: tuple[str, str]) -> str:
    """The one thing that it says."""
    (message,) = errors(*changes)
    return message
