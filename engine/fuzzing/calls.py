"""Hypothesis strategies for whole calls, as plain data that shrinks well.

The first of the values to choose from is always the usual one, so that a failure shrinks to a
call in which everything is as usual but what matters; of times it is a round one. What can be
chosen is made beforehand (:mod:`engine.fuzzing.manners`, :mod:`engine.fuzzing.openings`): each
choice takes time, and a call is of some thirty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec.structs import replace

from effects.ports import ToolSpec
from engine.fuzzing import manners, openings
from engine.fuzzing.manners import Seconds, merged
from engine.fuzzing.shrink import GENERATED
from engine.fuzzing.subject import Subject
from engine.simulation.injections import CAUSES, LINE
from engine.simulation.line import BREATH_S
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Injection,
    Judge,
    Order,
    Recognition,
    Scenario,
    ScriptedTool,
    Spare,
    Voice,
    Wire,
)
from engine.simulation.services import TROUBLES
from states.settings import Settings

UTTERANCES = (
    "where is my parcel",
    "yeah",
    "stop",
    "yes i do",
    "i want to",
    "change the date to friday please",
    "uh huh",
    "no wait",
    "hang on a second",
    "please leave a message after the tone",
    "it left memphis this morning",
    "do you want it",
    "thank you goodbye",
)
"""Two of them are what the agent says: its own voice that comes back."""

ANSWERS = (
    "All right, I understand.",
    "It left Memphis this morning. It should be with you on Thursday, before noon.",
    "Well, let me see, that would be the one from Tuesday; it is on its way, and should reach "
    "you tomorrow. Do you want me to change it?",
    "It left Memphis this morning.",
    "It left Memphis. <must>Please keep your passport ready.</must> Do you want it today?",
    "Do you want it?",
    "Yes.",
    "",
    "It is <key>order 4711</key>, and it comes <key>at 2:30 pm</key>. I hope that this helps.",
    "It left Memphis. <must>Please keep your passport ready.</must>",
    "<must>This call is recorded.</must> That is $5.20, or **12 items** at 40 cents.",
)
TOOLS = (
    ScriptedTool(name="look", returns={"at": "Memphis"}),
    ScriptedTool(name="change", returns={"done": True}, changes=True),
    ScriptedTool(name="finish", changes=True, ends_call=True),
    ScriptedTool(name="pass_on", changes=True, transfers_to="+15550199"),
)
"""Those of the simulation's own agent."""

STEPS = (*range(1, 500),) * 3 + (*range(1, 2000),)
"""After which step something is injected. A busy call has some 2000, many have 500."""


def _tenths(first: int, last: int, step: int = 1) -> list[float]:
    return [tenth / 10 for tenth in range(first, last, step)]


GAPS = (1.0, *_tenths(0, 20), *(n / 100 for n in range(100) if n % 10), *_tenths(20, 60, 2))
"""Seconds between two things that the caller does, the roundest first."""
LENGTHS = (1.0, *_tenths(1, 7), *_tenths(1, 26), *(n / 100 for n in range(4, 70, 3)))
ENDINGS = (5.0, 0.0, *_tenths(1, 10, 2), 1.0, 2.0, 3.0, 5.0, 5.0, 10.0, 0.05, 0.25, 30.0)

SAID = tuple(Act(at=0.0, say=text) for text in UTTERANCES)
DONE = (
    *SAID,
    *(Act(at=0.0, sound=True),) * len(SAID),
    *(Act(at=0.0, press=key) for key in "1#*"),
    Act(at=0.0, lose=0.1),
    Act(at=0.0, lose=2.5),
    Act(at=0.0, say="i want to", final="i want to change it"),
    Act(at=0.0, say="yeah", late=0.5),
    Act(at=0.0, say="no wait", late=2.0),
)
"""What the caller, or the line, may do."""

WITHIN = ("press", "lose")
"""Acts that may fall into what the caller says."""

