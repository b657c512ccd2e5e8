"""What a scenario expects, held against what came."""

from __future__ import annotations

from collections.abc import Iterator
from operator import contains

from engine.simulation.laws.reading import reading_of
from engine.simulation.scenario import Said
from engine.simulation.trace import Trace
from engine.turns import Turns
from states.call import Line as HistoryLine
from states.notes import ReplyRequested

CLOSE_MS = 1.0
"""Sound that is shorter than this is none."""


def unmet(trace: Trace) -> list[str]:
    """What was expected and did not come, or came and was not; one sentence each."""
    return [
        *_heard_otherwise(trace),
        *_said_otherwise(trace),
        *_told_otherwise(trace),
        *_went_otherwise(trace),
        *_counted_otherwise(trace),
        *_ended_otherwise(trace),
    ]


def _heard_otherwise(trace: Trace) -> Iterator[str]:
    expect, heard = trace.scenario.expect, trace.heard()
    for text in expect.heard_contains:
        if text not in heard:
            yield f"{text!r} was to be heard; heard was {heard!r}"
    for text in expect.heard_once:
        if heard.count(text) != 1:
            yield f"{text!r} was to be heard once; heard was {heard!r}"
    for text in expect.never_heard:
        if text in heard:
            yield f"{text!r} was not to be heard; heard was {heard!r}"
    for from_s, to_s in expect.agent_silent:
        if (sound_ms := trace.agent_speaks(from_s * 1000, to_s * 1000)) > CLOSE_MS:
            yield f"the agent was to be silent from {from_s} to {to_s}; it spoke {sound_ms:.0f} ms"
    for from_s, to_s in expect.agent_speaking:
        missing_ms = (to_s - from_s) * 1000 - trace.agent_speaks(from_s * 1000, to_s * 1000)
        if missing_ms > CLOSE_MS:
            yield f"the agent was to speak from {from_s} to {to_s}; {missing_ms:.0f} ms are missing"


def _said_otherwise(trace: Trace) -> Iterator[str]:
    expected = trace.scenario.expect.conversation
    if expected is None:
        return
    history = trace.end.history if trace.end is not None else []
    same = len(expected) == len(history) and all(
        _same(said, line) for said, line in zip(expected, history, strict=True)
    )
    if not same:
        told = _listed([_said_text(said) for said in expected])
        came = _listed([_line_text(line) for line in history])
        yield f"the conversation was to be{told}; it was{came}"


def _told_otherwise(trace: Trace) -> Iterator[str]:
    expected = trace.scenario.expect.told
    if expected is None:
        return
    messages = [message for _, prompt in trace.prompts for message in prompt.messages]
    told = list(dict.fromkeys(one.text for one in messages if one.role == "note"))
    same = len(told) == len(expected) and all(map(contains, told, expected))
    if not same:
        yield f"the language model was to be told of {expected}; it was told {told}"


def _listed(texts: list[str]) -> str:
    return "".join(f"\n        {text}" for text in texts) or " nothing"


def _same(said: Said, line: HistoryLine) -> bool:
    if said.interrupted is not None and said.interrupted != line.interrupted:
        return False
    texts = {"caller": said.caller, "agent": said.agent, "tool": said.tool}
    return texts[line.role] == line.text and sum(map(bool, texts.values())) == 1


def _said_text(said: Said) -> str:
    mark = {None: "", True: " (interrupted)", False: " (not interrupted)"}[said.interrupted]
    texts = {"caller": said.caller, "agent": said.agent, "tool": said.tool}
    return ", ".join(f"{who}: {text}" for who, text in texts.items() if text) + mark


def _line_text(line: HistoryLine) -> str:
    return f"{line.role}: {line.text}{' (interrupted)' if line.interrupted else ''}"


def _went_otherwise(trace: Trace) -> Iterator[str]:
    expect = trace.scenario.expect
    visited = {state for line in trace.events() for state in line.states}
    happened = {line.event.name for line in trace.events()}
    happened |= {raised for line in trace.events() for _, raised in line.took}
    for state in expect.visits:
        if state not in visited:
            yield f"the call was to come to '{state}'"
    for state in expect.never:
        if state in visited:
            yield f"the call was not to come to '{state}'"
    for event in expect.happens:
        if event not in happened:
            yield f"{event} was to happen"
    for event in expect.never_happens:
        if event in happened:
            yield f"{event} was not to happen"


def _counted_otherwise(trace: Trace) -> Iterator[str]:
    expect = trace.scenario.expect
    drafts = sum(isinstance(note, ReplyRequested) and note.round == 1 for note in trace.notes())
    clears = sum(crossed.kind == "clear" for crossed in trace.crossed)
    if expect.drafts not in (None, drafts):
        yield f"{expect.drafts} replies were to be asked for; it was {drafts}"
    if expect.clears not in (None, clears):
        yield f"the carrier was to be cleared {expect.clears} times; it was {clears}"
    transfers = [crossed.name for crossed in trace.crossed if crossed.kind == "transfer"]
    if expect.transfers not in (None, transfers):
        yield f"the caller was to be put through to {expect.transfers}; it was {transfers}"
    wasted = sum(turn.tokens_wasted for turn in Turns.of(trace.lines).records)
    if expect.tokens_wasted not in (None, wasted):
        yield f"{expect.tokens_wasted} tokens were to be counted as wasted; it was {wasted}"
    endpoints = [line.endpoint for line in trace.events() if line.endpoint is not None]
    if expect.endpoints not in (None, endpoints):
        yield f"the turns were to be taken up by {expect.endpoints}; it was {endpoints}"
    for tool, runs in expect.tools.items():
        if trace.tool_runs.get(tool, 0) != runs:
            yield f"{tool} was to run {runs} times; it was {trace.tool_runs.get(tool, 0)}"


def _ended_otherwise(trace: Trace) -> Iterator[str]:
    expect, reading = trace.scenario.expect, reading_of(trace)
    completed = trace.outcome is not None and trace.outcome.completed
    if completed != expect.completed:
        reason = trace.outcome.reason if trace.outcome else "cancelled"
        yield f"the call was {'' if expect.completed else 'not '}to complete; it ended by: {reason}"
    ends = [line.event.name for line in trace.events() if reading.has_ended(line)]
    if expect.ends is not None and ends[:1] != [expect.ends]:
        yield f"the call was to end by {expect.ends}; it ended by {ends[:1]}"
    if expect.ends_before is not None and trace.closed_ms > expect.ends_before * 1000:
        yield f"the call was to end before {expect.ends_before} s; it ended at {trace.closed_ms} ms"
