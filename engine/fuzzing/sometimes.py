"""What must have happened at least once in a campaign, or it has not looked where it hurts.

Each mark is a predicate on one call, read off its journal and its line. So is what a law needs
to have something to observe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from engine import journal
from engine.simulation.laws.reading import Reading, reading_of
from engine.simulation.trace import Trace
from states import events, notes
from states.words import is_backchannel

Mark = Callable[[Reading], bool]


def marks_of(trace: Trace, among: set[str]) -> set[str]:
    """Which of these marks one call bears."""
    reading = reading_of(trace)
    return {name for name in among if SOMETIMES[name](reading)}


def laws_exercised(trace: Trace, among: set[str]) -> set[str]:
    """For which of these laws one call held something to observe."""
    reading = reading_of(trace)
    return {law for law in among if EXERCISED[law](reading)}


# --- ways to look at a call -----------------------------------------------------------------


def _steps(reading: Reading) -> Iterator[tuple[frozenset[str], journal.Event]]:
    """The events, each with the states before it."""
    before: frozenset[str] = frozenset()
    for _, line in reading.events:
        yield before, line
        before = frozenset(line.states)


def _event(*kinds: type[events.Event]) -> Mark:
    """One of these events took a transition."""
    return lambda reading: any(
        isinstance(line.event, kinds) and line.took for _, line in reading.events
    )


Where = Callable[[Reading, frozenset[str]], bool]
"""What is said of the states at a moment. But for the few that every chart has, their names are
the chart's own."""


def _in(state: str) -> Where:
    return lambda reading, states: state in states


def _runs(effect: str) -> Where:
    return lambda reading, states: reading.runs(effect, states)


def _enters(action: str) -> Where:
    return lambda reading, states: reading.enters(action, states)


def _speculative(reading: Reading, states: frozenset[str]) -> bool:
    """A reply is drafted whose turn is not over."""
    return reading.runs("compose", states) and not reading.runs("speak", states)


def _event_in(where: Where, *kinds: type[events.Event]) -> Mark:
    """One of these events took a transition there."""
    return lambda reading: any(
        isinstance(line.event, kinds) and line.took and where(reading, before)
        for before, line in _steps(reading)
    )


def _note(*kinds: type[notes.Note]) -> Mark:
    return lambda reading: any(isinstance(note, kinds) for _, note in reading.notes)


def _action(name: str) -> Mark:
    return lambda reading: any(reading.taken(line, name) for _, line in reading.events)


def _takes(action: str, where: Where) -> Mark:
    """A transition there did this action."""
    return lambda reading: any(
        where(reading, before) and reading.taken(line, action) for before, line in _steps(reading)
    )


def _entered(where: Where, times: int = 1) -> Mark:
    def entered(reading: Reading) -> bool:
        entries = sum(
            where(reading, frozenset(line.states)) and not where(reading, before)
            for before, line in _steps(reading)
        )
        return entries >= times

    return entered


def _phase(phase: str) -> Mark:
    return lambda reading: any(
        isinstance(line, journal.Effect) and line.phase == phase for line in reading.trace.lines
    )


def _weighed(weight: str) -> Mark:
    return lambda reading: any(
        isinstance(line.event, events.OutputHeld) and line.event.weight == weight
        for _, line in reading.events
    )


def _tools_running(reading: Reading, *, changes: bool = False) -> Iterator[tuple[int, int]]:
    """From which journal line to which a tool ran."""
    acting = {tool.name for tool in reading.trace.scenario.tools if tool.changes}
    for index, note in reading.notes:
        if isinstance(note, notes.ToolStarted) and (note.tool in acting or not changes):
            until = next(
                (
                    later
                    for later, line in reading.events
                    if later > index
                    and isinstance(line.event, events.ToolSettled)
                    and (line.event.tool, line.event.reply) == (note.tool, note.reply)
                ),
                len(reading.trace.lines),
            )
            yield index, until


def _while_speaking(*kinds: type[events.Event]) -> Mark:
    """One of these events came while the caller could be heard."""
    return lambda reading: any(
        isinstance(line.event, kinds)
        and any(voice.from_ms < line.event.at_ms < voice.to_ms for voice in reading.voices)
        for _, line in reading.events
    )


# --- the marks ------------------------------------------------------------------------------