Step = tuple[float, Act, float]
ACTS: SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.sampled_from(GAPS), st.sampled_from(DONE), st.sampled_from(LENGTHS)), max_size=5
)
SERVING = ("mind", "voice", "recogniser", "judge")
"""Who may fail, stall, or be done at once, wherever it is just then."""

STRUCK = (
    *LINE,
    *LINE,
    *(cause for cause in CAUSES.values() if cause[0] == "fire"),
    *((trouble, who) for who in SERVING for trouble in TROUBLES if trouble != "bug"),
)
"""What may happen after a step: a cancellation first of all."""

INJECTION: SearchStrategy[Injection] = st.builds(
    lambda step, cause: Injection(step=step, does=cause[0], what=cause[1]),
    st.sampled_from(STEPS),
    st.sampled_from((*(("cancel", ""),) * (len(STRUCK) // 3), *STRUCK)),
)
INJECTIONS: SearchStrategy[list[Injection]] = st.one_of(
    st.just([]), st.lists(INJECTION, min_size=1, max_size=2)
)
ROTATION = st.tuples(st.integers(1, 500), st.integers(1, 3))
ROTATIONS: SearchStrategy[dict[int, int]] = st.one_of(
    st.just({}), st.lists(ROTATION, min_size=1, max_size=3).map(dict)
)
ORDER = st.builds(
    Order,
    priorities=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    changes=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 5)), max_size=3).map(dict),
)
ORDERS: SearchStrategy[Order | None] = st.one_of(st.none(), st.none(), st.none(), ORDER)
INCOMPLETE: tuple[list[str], ...] = ([], [], [], [], ["i want to"], list(UTTERANCES))


def calls(subject: Subject) -> SearchStrategy[Scenario]:
    """Calls to a subject. Its tools are asked for, with arguments that fit them."""
    tools = scripted(subject.tools) if subject.agent is not None else TOOLS
    asks = _asks(tools, {spec.name: fitting(spec.parameters) for spec in subject.tools})
    names = {tool.name for tool in tools}
    begin = [
        one
        for one in openings.ELSEWHERE
        if all(a.asks.tool in names for a in one.answers if a.asks)
    ]
    rounds = len(begin) // 4
    answer = st.builds(
        _answer,
        st.sampled_from(("", "parcel", "", "date", "stop", "goodbye")),
        st.sampled_from(ANSWERS),
        st.sampled_from((None,) * len(asks) + asks),
        st.sampled_from(manners.MINDS),
    )
    return st.builds(
        _call,
        st.sampled_from((openings.NOTHING, *openings.ASKED, *openings.ASKED * rounds, *begin)),
        ACTS,
        st.sampled_from(ENDINGS),
        st.lists(answer, max_size=2),
        st.sampled_from(manners.VOICES),
        st.sampled_from(manners.RECOGNITIONS),
        st.sampled_from(manners.JUDGES),
        st.sampled_from(manners.WIRES),
        st.sampled_from(manners.SETTINGS),
        st.sampled_from(manners.TOOLS).map(lambda manner: [_like(tool, manner) for tool in tools]),
        st.sampled_from(INCOMPLETE),
        st.sampled_from((True, True, True, False)),
        INJECTIONS,
        ROTATIONS,
        ORDERS,
        st.sampled_from(manners.SECONDS),
    )


def _call(
    opening: Scenario,
    acts: Sequence[Step],
    ending: float,
    answers: list[Answer],
    voice: Voice,
    recognition: Recognition,
    judge: Judge,
    wire: Wire,
    settings: Settings,
    tools: list[ScriptedTool],
    incomplete: list[str],
    phrases_rendered: bool,
    injections: list[Injection],
    rotations: dict[int, int],
    order: Order | None,
    seconds: Seconds,
) -> Scenario:
    caller, ends_at = _timed(opening.caller, acts)
    answers = [*opening.answers, *answers]
    return Scenario(
        says=GENERATED,
        caller=caller,
        answers=answers,
        voice=merged(Voice(), voice, opening.voice),
        recognition=merged(Recognition(), recognition, opening.recognition),
        spare=_spare(seconds, opening.spare, answers),
        judge=judge,
        wire=merged(Wire(), wire, opening.wire),
        tools=tools if any(answer.asks for answer in answers) else [],
        incomplete=incomplete,
        greeting=opening.greeting,
        phrases_rendered=phrases_rendered,
        settings=merged(Settings(), settings, opening.settings),
        injections=injections,
        rotations=rotations,
        order=order,
        ends_at=round(ends_at + ending, 2),
    )


