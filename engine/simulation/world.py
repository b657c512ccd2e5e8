"""Runs a scenario and returns everything that could be observed of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio
import trio.testing

from effects.phrases import Phrases
from effects.ports import JournalSink
from effects.stage import Ports
from engine.chart import Chart, default_chart_path, load_chart
from engine.journal import AnyLine
from engine.session import Desk, Outcome, hold_call
from engine.simulation.line import Crossed, Line, Played
from engine.simulation.providers import (
    Scripted,
    ScriptedJudge,
    ScriptedMind,
    ScriptedRecogniser,
    ScriptedToolPort,
    ScriptedVad,
    ScriptedVoice,
    read_back,
    spell,
)
from engine.simulation.scenario import Scenario
from engine.vocabulary import VOCABULARY
from states.agent import Agent

DEADLOCK_S = 7200.0
"""Virtual time after which a call that has not ended never will."""

AFTERMATH_S = 10.0
"""Virtual time given to strays after the call, to see what they still do."""


@dataclass
class Trace:
    """What a run showed from outside: the line, the journal, the providers, the outcome."""

    scenario: Scenario
    chart: Chart
    lines: list[AnyLine] = field(default_factory=list)
    journal: list[bytes] = field(default_factory=list)
    crossed: list[Crossed] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    voiced: list[tuple[float, float, str]] = field(default_factory=list)
    tool_runs: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    outcome: Outcome | None = None
    tasks_left: int = 0
    closed_after_ms: float = 0.0

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


class _MemoryStore(Scripted):
    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        self._trace.journal.append(line)


def agent_for(scenario: Scenario) -> Agent:
    """The agent of all simulated calls, with short lines that are told apart easily."""
    return Agent(
        name="simulated",
        instructions="Answer.",
        greeting=scenario.greeting,
        prompts=("Are you there?", "Anyone there?"),
        apology="Sorry, say that again?",
        missed="I missed that.",
        goodbye="Goodbye.",
        too_long_goodbye="Time is up.",
        acknowledgements=("One moment.", "Let me look."),
    )


_CHART: list[Chart] = []


def default_chart() -> Chart:
    """The chart that comes with antiphon, loaded once."""
    if not _CHART:
        _CHART.append(load_chart(default_chart_path(), VOCABULARY))
    return _CHART[0]


def simulate(
    scenario: Scenario,
    chart: Chart | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
    on_start: Callable[[trio.Nursery], None] | None = None,
) -> Trace:
    """Hold the call that a scenario describes, in virtual time, and return its trace."""
    trace = Trace(scenario, chart or default_chart())
    trio.run(
        partial(_main, trace, on_start),
        clock=trio.testing.MockClock(autojump_threshold=0),
        instruments=list(instruments),
    )
    return trace


async def _main(trace: Trace, on_start: Callable[[trio.Nursery], None] | None) -> None:
    scenario = trace.scenario
    with trio.fail_after(DEADLOCK_S):
        line = Line(scenario)
        mind = ScriptedMind(scenario)
        tools = {script.name: ScriptedToolPort(script) for script in scenario.tools}
        ports = _ports(scenario, mind, tools)
        desk = Desk(trace.chart, agent_for(scenario), scenario.settings, ports, _MemoryStore(trace))
        async with trio.open_nursery() as world:
            await line.live(world)
            async with trio.open_nursery() as service:
                if on_start is not None:
                    on_start(service)
                trace.outcome = await hold_call(
                    desk, line, service, [trace.lines.append], started="simulated"
                )
                trace.closed_after_ms = line.now_ms
                trace.played = line.played()
                await trio.sleep(AFTERMATH_S)
                trace.tasks_left = len(service.child_tasks)
                service.cancel_scope.cancel()
            world.cancel_scope.cancel()
    trace.crossed, trace.voiced = line.crossed, line.voiced
    trace.tool_runs = {name: tool.runs for name, tool in tools.items()}
    trace.requests = mind.requests


def _ports(scenario: Scenario, mind: ScriptedMind, tools: dict[str, ScriptedToolPort]) -> Ports:
    phrases = Phrases()
    if scenario.phrases_rendered:
        for text in agent_for(scenario).phrases:
            phrases.add(text, spell(text, scenario.voice.letter_ms))
    return Ports(
        speech_to_text=ScriptedRecogniser(scenario),
        language_model=mind,
        text_to_speech=ScriptedVoice(scenario),
        voice_activity=ScriptedVad(),
        turn_detector=ScriptedJudge(scenario),
        tools=tools,
        phrases=phrases,
    )
