"""Use a tool that a reply asks for.

A call that is wrong runs nothing: the language model is told once what is wrong with it, and the
second time its reply has failed.

A reading tool runs at once and dies with the reply. A tool with side effects waits until the
caller's turn is committed; then it runs as an errand of the call, which an interruption does
not stop half-way, and it runs once for one intent: if the same turn is answered anew and the
model asks for the same thing again, it is given the first result. A reading tool that survives
begins at once, as the draft's own, and becomes an errand with the commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import trio

from effects.ports import ProviderError, ToolCall, ToolContext, ToolMisused, ToolSpec
from effects.stage import Draft, Emit, Errand, Intent, Stage
from states import notes
from states.events import EndAsked, Event, ToolSettled, TransferAsked

Outcome = Literal["done", "failed", "unknown"]

MISUSES_FORGIVEN = 1
"""How often in a reply a wrong call is told to the model, so that it can mend it."""

_NAME_SHOWN = 40


async def use_tool(stage: Stage, emit: Emit, draft: Draft, call: ToolCall) -> str:
    """Run a tool; returns its result, or the error, as JSON for the language model.

    Raises :class:`ToolMisused` for the second wrong call of a reply. Cancelling abandons a
    reading tool; an errand is finished and recorded.
    """
    try:
        use = _Use(stage, emit, draft, call)
    except ToolMisused as error:
        return _refuse(stage, emit, draft, call, error)
    if use.spec.changes:
        await draft.committed.wait()
        await trio.lowlevel.checkpoint_if_cancelled()  # a fixed line may have taken its place
    running = f"{draft.reply}/{call.call_id}"
    stage.tools_running[running] = use.spec.holding
    try:
        if use.spec.changes or use.spec.survives:
            return await use.by_errand()
        return (await use.run())[1]
    finally:
        stage.tools_running.pop(running, None)


def _refuse(stage: Stage, emit: Emit, draft: Draft, call: ToolCall, error: ToolMisused) -> str:
    result = _error(str(error))
    emit(_settled(stage, draft, call, "failed", result))
    draft.misuses += 1
    if draft.misuses > MISUSES_FORGIVEN:
        raise ToolMisused(f"the language model used tools wrongly again: {error}")
    return result


class _Use:
    """One call of a tool, checked. Making it raises :class:`ToolMisused` for a wrong call."""

    def __init__(self, stage: Stage, emit: Emit, draft: Draft, call: ToolCall) -> None:
        self.stage, self.emit, self.draft, self.call = stage, emit, draft, call
        tool = stage.ports.tools.get(call.name)
        if tool is None:
            tools = ", ".join(stage.ports.tools) or "none"
            raise ToolMisused(f"there is no tool {call.name[:_NAME_SHOWN]!r} (tools: {tools})")
        self.spec = tool.spec
        self.errand = Errand()
        self._runs = False
        self._perform = tool.prepare(call.arguments, self._context())

    # --- what a tool may ask of the call ---

    def _context(self) -> ToolContext:
        transfers = self.stage.call.agent.transfers
        return ToolContext(
            self.stage.carrier.info,
            self.call.call_id,
            end_call=lambda reason: self._ask(partial(EndAsked, reason=reason)),
            transfer_call=lambda to, reason: self._ask(
                partial(TransferAsked, to=transfers.get(to, to), reason=reason)
            ),
        )

    def _ask(self, request: Callable[..., Event]) -> None:
        if not self.spec.changes:
            raise RuntimeError(f"{self.spec.name} changes the call: declare it with changes=True")
        self.errand.asked.append(request)
        self._emit_asked(self.errand.asked[-1:])

    def _emit_asked(self, requests: Sequence[Callable[..., Event]]) -> None:
        # What an abandoned reply asked for is void: the caller has more to say.
        if self._is_wanted:
            for request in requests:
                self.stage.emit(request(at_ms=self.stage.now_ms()))

    @property
    def _is_wanted(self) -> bool:
        """Whether the reply that asked is still the one that the call is to give."""
        reply = self.stage.call.reply
        return reply.number == self.draft.reply and not reply.given_up

    # --- running ---

    async def by_errand(self) -> str:
        """Run it so that it outlives a committed reply, once for one intent."""
        stage, committed = self.stage, self.draft.committed
        intent = (stage.call.turns_taken, self.spec.name, _canonical(self.call.arguments))
        errand = stage.errands.get(intent) if committed.is_set() else None
        if errand is None:
            errand = self.errand
            if committed.is_set():
                stage.errands[intent] = errand
            stage.run_errand(self.spec.name, partial(self._carry_out, intent), self._give_up)
        try:
            await errand.done.wait()
        except trio.Cancelled:
            if not committed.is_set():
                errand.scope.cancel()  # the turn was never taken up: nobody wants to know
            raise
        if errand is not self.errand:
            self._emit_asked(errand.asked)  # the first reply was abandoned, and with it these
        return errand.result

    async def _carry_out(self, intent: Intent) -> None:
        errand, errands = self.errand, self.stage.errands
        if errand.scope.cancel_called or not self._is_wanted:
            if errands.get(intent) is errand:
                del errands[intent]
            return  # given up before its first step: it must not take one
        with errand.scope:
            outcome, errand.result = await self.run()
            if outcome != "done" and not self.spec.changes and errands.get(intent) is errand:
                del errands[intent]  # to look again does no harm
            errand.done.set()

    async def run(self) -> tuple[Outcome, str]:
        """Run it now, and settle it."""
        stage, spec = self.stage, self.spec
        self._runs = True
        stage.note(notes.ToolStarted(at_ms=stage.now_ms(), reply=self.draft.reply, tool=spec.name))
        outcome: Outcome = "unknown"
        result = _error("the tool was stopped before it answered")
        try:
            with trio.fail_after(spec.timeout_ms / 1000):
                result = await self._perform()
            outcome = "done"
        except trio.TooSlowError:
            # A side effect that timed out may have happened: nobody knows.
            outcome = "unknown" if spec.changes else "failed"
            result = _error(f"no answer within {spec.timeout_ms} ms")
        except ProviderError as error:
            outcome, result = "failed", _error(str(error))
        finally:
            self._settle(outcome, result)
        return outcome, result

    def _settle(self, outcome: Outcome, result: str) -> None:
        """Say what became of it, once. An errand is recorded whatever became of the reply, once
        that was committed."""
        if not self._runs:
            return
        self._runs = False
        stage, spec = self.stage, self.spec
        own = (spec.changes or spec.survives) and self.draft.committed.is_set()
        emit = stage.emit if own else self.emit
        emit(_settled(stage, self.draft, self.call, outcome, result, spec))

    def _give_up(self) -> None:
        """The call is over, and the tool does not stop: nobody will know."""
        self._settle("unknown", _error("the tool had not answered when the call was over"))


def _settled(
    stage: Stage,
    draft: Draft,
    call: ToolCall,
    outcome: Outcome,
    result: str,
    spec: ToolSpec | None = None,
) -> ToolSettled:
    """How a call was settled; one that was wrong has no ``spec``: nothing was run."""
    return ToolSettled(
        at_ms=stage.now_ms(),
        reply=draft.reply,
        call_id=call.call_id,
        tool=call.name,
        arguments=call.arguments,
        result=result,
        outcome=outcome,
        changes=spec is not None and spec.changes,
        survives=spec is not None and (spec.changes or spec.survives),
    )


def _error(message: str) -> str:
    return json.dumps({"error": message})


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except ValueError:
        return arguments
