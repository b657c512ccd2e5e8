"""Runs a scenario and returns everything that could be observed of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Protocol

import trio
from msgspec.structs import replace

from effects.choice import Choice
from effects.phrases import Phrases
from effects.ports import JournalSink, Prompt
from effects.spoken import spoken
from effects.stage import Ports
from engine.chart import Chart, default_chart_path, load_chart
from engine.journal import AnyLine
from engine.session import Desk, hold_call
from engine.simulation.injections import Hand
from engine.simulation.line import Line
from engine.simulation.providers import (
    SECOND,
    Scripted,
    ScriptedJudge,
    ScriptedMind,
    ScriptedToolPort,
    ScriptedVad,
    ScriptedVoice,
)
from engine.simulation.recogniser import ScriptedRecogniser
from engine.simulation.scenario import Injection, Scenario
from engine.simulation.schedule import Conductor, JumpingClock, deterministic_order, sleeping_by
from engine.simulation.services import Services
from engine.simulation.sound import comparing_once, spell
from engine.simulation.trace import Trace
from engine.vocabulary import VOCABULARY
from states.agent import Agent

__all__ = ["Trace", "default_chart", "simulate", "simulate_together"]

DEADLOCK_S = 7200.0
"""Virtual time after which a call that has not ended never will."""

AFTERMATH_S = 10.0
"""Virtual time given to strays after the call, to see what they still do."""


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
        acknowledgements=("Mm-hm.", "Okay."),
        stalls=("One moment.", "Let me look."),
    )


@cache
def default_chart() -> Chart:
    """The chart that comes with antiphon, loaded once."""
    return load_chart(default_chart_path(), VOCABULARY)


class Watch(Protocol):
    """Looks on while a call is simulated. What it raises, :func:`simulate` raises."""

    def line(self, line: AnyLine) -> None:
        """A line of the journal was written."""
        ...

    def step(self, task: trio.lowlevel.Task, serving: tuple[str, ...]) -> None:
        """A step of a task is over, before anything is injected after it; ``serving`` are the
        providers who serve somebody."""
        ...


def simulate(
    scenario: Scenario,
    chart: Chart | None = None,
    agent: Agent | None = None,
    watch: Watch | None = None,
) -> Trace:
    """Hold the call that a scenario describes, in virtual time, and return its trace.

    Without an ``agent`` it is the scenario's, or the one of :func:`agent_for`, on the chart that
    comes with antiphon unless there is another. The language model and the tools are always the
    scenario's. A call with one beside it is held alone as well, and watched there.
    """
    if scenario.beside is None:
        return simulate_together([scenario], chart, agent, watch)[0]
    usual = replace(scenario, injections=[], rotations={}, order=None)
    beside = replace(scenario.beside, rotations={}, order=None)
    trace = simulate_together([beside, usual], chart, agent)[1]
    trace.alone = simulate(replace(usual, beside=None), chart, agent, watch)
    return trace


def simulate_together(
    scenarios: Sequence[Scenario],
    chart: Chart | None = None,
    agent: Agent | None = None,
    watch: Watch | None = None,
) -> list[Trace]:
    """Hold several calls in one process and one world. Injections, rotations and the order of
    tasks are those of the first scenario, and only it is watched."""
    calls = [
        _World(scenario, chart or default_chart(), agent or scenario.agent or agent_for(scenario))
        for scenario in scenarios
    ]
    first = calls[0]
    first.watch = watch
    conductor = Conductor(
        ((one.step, partial(first.inject, one)) for one in scenarios[0].injections),
        None if watch is None else first.tell,
    )
    clock = JumpingClock()
    in_order = deterministic_order(scenarios[0].rotations, scenarios[0].order)
    with in_order as order, sleeping_by(clock), comparing_once():
        trio.run(
            _main,
            calls,
            conductor,
            clock,
            clock=clock,
            instruments=[conductor] if conductor.is_needed else [],
        )
    first.trace.decisions = order.decisions
    if conductor.error is not None:
        raise conductor.error
    return [call.trace for call in calls]


async def _main(calls: Sequence[_World], conductor: Conductor, clock: JumpingClock) -> None:
    with trio.fail_after(DEADLOCK_S):
        async with trio.open_nursery() as nursery:
            for call in calls:
                written = call.trace.lines.__len__
                call.line = Line(call.trace.scenario, clock, written, call.services)
                nursery.start_soon(call.hold)
            conductor.armed = True


class _MemoryStore(Scripted):
    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        self._trace.journal.append(line)


class _World:
    """One call and all around it."""

    def __init__(self, scenario: Scenario, chart: Chart, agent: Agent) -> None:
        self.trace = Trace(scenario, chart)
        self._agent = agent
        self.services = Services(can_strike=bool(scenario.injections))
        self.watch: Watch | None = None
        self.line: Line | None = None
        self._hand: Hand | None = None

    async def hold(self) -> None:
        scenario, trace = self.trace.scenario, self.trace
        assert self.line is not None
        line = self.line
        minds, voices, recognisers = self._providers(line)
        tools = {one.name: ScriptedToolPort(one, self.services) for one in scenario.tools}
        ports = Ports(
            speech_to_text=Choice(*recognisers),
            language_model=Choice(*minds),
            text_to_speech=Choice(*voices),
            voice_activity=ScriptedVad(),
            turn_detector=ScriptedJudge(scenario, self.services, lambda: line.contour),
            tools=tools,
            phrases=_phrases(scenario, self._agent),
        )
        desk = Desk(trace.chart, self._agent, scenario.settings, ports, _MemoryStore(trace))
        watchers = [trace.lines.append, *(one.watch for one in recognisers)]
        watchers += [line.watch] if any(act.after != "call" for act in scenario.caller) else []
        watchers += [self.watch.line] if self.watch else []
        async with trio.open_nursery() as service:
            with trio.CancelScope() as scope:
                hand = self._hand = Hand(line, self.services, scope)
                trace.outcome = await hold_call(
                    desk, line, service, watchers, started="simulated", live=hand.take
                )
            trace.closed_ms = line.now_ms
            trace.played = line.played()
            await trio.sleep(AFTERMATH_S)
            trace.tasks_left = len(service.child_tasks)
            providers = (*minds, *voices, *recognisers)
            trace.sessions_left = sum(one.open_sessions for one in providers)
            service.cancel_scope.cancel()
        trace.crossed, trace.voiced = line.crossed, line.voiced()
        trace.tool_log = {name: tool.runs for name, tool in tools.items()}
        trace.prompts = sorted((one for mind in minds for one in mind.prompts), key=_when)
        trace.latest_frame_ms = max(one.latest_ms for one in recognisers)

    def _providers(
        self, line: Line
    ) -> tuple[list[ScriptedMind], list[ScriptedVoice], list[ScriptedRecogniser]]:
        """The scripted providers, and those that take over from them."""
        scenario, services, spare = self.trace.scenario, self.services, self.trace.scenario.spare
        said, clock = line.said, line.clock
        minds = [ScriptedMind(scenario, services)]
        voices = [ScriptedVoice(scenario, services)]
        recognisers = [ScriptedRecogniser(scenario, services, said, clock)]
        if spare.answers is not None:
            second = replace(scenario, answers=spare.answers)
            minds.append(ScriptedMind(second, services, SECOND))
        if spare.voice is not None:
            voices.append(ScriptedVoice(replace(scenario, voice=spare.voice), services, SECOND))
        if spare.recognition is not None:
            second = replace(scenario, recognition=spare.recognition)
            recognisers.append(ScriptedRecogniser(second, services, said, clock, SECOND))
        return minds, voices, recognisers

    def inject(self, injection: Injection) -> None:
        """What a scenario says happens after a certain step."""
        if self._hand is not None and self.line is not None and self._hand.perform(injection):
            self.trace.injected.append((self.line.now_ms, injection))

    def tell(self, task: trio.lowlevel.Task) -> None:
        """Let whoever watches know of a step."""
        assert self.watch is not None
        self.watch.step(task, self.services.who)


def _when(prompt: tuple[float, Prompt]) -> float:
    return prompt[0]


def _phrases(scenario: Scenario, agent: Agent) -> Phrases:
    phrases = Phrases()
    if scenario.phrases_rendered:
        holding = [tool.holding for tool in scenario.tools if tool.holding]
        for text in (*agent.phrases, *holding):
            phrases.add(text, spell(spoken(text), scenario.voice.letter_ms))
    return phrases
