"""Synthesize: let the voice turn the clauses of a draft into speech.

The first clause is asked for as soon as it is composed, although its turn may not be committed:
then it can be heard the moment it is. No other clause is asked for before the commit, and nothing
is played here: what the voice delivers waits in the draft for :mod:`effects.speak`.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from effects.ports import Clause, ProviderError, Speech
from effects.stage import Draft, Emit, Stage
from states import notes


def synthesize(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Voice the current draft while it is composed. A voice that gives up leaves its reason in
    the draft; whoever speaks reports it. Cancelling stops the voice."""
    assert stage.draft is not None, "a reply is voiced only while it is composed"
    return voice(stage, stage.draft)


async def voice(stage: Stage, draft: Draft) -> None:
    """Run the voice over the clauses of a draft, as they come."""
    send, clauses = trio.open_memory_channel[Clause](0)
    sounded, ended = False, 0

    async def take(speech: Speech) -> None:
        nonlocal sounded, ended
        if speech.mulaw and not sounded:
            sounded = True
            stage.note(notes.FirstSpeech(at_ms=stage.now_ms(), reply=draft.reply))
        await draft.deliver(speech)
        ended += speech.ends_clause

    failure = ""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hand_over, stage, draft, send)
            await stage.ports.text_to_speech.speak(clauses, take)
            nursery.cancel_scope.cancel()
    except* ProviderError as errors:
        failure = str(errors.exceptions[0]) or type(errors.exceptions[0]).__name__
    if not failure and draft.composed and not sounded:
        failure = "the voice gave no sound"
    if not failure and (draft.is_open or ended < len(draft.composed)):
        failure = "the voice ended before it had said everything"
    draft.finish_speech(failure)


async def _hand_over(stage: Stage, draft: Draft, voice: trio.MemorySendChannel[Clause]) -> None:
    """Give the voice the clauses: the first at once, the others after the commit."""
    async with voice:
        async for clause in draft.clauses:
            if clause.index == 0:
                stage.note(notes.VoiceRequested(at_ms=stage.now_ms(), reply=draft.reply))
            else:
                await draft.committed.wait()
            try:
                await voice.send(clause)
            except trio.BrokenResourceError:
                return  # the voice has closed its ears: it is giving up
