"""Speak: let the caller hear a reply. A composed reply as the voice delivers it, a fixed line from
memory."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from effects.ports import ProviderTimeout, Speech
from effects.spoken import clause_of
from effects.stage import Draft, Emit, Stage
from effects.synthesize import voice
from states.events import OutputHeld, VoiceFailed


def speak(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Play the current draft, whose turn is committed, while it is still being synthesized, by the
    effect of that name or, where another voice takes over, by this one.

    Emits ``voice_failed`` when the voice gives up, stalls, or gives no sound.
    """
    assert stage.draft is not None, "a reply is spoken only while it is composed"
    return _Speaker(stage, emit, stage.draft).run()


def recite(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Speak the fixed line that the call wants said, from memory if it was rendered.

    Emits ``voice_failed`` as :func:`speak` does.
    """
    reply = stage.call.reply
    assert reply.line is not None
    # At once: what it replaces must not begin to sound before this has taken its first step.
    _begin(stage, emit, reply.number)
    return _recite(stage, emit, reply.number, reply.line)


async def _recite(stage: Stage, emit: Emit, reply: int, line: str) -> None:
    audio = stage.phrase(line)
    if audio is not None:
        await stage.playout.add(reply, clause_of(0, line), audio, last=True)
        stage.playout.finish(reply)
        return
    draft = Draft(reply, committed=True)
    draft.add(line)
    draft.finish()
    await _Speaker(stage, emit, draft).run()


def _begin(stage: Stage, emit: Emit, reply: int) -> None:
    """From now on the reply has the playout to itself."""
    silenced = stage.playout.begin(reply)
    if silenced is not None and silenced.audible:
        emit(
            OutputHeld(
                at_ms=stage.now_ms(), reply=silenced.reply, heard=silenced.heard, audible=True
            )
        )


class _Speaker:
    """Takes speech from a draft to the playout, and watches that it keeps coming."""

    def __init__(self, stage: Stage, emit: Emit, draft: Draft) -> None:
        self.stage, self.emit, self.draft = stage, emit, draft
        self.voicing = draft.voicing
        self.played = draft.voicing.first
        """Clauses that were wholly handed to the playout."""
        self.progress_ms = 0.0

    async def run(self) -> None:
        _begin(self.stage, self.emit, self.draft.reply)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            if not self.voicing.begun:
                self.voicing.begun = True
                nursery.start_soon(voice, self.stage, self.draft)
            async for speech in self.voicing.speech:
                await self._play(speech)
            nursery.cancel_scope.cancel()
        if not self.voicing.instead:  # else another voice goes on
            self.stage.playout.finish(self.draft.reply)
        if self.voicing.failure:
            self.emit(
                VoiceFailed(
                    at_ms=self.stage.now_ms(),
                    reply=self.draft.reply,
                    reason=self.voicing.failure,
                    instead=self.voicing.instead,
                )
            )

    async def _play(self, speech: Speech) -> None:
        clause = self.draft.composed[speech.clause]
        await self.stage.playout.add(
            self.draft.reply,
            clause,
            speech.mulaw,
            last=speech.ends_clause,
            timings=speech.timings,
        )
        self.played += speech.ends_clause
        self.progress_ms = self.stage.now_ms()

    async def _watch(self, playing: trio.CancelScope) -> None:
        """Give the voice up when it owes a clause and has been silent for too long."""
        await self.draft.first_clause.wait()
        self.progress_ms = self.stage.now_ms()
        choice, voice_name = self.stage.ports.text_to_speech, self.stage.voice.name
        while True:
            instead = choice.instead_of(voice_name, took_over=bool(self.stage.call.voice))
            settings = self.stage.call.settings
            limit_ms = settings.voice_switch_ms if instead else settings.first_audio_ms
            if len(self.draft.composed) == self.played:
                self.progress_ms = self.stage.now_ms()  # it owes nothing
            waited_ms = self.stage.now_ms() - self.progress_ms
            if waited_ms >= limit_ms and self.stage.playout.starved(self.draft.reply):
                timeout = ProviderTimeout(f"the voice was silent for {limit_ms} ms")
                choice.failed(voice_name, timeout)
                self.voicing.scope.cancel()
                self.voicing.finish(str(timeout), instead)
                playing.cancel()
                return
            left_ms = limit_ms - waited_ms if waited_ms else 0.0
            await trio.sleep(max(left_ms, limit_ms / 5) / 1000)
