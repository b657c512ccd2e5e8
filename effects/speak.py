"""Speak: give a reply its voice. A composed reply clause by clause, a fixed line from memory."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from effects.ports import Clause, ProviderError, Speech
from effects.spoken import clause_of
from effects.stage import Draft, Emit, Stage
from states import notes
from states.events import OutputHeld, VoiceFailed


def speak(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Voice the current draft while it is still being composed.

    Emits ``voice_failed`` when the voice gives up, stalls, or gives no sound.
    """
    assert stage.draft is not None, "a reply is voiced only while it is composed"
    return _Speaker(stage, emit, stage.draft.reply).voice(stage.draft)


def recite(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Speak the fixed line that the call wants said, from memory if it was rendered."""
    reply = stage.call.reply
    assert reply.line is not None
    return _Speaker(stage, emit, reply.number).recite(reply.line)


class _Speaker:
    def __init__(self, stage: Stage, emit: Emit, reply: int) -> None:
        self.stage, self.emit, self.reply = stage, emit, reply
        self.composed: list[Clause] = []
        self.requested = 0
        self.spoken = 0
        self.sounded = False
        self.given_up = False
        self.progress_ms = 0.0

    async def voice(self, draft: Draft) -> None:
        self.composed = draft.composed
        self._begin()
        await self._speak(draft.clauses, first_clause=draft.first_clause)

    async def recite(self, line: str) -> None:
        self._begin()
        clause = clause_of(0, line)
        audio = self.stage.ports.phrases.get(line)
        if audio is not None:
            await self.stage.playout.add(self.reply, clause, audio, last=True)
            self.stage.playout.finish(self.reply)
            return
        self.composed = [clause]
        send, receive = trio.open_memory_channel[Clause](1)
        send.send_nowait(clause)
        send.close()
        begun = trio.Event()
        begun.set()
        await self._speak(receive, first_clause=begun)

    def _begin(self) -> None:
        silenced = self.stage.playout.begin(self.reply)
        if silenced is not None and silenced.audible:
            self.emit(
                OutputHeld(
                    at_ms=self.stage.now_ms(),
                    reply=silenced.reply,
                    heard=silenced.heard,
                    audible=True,
                )
            )

    async def _speak(
        self, clauses: trio.MemoryReceiveChannel[Clause], first_clause: trio.Event
    ) -> None:
        failure = ""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, first_clause, nursery.cancel_scope)
                await self.stage.ports.text_to_speech.speak(clauses, self._take)
                nursery.cancel_scope.cancel()
        except* ProviderError as errors:
            failure = str(errors.exceptions[0]) or type(errors.exceptions[0]).__name__
        if not failure and self.composed and not self.sounded:
            failure = "the voice gave no sound"
        if failure:
            self._give_up(failure)
        self.stage.playout.finish(self.reply)

    def _give_up(self, reason: str) -> None:
        """The voice failed, and is not heard again. At once, and once: one that ignores its
        cancellation must not keep the caller waiting."""
        if not self.given_up:
            self.given_up = True
            self.stage.playout.finish(self.reply)
            self.emit(VoiceFailed(at_ms=self.stage.now_ms(), reply=self.reply, reason=reason))

    async def _take(self, speech: Speech) -> None:
        if self.given_up:
            return
        now_ms = self.stage.now_ms()
        if speech.mulaw and not self.sounded:
            self.sounded = True
            self.stage.note(notes.FirstSpeech(at_ms=now_ms, reply=self.reply))
        clause = self.composed[speech.clause]
        await self.stage.playout.add(self.reply, clause, speech.mulaw, last=speech.ends_clause)
        self.spoken += speech.ends_clause
        self.progress_ms = self.stage.now_ms()

    async def _watch(self, first_clause: trio.Event, voice: trio.CancelScope) -> None:
        """Give the voice up when it owes a clause and has been silent for too long."""
        await first_clause.wait()
        if self.composed:
            now_ms = self.stage.now_ms()
            self.stage.note(notes.VoiceRequested(at_ms=now_ms, reply=self.reply))
        self.progress_ms = self.stage.now_ms()
        limit_ms = self.stage.call.settings.first_audio_ms
        while True:
            owed = len(self.composed) > self.spoken
            waited_ms = self.stage.now_ms() - self.progress_ms if owed else 0.0
            if waited_ms >= limit_ms and self.stage.playout.starved(self.reply):
                self._give_up(f"the voice was silent for {limit_ms} ms")
                voice.cancel()
                return
            await trio.sleep(max(limit_ms - waited_ms, limit_ms / 5) / 1000)
