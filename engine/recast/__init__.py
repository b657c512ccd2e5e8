"""A recorded call as a scenario: the same caller and the same providers, as plain data.

What a journal tells of a call is enough to hold it again in the simulation, under the same policy
or another. What it does not tell (the sound itself, pauses that the ears passed over, what a model
would have answered to other words) is taken for what is likeliest; docs/replay.md says what.
"""

from __future__ import annotations

from dataclasses import replace

from engine.chart import Chart
from engine.journal import Reading
from engine.recast.caller import acts_of
from engine.recast.minds import answers_of, tools_of
from engine.recast.providers import judge_of, recognitions_of, voices_of, wire_of
from engine.recast.story import Story
from engine.simulation.scenario import Scenario, Spare
from engine.simulation.world import default_chart

AFTERWARDS_S = 60.0
"""How much longer than the recorded call one may take."""


def scenario_of(reading: Reading, chart: Chart | None = None) -> Scenario:
    """The scenario of a recorded call, with its agent and its settings.

    ``chart`` is the one that the call was held on, the one that comes with antiphon if left out;
    on another it is not known exactly which words each reply answered. Raises
    :class:`~engine.errors.JournalError` where the journal has no head.
    """
    story = Story(reading, chart or default_chart())
    wire = wire_of(story)
    acts = acts_of(story, wire.lag)
    answers, second_answers = answers_of(story)
    recognition, second_recognition = recognitions_of(story)
    voice, second_voice = voices_of(story)
    agent = story.head.agent
    return Scenario(
        says=f"The recorded call {story.head.call_id}.",
        recorded=True,
        caller=acts,
        answers=answers,
        voice=voice,
        recognition=recognition,
        spare=Spare(answers=second_answers, voice=second_voice, recognition=second_recognition),
        judge=judge_of(story),
        wire=wire,
        tools=tools_of(story),
        greeting=agent.greeting,
        agent=replace(agent, instructions="", models={}),  # nobody reads them
        phrases_rendered=story.phrases_rendered,
        settings=story.head.settings,
        ends_at=round(story.over_ms / 1000 + AFTERWARDS_S, 1),
    )
