"""Compose: let the language model write a reply, and cut it into clauses for the voice.

A draft is composed while the caller may still be speaking. Until its turn is committed a
draft may read (tools without side effects run at once) but not act: a tool with side effects
waits for the commit, and dies with the draft.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import trio

from effects.clauses import ClauseCutter, Cut
from effects.hedge import Hedge
from effects.ports import (
    Message,
    Prompt,
    ProviderError,
    ProviderTimeout,
    TextDelta,
    Tool,
    ToolCall,
    ToolMisused,
    Usage,
)
from effects.stage import Draft, Emit, Stage
from effects.tools import use_tool
from states import notes
from states.call import Call, Line
from states.events import ReplyFailed


def compose(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Compose a reply to the words of the open turn as they are now.

    Emits ``reply_failed`` when there is nothing to say or the language model gives up.
    """
    call = stage.call
    draft = Draft(call.reply.number, committed=call.turn.committed, owed=call.owed)
    stage.draft = draft
    return _Composer(stage, emit, draft, prompt_for(call, stage.ports.tools)).run()


def prompt_for(call: Call, tools: Mapping[str, Tool]) -> Prompt:
    """What the language model is given: the history as heard, the open turn, and what the
    caller should have heard."""
    messages = [message for line in call.spoken_history() for message in _messages(line)]
    if not call.turn.committed:
        messages.append(Message("caller", call.turn.words))
    if call.unheard:
        messages.append(Message("note", f"The caller did not hear: {call.unheard}"))
    specs = tuple(tool.spec for tool in tools.values())
    model = call.agent.models.get(call.reply.route, "")
    return Prompt(call.agent.instructions, tuple(messages), specs, model)


def _messages(line: Line) -> list[Message]:
    if line.role != "tool":
        return [Message(line.role, line.text)]
    assert line.use is not None
    call = ToolCall(line.use.call_id, line.use.tool, line.use.arguments)
    return [Message("agent", "", call), Message("tool", line.text, call)]


def _sum(before: Usage, usage: Usage) -> Usage:
    """The tokens of both; of the rest, the latter's."""
    return replace(
        usage,
        tokens_in=before.tokens_in + usage.tokens_in,
        tokens_out=before.tokens_out + usage.tokens_out,
        tokens_cached=before.tokens_cached + usage.tokens_cached,
    )


