"""Use a tool that a reply asks for.

A reading tool runs at once and dies with the reply. A tool with side effects waits until the
caller's turn is committed; then it runs as an errand of the call, which an interruption does
not stop half-way, and it runs once for one intent: if the same turn is answered anew and the
model asks for the same thing again, it is given the first result.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec
import trio

from effects.ports import ProviderError, Tool, ToolCall
from effects.stage import Draft, Emit, Stage
from states import notes
from states.events import ToolSettled

Outcome = Literal["done", "failed", "unknown"]


async def use_tool(stage: Stage, emit: Emit, draft: Draft, call: ToolCall) -> str:
    """Run a tool; returns its result, or the error, as JSON for the language model.

    Cancelling abandons a reading tool; a side effect that has begun is finished and recorded.
    """
    tool = stage.ports.tools.get(call.name)
    if tool is None:
        return _error(f"there is no tool named {call.name}")
    if not tool.spec.changes:
        return await _run(stage, emit, draft.reply, tool, call)
    await draft.committed.wait()
    intent = (stage.call.turns_taken, call.name, _canonical(call.arguments))
    if intent not in stage.intents:
        done = stage.intents[intent] = trio.Event()

        async def errand() -> None:
            # The call's own emit: a side effect is recorded whatever became of the reply.
            stage.results[intent] = await _run(stage, stage.emit, draft.reply, tool, call)
            done.set()

        stage.run_errand(call.name, errand)
    await stage.intents[intent].wait()
    return stage.results[intent]


async def _run(stage: Stage, emit: Emit, reply: int, tool: Tool, call: ToolCall) -> str:
    stage.note(notes.ToolStarted(at_ms=stage.now_ms(), reply=reply, tool=call.name))
    outcome: Outcome = "unknown"
    result = _error("the tool was stopped before it answered")
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
        with trio.fail_after(tool.spec.timeout_ms / 1000):
            result = await tool.run(arguments)
        outcome = "done"
    except msgspec.DecodeError:
        outcome, result = "failed", _error("the arguments are not a JSON object")
    except trio.TooSlowError:
        # A side effect that timed out may have happened: nobody knows.
        outcome = "unknown" if tool.spec.changes else "failed"
        result = _error(f"no answer within {tool.spec.timeout_ms} ms")
    except ProviderError as error:
        outcome, result = "failed", _error(str(error))
    finally:
        emit(
            ToolSettled(
                at_ms=stage.now_ms(),
                reply=reply,
                call_id=call.call_id,
                tool=call.name,
                arguments=call.arguments,
                result=result,
                outcome=outcome,
                changes=tool.spec.changes,
            )
        )
    return result


def _error(message: str) -> str:
    return json.dumps({"error": message})


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except ValueError:
        return arguments
