"""Whether the caller got what they called for: a dialogue's expectations against the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from adapters.embedded.order_store import OrderRow
from engine.evaluation.dialogue import Expect, OrderIs
from engine.evaluation.words import edits, is_heard, words_of
from engine.journal import AnyLine, Event
from states import events


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that ran, with its arguments as text."""

    name: str
    arguments: dict[str, str]
    done: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known after a call. ``agent_words`` are what was understood of the sound that
    reached the caller. ``tools`` and ``orders`` are None where the engine is elsewhere."""

    agent_words: str
    tools: Sequence[ToolRun] | None = None
    orders: Mapping[str, OrderRow | None] | None = None


def checkable(expect: Expect, evidence: Evidence) -> bool:
    """Whether the evidence is enough to judge all that is expected."""
    no_tools = evidence.tools is None and bool(expect.tools or expect.never)
    return not (no_tools or (evidence.orders is None and bool(expect.orders)))


def failures(expect: Expect, evidence: Evidence) -> list[str]:
    """Every expectation that the evidence contradicts, in a line each."""
    found = _tool_failures(expect, evidence.tools or ()) if evidence.tools is not None else []
    if evidence.orders is not None:
        for number, wanted in expect.orders.items():
            found += _order_failures(number, wanted, evidence.orders.get(number))
    found += [
        f'the agent never said "{phrase}"'
        for phrase in expect.agent_says
        if not is_heard(phrase, evidence.agent_words)
    ]
    found += [
        f'the agent said "{phrase}"'
        for phrase in expect.agent_never_says
        if is_heard(phrase, evidence.agent_words)
    ]
    return found


def _tool_failures(expect: Expect, runs: Sequence[ToolRun]) -> list[str]:
    found = []
    for call in expect.tools:
        for name, arguments in call.items():
            wanted = arguments.items()
            if not any(
                run.done and run.name == name and wanted <= run.arguments.items() for run in runs
            ):
                told = ", ".join(f"{key}={value}" for key, value in wanted)
                found.append(f"{name}({told}) was not run")
    found += [f"{name} was run" for name in expect.never if any(r.name == name for r in runs)]
    return found


def _order_failures(number: str, wanted: OrderIs, row: OrderRow | None) -> list[str]:
    if row is None:
        return [f"there is no order {number}"]
    return [
        f"order {number}: {name} is '{getattr(row, name)}', not '{getattr(wanted, name)}'"
        for name in wanted.differs(row)
    ]


# --- from the journal -----------------------------------------------------------------------


def tool_runs(lines: Sequence[AnyLine]) -> list[ToolRun]:
    """The tools that ran in a call."""
    settled = [
        line.event
        for line in lines
        if isinstance(line, Event) and isinstance(line.event, events.ToolSettled)
    ]
    return [
        ToolRun(event.tool, _as_text(event.arguments), event.outcome == "done") for event in settled
    ]


def _as_text(arguments: str) -> dict[str, str]:
    try:
        values = msgspec.json.decode(arguments or "{}", type=dict[str, object])
    except msgspec.DecodeError:
        return {}  # a language model may write anything; the tool has refused it
    return {name: str(value) for name, value in values.items() if value is not None}


def transcript(lines: Sequence[AnyLine]) -> str:
    """All that the engine's speech-to-text made of the caller, in the end."""
    finals: dict[int, str] = {}
    for line in lines:
        event = line.event if isinstance(line, Event) else None
        if isinstance(event, events.Transcript) and event.final:
            finals[event.segment] = event.text
    return " ".join(text for _, text in sorted(finals.items()) if text)


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Words that were said, and how many of them went wrong on the way."""

    said: int
    wrong: int


def word_errors(said: Sequence[str], understood: str) -> WordErrors:
    """Compare all that a caller said with all that was understood, word by word."""
    words = [word for text in said for word in words_of(text)]
    return WordErrors(len(words), edits(words, words_of(understood)))
