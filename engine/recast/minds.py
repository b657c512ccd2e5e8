"""What the language model and the tools of a recorded call said, and how long they took."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from engine.recast.story import Generation, ReplyStory, Story, usual
from engine.simulation.recalled import alike
from engine.simulation.scenario import Answer, Asks, Fault, ScriptedTool, Use
from states import events
from states.words import normalized

NEVER_S = 3600.0
LONGEST_TIMEOUT_S = 60.0
USUAL_WORD_S = 0.02
LONG_S = 1.0
"""Who has waited so long for a reply that never came has met a slow language model."""

STEP_S = 0.05
"""A reply that nobody waited for any more came at the earliest so long after that."""


def answers_of(story: Story) -> tuple[list[Answer], list[Answer] | None]:
    """The answers of the first language model, and of the one that took over, if one did."""
    asked = [
        (reply, part)
        for number, reply in sorted(story.replies.items())
        for part in reply.generations
    ]
    first = next((part.requested.provider for _, part in asked), "")
    others = {part.requested.provider for _, part in asked} - {first}
    usual_s = _usual_first_token_s(story)
    _say_again(story)
    replies = _worth_keeping([reply for _, reply in sorted(story.replies.items())])
    told = [reply for reply in replies if reply.text]

    def answer(reply: ReplyStory, parts: list[Generation]) -> Answer:
        likely = max(told, key=lambda one: alike(one.to, reply.to), default=None)
        return _answer(reply, parts, usual_s, likely.text if likely else Answer().says)

    firsts = [answer(*one) for one in _by(replies, {first})]
    return firsts, [answer(*one) for one in _by(replies, others)] if others else None


def _say_again(story: Story) -> None:
    """A side effect that an earlier reply asked for is not done twice, and leaves no trace in a
    later reply that asks for it again, but for the generation after it."""
    errand: Generation | None = None
    for _, reply in sorted(story.replies.items()):
        for part, after in pairwise(reply.generations):
            is_silent = not part.came_to_something and not after.requested.hedge
            if is_silent and after.requested.round > part.requested.round and errand:
                part.tool, part.settled = errand.tool, errand.settled
        for part in reply.generations:
            if part.settled is not None and part.settled.changes:
                errand = part


def _worth_keeping(replies: list[ReplyStory]) -> list[ReplyStory]:
    """Those that were composed to their end, were heard, failed, or took long; of words that have
    none of these, the drafts, as far as they came."""

    def counts(reply: ReplyStory) -> bool:
        parts = reply.generations
        told = any(one.composed_ms or one.failed or one.tool for one in parts)
        return reply.audible or told or _waited_s(parts[-1]) >= LONG_S

    composed = [reply for reply in replies if reply.generations]
    known = {normalized(reply.to) for reply in composed if counts(reply)}
    return [
        reply
        for reply in composed
        if counts(reply)
        or (normalized(reply.to) not in known and (reply.text or _waited_s(reply.generations[-1])))
    ]


def _waited_s(part: Generation) -> float:
    """How long a request that came to nothing was waited for."""
    if part.came_to_something or part.dropped_ms is None:
        return 0.0
    return _seconds(part.dropped_ms - part.requested.at_ms)


def _by(
    replies: list[ReplyStory], providers: set[str]
) -> list[tuple[ReplyStory, list[Generation]]]:
    served = [
        (reply, [part for part in reply.generations if part.requested.provider in providers])
        for reply in replies
    ]
    return [(reply, parts) for reply, parts in served if parts]


def _usual_first_token_s(story: Story) -> float:
    waits = [
        part.first_token_ms - part.requested.at_ms
        for reply in story.replies.values()
        for part in reply.generations
        if part.first_token_ms is not None
    ]
    return usual(waits, 150.0) / 1000


def _answer(reply: ReplyStory, parts: list[Generation], usual_s: float, likely: str) -> Answer:
    """A reply's generations, from the last to the first: each goes on with the next. What one
    that was given up would have said is ``likely`` what was said to the nearest words."""
    last = parts[-1]
    answer: Answer | None = None
    if last.tool and not last.failed:
        answer = Answer(says=likely, first_token=usual_s)
    for part in reversed(parts):
        if part.came_to_something:
            answer = replace(_generated(part, reply, usual_s), then=answer)
        else:
            waited_s = _waited_s(part)
            first_s = max(usual_s, waited_s + (usual_s if waited_s >= LONG_S else STEP_S))
            answer = Answer(says=likely, first_token=round(first_s, 4))
    assert answer is not None
    return replace(answer, to=reply.to, asked=reply.asked)


def _generated(part: Generation, reply: ReplyStory, usual_s: float) -> Answer:
    text = _weighted(" ".join(clause.text for clause in part.clauses), reply)
    first_s, word_s = _pace(part, usual_s)
    fault, stalls = _fault(part.failed)
    answer = Answer(first_token=first_s, word_every=word_s, fault=fault, stalls=stalls)
    if part.failed is not None:
        return replace(
            answer,
            says=text,
            first_token=first_s if text else _seconds(part.failed.at_ms - part.requested.at_ms),
            fault_after_words=len(text.split(" ")) if text else 0,
            fault_late=_late_s(part, first_s, word_s, text),
        )
    if part.tool:
        return replace(answer, before=text, says="", asks=_asks(part))
    return replace(answer, says=text)


def _late_s(part: Generation, first_s: float, word_s: float, text: str) -> float:
    """How long after the last word that is known a failure came."""
    if not text or part.failed is None:
        return 0.0
    known_s = first_s + word_s * len(text.split(" "))
    return round(max(0.0, _seconds(part.failed.at_ms - part.requested.at_ms) - known_s), 4)


def _fault(failed: events.ReplyFailed | None) -> tuple[Fault | None, bool]:
    """How it failed; one that fell silent stalls, and whoever waits gives it up."""
    if failed is None:
        return None, False
    if "was silent for" in failed.reason or "was not done after" in failed.reason:
        return None, True
    return "lost", False


def _asks(part: Generation) -> Asks:
    try:
        arguments = json.loads(part.settled.arguments or "{}" if part.settled else "{}")
    except ValueError:
        arguments = None
    is_wrong = not isinstance(arguments, dict)
    return Asks(
        tool=part.tool,
        arguments={} if is_wrong else arguments,
        broken=int(is_wrong),
    )


def _pace(part: Generation, usual_s: float) -> tuple[float, float]:
    """How long the first word took, and each word after it up to the end of the first clause: that
    is what the caller waits for."""
    asked_ms, first_ms = part.requested.at_ms, part.first_token_ms
    if part.tool_started_ms is not None and not part.clauses:
        known = part.settled is not None and part.settled.changes
        took_s = _seconds(part.tool_started_ms - (first_ms or asked_ms))
        if first_ms is not None and part.first_token_ms != part.tool_started_ms:
            took_s = _seconds(part.tool_started_ms - asked_ms)
        return (min(took_s, usual_s) if known else took_s), 0.0  # it may have waited for the turn
    if not part.clauses:
        return usual_s, USUAL_WORD_S
    begun_ms = part.clauses[0].at_ms if first_ms is None else first_ms
    words = 0
    for clause in part.clauses:  # one that is a single word tells nothing
        words += len(clause.text.split())
        at_its_end = clause.at_ms == part.composed_ms
        waits = words if at_its_end else words - 1
        if waits:
            word_s = _seconds((clause.at_ms - begun_ms) / waits)
            return max(0.0, _seconds(begun_ms - asked_ms)), max(0.0, word_s)
    return max(0.0, _seconds(begun_ms - asked_ms)), USUAL_WORD_S


def _weighted(text: str, reply: ReplyStory) -> str:
    """What mattered of a reply that was not heard is marked as the model must have marked it."""
    if reply.weight == "plain" or not reply.must or reply.must not in text:
        return text
    return text.replace(reply.must, f"<{reply.weight}>{reply.must}</{reply.weight}>", 1)


def tools_of(story: Story) -> list[ScriptedTool]:
    """The tools that were used, with what each use came to. One that never began is not among
    them: the model asked for what there is not."""
    tools: dict[str, ScriptedTool] = {}
    for reply in story.replies.values():
        for part in reply.generations:
            if part.tool_started_ms is None:
                continue
            settled = part.settled or _stopped(part)
            tool = tools.get(part.tool) or ScriptedTool(
                name=part.tool,
                changes=settled.changes,
                survives=settled.survives and not settled.changes,
                timeout=_timeout_s(settled.result) or LONGEST_TIMEOUT_S,
            )
            tools[part.tool] = replace(tool, uses=[*tool.uses, _use(story, part, settled)])
    return list(tools.values())


def _stopped(part: Generation) -> events.ToolSettled:
    """A lookup that nobody waited for any more: it is not known what it would have come to."""
    assert part.tool_started_ms is not None
    took_ms = NEVER_S * 1000 if part.dropped_ms is None else part.dropped_ms - part.tool_started_ms
    return events.ToolSettled(
        at_ms=part.tool_started_ms + took_ms,
        reply=part.requested.reply,
        call_id="",
        tool=part.tool,
        arguments="{}",
        result="{}",
        outcome="done",
        changes=False,
    )


def _use(story: Story, part: Generation, settled: events.ToolSettled) -> Use:
    assert part.tool_started_ms is not None
    to, ends = _asked_for(story, settled)
    timed_out = _timeout_s(settled.result) > 0
    failed = settled.outcome != "done" and not timed_out
    took_s = _seconds(settled.at_ms - part.tool_started_ms)
    return Use(
        arguments=_canonical(settled.arguments),
        takes=NEVER_S if timed_out else took_s,
        returns=_object(settled.result) if settled.outcome == "done" else {},
        fault="lost" if failed else None,
        ends_call=ends,
        transfers_to=to,
    )


def _asked_for(story: Story, settled: events.ToolSettled) -> tuple[str, bool]:
    """Where a tool wanted the caller put through to, and whether it wanted the call to end."""
    near_ms = 50.0  # it asks as it returns
    to = next(
        (one.to for one in story.of(events.TransferAsked) if _near(one, settled, near_ms)), ""
    )
    return to, any(_near(one, settled, near_ms) for one in story.of(events.EndAsked))


def _near(one: events.Event, other: events.Event, near_ms: float) -> bool:
    return abs(one.at_ms - other.at_ms) <= near_ms


def _timeout_s(result: str) -> float:
    """After how long a tool was given up; 0 if it was not."""
    error = str(_object(result).get("error", ""))
    if not (error.startswith("no answer within ") and error.endswith(" ms")):
        return 0.0
    return float(error.removeprefix("no answer within ").removesuffix(" ms")) / 1000


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"result": value}


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except ValueError:
        return arguments


def _seconds(duration_ms: float) -> float:
    return round(duration_ms / 1000, 4)
