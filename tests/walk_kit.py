"""What the tests of the walker share: fixed answers, and two charts that do what can be done."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import origins
from engine.walk import Walker
from tests.chart_kit import small_chart


@dataclass
class Answers:
    """An oracle of fixed answers; it remembers which guards it was asked."""

    true: frozenset[str] = frozenset()
    choice: int = 0
    asked: list[str] = field(default_factory=list)

    def holds(self, guard: str) -> bool:
        self.asked.append(guard)
        return guard in self.true

    def raised(self, action: str) -> tuple[str, ...]:
        alternatives = origins.RAISES.get(action, ((),))
        return alternatives[self.choice % len(alternatives)]


def walker(text: str) -> Walker:
    """A walker of the chart with this text."""
    return Walker(small_chart(text))


NESTED = """\
    states:
      outer:
        initial: true
        enter: fresh_turn
        exit: finish_reply
        transitions:
          - {event: say, target: inner, on: hold_output}
          - {event: dtmf, target: other}
          - {event: committed, target: two, internal: true}
          - {event: answered, on: note_digit}
        states:
          one:
            initial: true
            transitions:
              - {event: say, cond: farewell, target: two}
              - {event: say, cond: has_words, target: one}
          two:
            states:
              inner: {initial: true, enter: note_speech, exit: note_quiet}
      other:
        transitions:
          - {event: say, target: two}
    """

PARALLEL = """\
    states:
      live:
        initial: true
        parallel: true
        transitions:
          - {event: hung_up, target: ended}
          - {event: dtmf, on: note_digit}
        states:
          left:
            states:
              a:
                initial: true
                transitions:
                  - {event: say, target: b}
                  - {event: played_out, target: ended}
                  - {event: dtmf, target: b}
              b: {}
          right:
            transitions:
              - {event: played_out, target: c, internal: true}
            states:
              c:
                initial: true
                transitions:
                  - {event: say, target: d}
                  - {event: hung_up, target: d}
                  - {event: silence_over, target: a2}
              d:
                states:
                  a2: {initial: true}
      ended: {final: true}
    """