def _retracted_during_a_tool(reading: Reading) -> bool:
    return any(
        first < index < last and reading.taken(line, "retract_turn")
        for first, last in _tools_running(reading)
        for index, line in reading.events
    )


def _hung_up_during_a_side_effect(reading: Reading) -> bool:
    return any(
        first < index < last and isinstance(line.event, events.HungUp)
        for first, last in _tools_running(reading, changes=True)
        for index, line in reading.events
    )


def _cleared_before_marks_came_back(reading: Reading) -> bool:
    outstanding: set[str] = set()
    for crossed in reading.trace.crossed:
        if crossed.kind == "mark":
            outstanding.add(crossed.name)
        elif crossed.kind == "echo":
            outstanding.discard(crossed.name)
        elif crossed.kind == "clear" and outstanding:
            return True
    return False


def _draft_discarded(reading: Reading) -> bool:
    return any(
        _speculative(reading, before)
        and line.states
        and not _speculative(reading, frozenset(line.states))
        and not any(event == "committed" for _, event in line.took)
        for before, line in _steps(reading)
    )


def _voice_failed_midway(reading: Reading) -> bool:
    return any(
        "speaking" in before and isinstance(line.event, events.VoiceFailed)
        for before, line in _steps(reading)
    )


def _acknowledged_then_answered(reading: Reading) -> bool:
    sent = [note for _, note in reading.notes if isinstance(note, notes.ClauseSent)]
    return any(
        first.reply == second.reply and first.clause < 0 <= second.clause
        for first, second in pairwise(sent)
    )


def _cancelled_during_the_greeting(reading: Reading) -> bool:
    heard_out = any(isinstance(line.event, events.PlayedOut) for _, line in reading.events)
    return reading.trace.outcome is None and bool(reading.utterances) and not heard_out


def _nodded(reading: Reading) -> bool:
    return any(
        "speaking" in before
        and isinstance(line.event, events.Transcript)
        and is_backchannel(line.event.text)
        and "speaking" in line.states
        for before, line in _steps(reading)
    )


def _tool_settled(outcome: str) -> Mark:
    return lambda reading: any(
        isinstance(line.event, events.ToolSettled) and line.event.outcome == outcome
        for _, line in reading.events
    )


def _unknown_tool(reading: Reading) -> bool:
    known = {tool.name for tool in reading.trace.scenario.tools}
    return any(
        isinstance(line.event, events.ToolSettled) and line.event.tool not in known
        for _, line in reading.events
    )


def _another_mind_answers(reading: Reading) -> bool:
    asked = {
        line.event.instead
        for _, line in reading.events
        if isinstance(line.event, events.ReplyFailed) and line.event.instead and line.took
    }
    return any(
        isinstance(note, notes.ReplyComposed) and note.provider in asked
        for _, note in reading.notes
    )


def _another_recogniser_in_mid_speech(reading: Reading) -> bool:
    return any(
        voice.from_ms < at_ms < voice.to_ms
        for at_ms in reading.taken_at("change_recogniser")
        for voice in reading.voices
    )


def _gave_up_the_mute(reading: Reading) -> bool:
    return any(
        isinstance(line.event, events.SttFailed) and "was silent" in line.event.reason
        for _, line in reading.events
    )


def _hedged(reading: Reading) -> bool:
    return any(isinstance(note, notes.ReplyRequested) and note.hedge for _, note in reading.notes)


def _both_voices_failed(reading: Reading) -> bool:
    failed = [
        line.event for _, line in reading.events if isinstance(line.event, events.VoiceFailed)
    ]
    return any(one.instead and not later.instead for one, later in pairwise(failed))


def _marks_lost(reading: Reading) -> bool:
    return reading.trace.scenario.wire.loses_marks and _event(events.PlayedOut)(reading)


