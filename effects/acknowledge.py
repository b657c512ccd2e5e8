"""Acknowledge: a reply that is late is preceded by a word, so that the line is not dead."""

from __future__ import annotations

import trio

from effects.spoken import clause_of
from effects.stage import Emit, Stage


async def acknowledge(stage: Stage, emit: Emit) -> None:
    """After ``acknowledge_ms`` without audio, say one of the agent's acknowledgements.

    It is spoken from memory, as the first clause of the reply that is due, so that it is held,
    heard and recorded like the rest. A fixed line needs none: it is on its way.
    """
    call = stage.call
    await trio.sleep(call.settings.acknowledge_ms / 1000)
    texts = call.agent.acknowledgements
    if call.reply.line is not None or not texts or stage.playout.reply != call.reply.number:
        return
    text = texts[stage.acknowledgements % len(texts)]
    audio = stage.ports.phrases.get(text)
    if audio is not None and not stage.playout.has_audio:
        stage.acknowledgements += 1
        await stage.playout.add(call.reply.number, clause_of(-1, text), audio, last=True)
