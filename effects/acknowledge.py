"""Acknowledge and reassure: the line is not to sound dead while the caller waits.

What is said is a fixed line from memory, put into the reply that is due, so that it is held,
heard and recorded like the rest. It is never the line that was said last, and never said while
the caller speaks.
"""

from __future__ import annotations

import trio

from effects.spoken import clause_of
from effects.stage import Emit, Stage
from states.words import is_question

LOOK_AGAIN_MS = 250.0
"""How often a reply that has fallen silent is looked at again."""


async def acknowledge(stage: Stage, emit: Emit) -> None:
    """After ``acknowledge_ms`` without audio, and as soon as the caller is quiet, say one of the
    agent's acknowledgements, or that it is being looked up if a tool is. A fixed line needs none:
    it is on its way."""
    await trio.sleep(stage.call.settings.acknowledge_ms / 1000)
    while _is_due(stage):
        if await _say(stage):
            return
        await trio.sleep(LOOK_AGAIN_MS / 1000)


def _is_due(stage: Stage) -> bool:
    reply, playout = stage.call.reply, stage.playout
    return reply.line is None and playout.reply == reply.number and not playout.has_audio


async def reassure(stage: Stage, emit: Emit) -> None:
    """While a reply has more to say and cannot yet, because a tool is slow, tell the caller so
    after each ``reassure_ms`` of silence."""
    while True:
        left_ms = stage.call.settings.reassure_ms - stage.playout.starved_ms
        if left_ms > 0 or not stage.tools_running:
            await trio.sleep(max(left_ms, LOOK_AGAIN_MS) / 1000)
        elif not await _say(stage):
            await trio.sleep(LOOK_AGAIN_MS / 1000)


async def _say(stage: Stage) -> bool:
    text = _choose(stage)
    audio = stage.phrase(text)
    if audio is None or stage.ears.speaking or stage.playout.held:
        return False
    stage.acknowledged = text
    await stage.playout.add(stage.call.reply.number, clause_of(-1, text), audio, last=True)
    return True


def _choose(stage: Stage) -> str:
    """The line that fits: the tool's own, one for slow tools, one that puts off a question, or a
    plain acknowledgement."""
    agent = stage.call.agent
    own = [text for text in stage.tools_running.values() if text]
    texts = agent.stalls if is_question(stage.call.turn.words) else agent.acknowledgements
    if stage.tools_running:
        texts = (*own, *agent.holds)
    return next((text for text in texts if text != stage.acknowledged), "")