SOMETIMES: Mapping[str, Mark] = MappingProxyType(
    {
        "the caller speaks on while a reply is drafted": _event_in(
            _speculative, events.SpeechStarted
        ),
        "a draft is used at the commit": _action("release_draft"),
        "a draft is discarded": _draft_discarded,
        "a turn is taken back while a tool runs": _retracted_during_a_tool,
        "the caller hangs up while a side effect runs": _hung_up_during_a_side_effect,
        "a tool is asked for that does not exist": _unknown_tool,
        "a side effect has an unknown outcome": _tool_settled("unknown"),
        "a tool fails": _tool_settled("failed"),
        "the carrier is cleared while marks are outstanding": _cleared_before_marks_came_back,
        "a reply is played out although marks are lost": _marks_lost,
        "the agent is interrupted": _entered(_in("interrupted")),
        "the agent is interrupted twice": _entered(_in("interrupted"), 2),
        "a false alarm: the reply goes on": _event(events.FalseAlarm),
        "a reply is held before it sounds, and goes on": _event(events.NoiseOver),
        "a long backchannel stops the agent": _event(events.BackchannelHeld),
        "the caller nods, and the agent goes on": _nodded,
        "a reply is cut at a key word": _weighed("key"),
        "what must be said is cut off": _weighed("must"),
        "the caller speaks over a protected greeting": _event_in(
            _runs("protection_timer"), events.SpeechStarted
        ),
        "the call is cancelled during the greeting": _cancelled_during_the_greeting,
        "the voice fails before its reply sounds": _event_in(_in("thinking"), events.VoiceFailed),
        "the voice fails while its reply sounds": _voice_failed_midway,
        "the language model fails before its reply sounds": _event_in(
            _in("thinking"), events.ReplyFailed
        ),
        "the language model fails while its reply sounds": _event_in(
            _in("speaking"), events.ReplyFailed
        ),
        "a reply is late": _event(events.ReplyLate),
        "a caller who waits is told so, and then answered": _acknowledged_then_answered,
        "speech-to-text fails while the caller speaks": _while_speaking(events.SttFailed),
        "speech-to-text comes back while the caller speaks": _while_speaking(events.SttRetry),
        "speech-to-text is given up": _entered(_enters("go_deaf")),
        "speech-to-text does not keep up, and frames are dropped": _note(notes.FramesDropped),
        "a late transcript corrects the history": _action("amend_history"),
        "a key is pressed while the caller speaks": _while_speaking(events.Dtmf),
        "a key interrupts the agent": _event_in(_in("speaking"), events.Dtmf),
        "the caller is put through": _event(events.Transferred),
        "the caller cannot be put through": _event(events.TransferFailed),
        "the agent ends the call": _action("note_farewell"),
        "the caller asks for a moment": _entered(_runs("hold_timer")),
        "a machine answers": _action("note_machine"),
        "the call is too long": _event(events.CallTooLong),
        "the call is over although nobody let go": _event(events.CallOver),
        "another mind answers": _another_mind_answers,
        "another mind goes on when the caller was told to wait": _action("keep_waiting"),
        "a late mind gets company": _hedged,
        "another voice begins the reply": _takes("change_voice", _in("thinking")),
        "another voice goes on in mid-reply": _takes("change_voice", _in("speaking")),
        "another voice says a fixed line": _takes("change_voice", _runs("recite")),
        "the voice that took over fails as well": _both_voices_failed,
        "speech-to-text is mute, and given up": _gave_up_the_mute,
        "another recogniser goes on": _action("change_recogniser"),
        "another recogniser goes on in mid-speech": _another_recogniser_in_mid_speech,
        "an effect that does not stop is abandoned": _phase("abandoned"),
        "an effect speaks after it was stopped": _note(notes.EventDropped),
    }
)
"""What must have happened at least once, by name."""

EXERCISED: Mapping[str, Mark] = MappingProxyType(
    {
        "L1": lambda reading: len(reading.utterances) > 1,
        "L2": lambda reading: any(
            stretch.from_ms < voice.to_ms and voice.from_ms < stretch.to_ms
            for voice in reading.voices
            for stretch in reading.trace.played
        ),
        "L3": lambda reading: any(
            line.role == "agent" and line.interrupted
            for line in (reading.trace.end.history if reading.trace.end else ())
        ),
        "L4": lambda reading: any(utterance.composed for utterance in reading.utterances),
        "L5": lambda reading: any(reading.raised("committed")),
        "L6": lambda reading: bool(reading.trace.played),
        "L7": lambda reading: any(one.kind == "clear" for one in reading.trace.crossed),
        "L8": _phase("cancelled"),
        "L9": lambda reading: any(_tools_running(reading, changes=True)),
        "L10": lambda reading: any(line.took for _, line in reading.events),
        "L11": lambda reading: reading.trace.alone is not None,
        "L12": _note(notes.ReplyRequested),
    }
)
"""When a law has something to observe."""