def _spare(seconds: Seconds, first: Spare, answers: Sequence[Answer]) -> Spare:
    """Those who take over, as ``seconds`` behave, and at least whom an opening has. A second mind
    knows the same answers."""
    mind = seconds.mind or (Answer() if first.answers is not None else None)
    return Spare(
        answers=[_in_manner(mind, answer) for answer in answers] if mind else None,
        voice=first.voice or seconds.voice,
        recognition=first.recognition or seconds.recognition,
    )


def _in_manner(manner: Answer, answer: Answer) -> Answer:
    return replace(manner, to=answer.to, says=answer.says, asks=answer.asks, before=answer.before)


def _timed(opening: Sequence[Act], acts: Sequence[Step]) -> tuple[list[Act], float]:
    """One thing after another, and when the last is over. Keys and losses also fall into what is
    being said."""
    caller = list(opening)
    at = max((act.at + _lasts(act) for act in opening), default=0.0)
    for gap, act, length in acts:
        if act.say or act.sound:
            at += max(gap, BREATH_S)
            caller.append(replace(act, at=round(at, 2), during=length))
            at += length
        else:
            caller.append(replace(act, at=round(max(0.0, at - length), 2)))
    return caller, at


def _lasts(act: Act) -> float:
    return act.during if act.say or act.sound else 0.0


def _answer(to: str, says: str, asks: Asks | None, manner: Answer) -> Answer:
    before = "One second, I am looking." if asks and says == ANSWERS[0] else ""
    return replace(manner, to=to, says=says, asks=asks, before=before)


# --- tools ----------------------------------------------------------------------------------


def scripted(specs: Sequence[ToolSpec]) -> tuple[ScriptedTool, ...]:
    """Tools that stand in for those of an agent."""
    return tuple(
        ScriptedTool(
            name=spec.name,
            returns={"ok": True},
            changes=spec.changes,
            survives=spec.survives,
            holding=spec.holding,
            timeout=spec.timeout_ms / 1000,
            ends_call=spec.name == "end_call",
            transfers_to="+15550199" if spec.name == "transfer_call" else "",
        )
        for spec in specs
    )


def fitting(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that a tool with this JSON schema accepts, if it is a simple one."""
    properties = schema.get("properties", {})
    return {name: _value(properties.get(name, {})) for name in schema.get("required", properties)}


def _value(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return fitting(schema)
        case "array":
            return []
        case "boolean":
            return True
        case "integer" | "number":
            return 1
        case _:
            return "friday"


def _asks(tools: Sequence[ScriptedTool], arguments: dict[str, dict[str, Any]]) -> tuple[Asks, ...]:
    """Each tool is asked for once; some twice or for ever, some wrongly at first or throughout."""
    once = [Asks(tool=tool.name, arguments=arguments.get(tool.name, {})) for tool in tools]
    wrongly = [replace(asks, times=2, broken=1) for asks in once[:1]]
    wrongly += [replace(asks, times=2, broken=2) for asks in once[1:2]]
    for_ever = [replace(asks, times=5) for asks in once[:1]]
    return (*once, *once, *wrongly, *for_ever, Asks(tool="nobody_knows"))


def _like(tool: ScriptedTool, manner: ScriptedTool) -> ScriptedTool:
    """A tool that behaves in some manner."""
    return replace(
        manner,
        name=tool.name,
        returns=tool.returns,
        changes=tool.changes,
        ends_call=tool.ends_call,
        transfers_to=tool.transfers_to,
        survives=not tool.changes and (tool.survives or manner.survives),
        holding=tool.holding or manner.holding,
    )
