"""Synthesize: let the voice turn the clauses of a draft into speech.

The first clause is asked for as soon as it is composed, although its turn may not be committed:
then it can be heard the moment it is. No other clause is asked for before the commit, and nothing
is played here: what the voice delivers waits in the draft for :mod:`effects.speak`.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from effects.ports import Clause, ProviderError, ProviderLost, Speech, TextToSpeech
from effects.stage import Draft, Emit, Stage, Voicing
from states import notes


def synthesize(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Voice the current draft while it is composed. A voice that gives up leaves its reason in
    the draft, and who can take over; whoever speaks reports it. Cancelling stops the voice."""
    assert stage.draft is not None, "a reply is voiced only while it is composed"
    stage.draft.voicing.begun = True
    return voice(stage, stage.draft)


async def voice(stage: Stage, draft: Draft) -> None:
    """Run this call's voice over the clauses of a draft, as they come."""
    voicing, provider, choice = draft.voicing, stage.voice, stage.ports.text_to_speech
    failure, work = "", _Voice(stage, draft, voicing, provider)
    with voicing.scope:
        try:
            with choice.watched(provider.name):
                await work.run()
        except ProviderError as error:
            failure = str(error) or type(error).__name__
        if draft.is_said and work.sounded:
            failure = ""  # whatever it died of, all was said
        elif not (failure or draft.is_said):
            failure = "the voice ended before it had said everything"
    instead = choice.instead_of(provider.name, took_over=bool(stage.call.voice))
    voicing.finish(failure, instead if failure else "")


class _Voice:
    def __init__(
        self, stage: Stage, draft: Draft, voicing: Voicing, provider: TextToSpeech
    ) -> None:
        self.stage, self.draft, self.voicing, self.provider = stage, draft, voicing, provider
        self.sounded = False

    async def run(self) -> None:
        """Raises the :class:`ProviderError` of the voice, and one where it gave no sound."""
        send, clauses = trio.open_memory_channel[Clause](0)
        failure: ProviderError | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hand_over, send)
                await self.provider.speak(clauses, self._take)
                nursery.cancel_scope.cancel()
        except* ProviderError as errors:
            failure = errors.exceptions[0]  # type: ignore[assignment]
        if failure is not None:
            raise failure
        if len(self.draft.composed) > self.voicing.first and not self.sounded:
            raise ProviderLost("the voice gave no sound")

    async def _take(self, speech: Speech) -> None:
        if speech.mulaw and not self.sounded:
            self.sounded = True
            self.stage.note(notes.FirstSpeech(at_ms=self.stage.now_ms(), reply=self.draft.reply))
        await self.voicing.deliver(speech)

    async def _hand_over(self, voice: trio.MemorySendChannel[Clause]) -> None:
        """Give the voice the clauses: the first at once, the others after the commit."""
        async with voice:
            async for clause in self.voicing.clauses:
                if clause.index == self.voicing.first:
                    self._note_requested()
                else:
                    await self.draft.committed.wait()
                try:
                    await voice.send(clause)
                except trio.BrokenResourceError:
                    return  # the voice has closed its ears: it is giving up

    def _note_requested(self) -> None:
        self.stage.note(
            notes.VoiceRequested(
                at_ms=self.stage.now_ms(),
                reply=self.draft.reply,
                provider=self.provider.name,
            )
        )