class _Composer:
    def __init__(self, stage: Stage, emit: Emit, draft: Draft, prompt: Prompt) -> None:
        self.stage, self.emit, self.draft, self.prompt = stage, emit, draft, prompt
        self.settings = stage.call.settings
        self.cutter = ClauseCutter()
        self.calls: list[ToolCall] = []
        self.tokens = 0
        self.chars = 0
        self.full = False
        self.patience = trio.CancelScope()
        self.budget_ms = float(self.settings.generation_ms)
        self.silence_ms = 0
        self.latest = 0.0
        self.choice = stage.ports.language_model
        self.mind = stage.mind
        self.race: Hedge[Usage] = Hedge({}, 0)
        self.instead = ""
        """Who can take over from whoever failed."""
        self.asked_last = ""
        self.silent: list[str] = []
        """Who was asked last, and has not failed."""

    async def run(self) -> None:
        composed, told = False, False
        try:
            failure = await self._rounds()
            while failure and not told and self._is_awaited and self.instead:
                self._report(failure)
                told = self.stage.call.mind != self.instead
                if not told:
                    await trio.lowlevel.checkpoint_if_cancelled()
                    self._begin_anew()
                    failure = await self._rounds()
            composed = True
        finally:
            self.draft.finish()
            if not composed:  # cancelled: the caller went on, or the call is over
                self._note_dropped()
        if failure:
            self._note_dropped()
            if not told:
                self._report(failure)

    @property
    def _is_awaited(self) -> bool:
        """Whether the caller has been told to wait, and has not heard anything else."""
        return self.stage.call.reply.audible and not self.draft.composed

    def _report(self, failure: str) -> None:
        """Another language model takes over where nothing of the reply is heard."""
        too_late = self.stage.call.reply.audible and not self._is_awaited
        self.emit(
            ReplyFailed(
                at_ms=self.stage.now_ms(),
                reply=self.draft.reply,
                reason=failure,
                instead="" if too_late else self.instead,
            )
        )

    def _begin_anew(self) -> None:
        """Another language model goes on, with what the tools have said."""
        self.mind = self.stage.mind
        self.cutter = ClauseCutter()
        self.tokens = self.chars = 0
        self.instead = ""

    async def _rounds(self) -> str:
        """Generate, use tools, generate on. Returns why it failed, or an empty string."""
        spent = Usage()
        for number in range(1, self.settings.tool_rounds + 1):
            self.calls = []
            try:
                spent = _sum(spent, await self._generate(number))
            except ProviderError as error:
                return str(error) or type(error).__name__
            for clause in self.cutter.flush():
                self._add(clause)
            if not self.calls or self.full:
                self._add_owed()
                self._note_composed(spent)
                return "" if self.draft.composed else "the language model said nothing"
            for call in self.calls:
                try:
                    result = await use_tool(self.stage, self.emit, self.draft, call)
                except ToolMisused as error:
                    return str(error)
                await trio.lowlevel.checkpoint_if_cancelled()  # a tool can swallow that
                self._tell(call, result)
        return f"the language model asked for tools {self.settings.tool_rounds} times over"

    def _add_owed(self) -> None:
        """What the reply before had to say and was not heard, unless this one has said it."""
        owed, self.draft.owed = self.draft.owed, ""
        said = " ".join(clause.text for clause in self.draft.composed)
        if owed and said and owed not in said:
            self._add(Cut(owed, "must"))

    async def _generate(self, number: int) -> Usage:
        """One generation. Raises :class:`ProviderError`; ``instead`` is who can take over."""
        spare = self._instead_of(self.mind.name)
        asked = [self.mind.name]
        self.asked_last = self.mind.name
        if spare and self.settings.mind_hedge_ms:
            asked.append(spare)
        switch_ms, last_ms = self.settings.mind_switch_ms, self.settings.first_token_ms
        self.silence_ms = switch_ms if self._instead_of(asked[-1]) else last_ms
        self.silent = []
        runners = {name: partial(self._ask, name, number) for name in asked}
        self.race = Hedge(runners, self.settings.mind_hedge_ms / 1000)
        usage, began_ms = Usage(), self.stage.now_ms()
        self.latest = trio.current_time() + self.budget_ms / 1000
        self.patience = trio.CancelScope(deadline=self._deadline())
        try:
            with self.patience:
                alone = len(asked) == 1
                usage = await (self._ask(self.mind.name, number) if alone else self.race.run())
            if self.patience.cancelled_caught and not self.full:
                timeout = ProviderTimeout(self._why_given_up())
                for name in [self.race.winner] if self.race.winner else self.silent:
                    self.choice.failed(name, timeout)
                raise timeout
        finally:
            self.budget_ms -= self.stage.now_ms() - began_ms
            last = self.race.winner or self.asked_last
            self.instead = self._instead_of(last)
            self.mind = self.choice.pick(last)
        return usage

    def _instead_of(self, name: str) -> str:
        took_over = bool(self.stage.call.mind) or name != self.mind.name
        return self.choice.instead_of(name, took_over=took_over)

    async def _ask(self, name: str, number: int) -> Usage:
        mind = self.choice.pick(name)
        # A model is named for the provider that is wanted; the others have their usual ones.
        model = self.prompt.model if mind is self.choice.first else ""
        self.stage.note(
            notes.ReplyRequested(
                at_ms=self.stage.now_ms(),
                reply=self.draft.reply,
                round=number,
                model=model,
                provider=name,
                hedge=mind is not self.mind,
            )
        )

        def take(delta: TextDelta | ToolCall) -> None:
            if isinstance(delta, TextDelta) and not delta.text:
                return  # a sign of the connection's life, not of the model's
            if self.race.takes(name):
                self._take(delta)

        self.asked_last = name
        self.silent.append(name)
        try:
            with self.choice.watched(name):
                return await mind.reply(replace(self.prompt, model=model), take)
        except ProviderError:
            self.silent.remove(name)
            raise

    def _deadline(self) -> float:
        """When the model is given up if it gives no sign of life from now on."""
        return min(trio.current_time() + self.silence_ms / 1000, self.latest)

    def _why_given_up(self) -> str:
        if trio.current_time() >= self.latest:
            return f"the language model was not done after {self.settings.generation_ms} ms"
        return f"the language model was silent for {self.silence_ms} ms"

    def _take(self, delta: TextDelta | ToolCall) -> None:
        if self.patience.cancel_called:
            return  # given up, or full
        self.patience.deadline = self._deadline()
        if isinstance(delta, ToolCall):
            self.calls.append(delta)
            return
        if self.tokens == 0:
            self.stage.note(
                notes.FirstToken(
                    at_ms=self.stage.now_ms(),
                    reply=self.draft.reply,
                    provider=self.race.winner,
                )
            )
        self.tokens += 1
        for clause in self.cutter.feed(self._within_limit(delta.text)):
            self._add(clause)

    def _within_limit(self, text: str) -> str:
        """The part of a delta that is still to be said. Beyond the limit the reply is complete,
        cut at a word, and its generation is called off."""
        room = self.settings.reply_chars - self.chars
        self.chars += len(text)
        if self.chars <= self.settings.reply_chars:
            return text
        self.full = True
        self.patience.cancel()
        return text[: max(0, text.rfind(" ", 0, room + 1))]

    def _add(self, cut: Cut) -> None:
        if self.draft.add(cut.text, cut.weight):
            self.stage.note(
                notes.ClauseComposed(
                    at_ms=self.stage.now_ms(),
                    reply=self.draft.reply,
                    clause=len(self.draft.composed) - 1,
                    text=cut.text,
                )
            )

    def _tell(self, call: ToolCall, result: str) -> None:
        told = (Message("agent", "", call), Message("tool", result, call))
        self.prompt = Prompt(
            self.prompt.instructions,
            (*self.prompt.messages, *told),
            self.prompt.tools,
            self.prompt.model,
        )

    def _note_composed(self, usage: Usage) -> None:
        self.stage.note(
            notes.ReplyComposed(
                at_ms=self.stage.now_ms(),
                reply=self.draft.reply,
                tokens_in=usage.tokens_in,
                tokens_out=usage.tokens_out or self.tokens,
                tokens_cached=usage.tokens_cached,
                provider=self.mind.name,
                model=usage.model,
                request_id=usage.request_id,
            )
        )

    def _note_dropped(self) -> None:
        self.stage.note(
            notes.DraftDropped(
                at_ms=self.stage.now_ms(), reply=self.draft.reply, tokens_out=self.tokens
            )
        )
