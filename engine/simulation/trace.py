"""What a run showed from outside: the line, the journal, the providers, the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from effects.ports import Prompt
from engine.chart import Chart
from engine.journal import AnyLine, End, Event, Note
from engine.session import Outcome
from engine.simulation.line import Crossed, Played, Voiced
from engine.simulation.scenario import Injection, Scenario
from engine.simulation.sound import read_back
from states import notes


@dataclass(eq=False)
class Trace:
    """Everything that could be observed of one simulated call.

    ``tool_log`` holds when each tool began to run, and with what arguments; ``prompts`` what the
    language model was given, and when; ``latest_frame_ms`` the greatest age at which
    speech-to-text was given a frame; ``closed_ms`` when the call was closed; ``injected`` the
    injections that found something to act upon, and when; ``decisions`` how often there was a
    choice of what to run next; ``alone`` the same call without the one beside it, if there was one.
    """

    scenario: Scenario
    chart: Chart
    lines: list[AnyLine] = field(default_factory=list)
    journal: list[bytes] = field(default_factory=list)
    crossed: list[Crossed] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    voiced: list[Voiced] = field(default_factory=list)
    tool_log: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    prompts: list[tuple[float, Prompt]] = field(default_factory=list)
    outcome: Outcome | None = None
    closed_ms: float = 0.0
    tasks_left: int = 0
    sessions_left: int = 0
    latest_frame_ms: float = 0.0
    injected: list[tuple[float, Injection]] = field(default_factory=list)
    decisions: int = 0
    alone: Trace | None = None
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    """What was worked out of it, so that it is worked out once."""

    @property
    def tool_runs(self) -> dict[str, int]:
        """How often each tool ran."""
        return {name: len(runs) for name, runs in self.tool_log.items()}

    def events(self) -> Iterator[Event]:
        """The events of the journal, in order."""
        return (line for line in self.lines if isinstance(line, Event))

    def notes(self) -> Iterator[notes.Note]:
        """The notes of the journal, in order."""
        return (line.note for line in self.lines if isinstance(line, Note))

    @property
    def end(self) -> End | None:
        """The journal's last line, if the call was closed."""
        last = self.lines[-1] if self.lines else None
        return last if isinstance(last, End) else None

    def heard(self) -> str:
        """All that the caller heard, read off the line; a gap between stretches is ' | '."""
        texts: list[str] = []
        audio, end_ms = b"", -1.0
        for stretch in self.played:
            if audio and stretch.from_ms - end_ms > 1.0:
                texts.append(read_back(audio, self.scenario.voice.letter_ms))
                audio = b""
            audio += stretch.audio
            end_ms = stretch.to_ms
        texts.append(read_back(audio, self.scenario.voice.letter_ms))
        return " | ".join(text for text in texts if text.strip())

    def agent_speaks(self, from_ms: float, to_ms: float) -> float:
        """How many milliseconds of agent audio the caller heard in an interval."""
        return sum(
            max(0.0, min(stretch.to_ms, to_ms) - max(stretch.from_ms, from_ms))
            for stretch in self.played
        )
