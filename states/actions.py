"""The actions of the chart: they change the call's data and return commands.

An action's name on the chart is its function's name. It does no I/O and reads no clock; the
time is the event's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from states.call import Call, Line, Reply, ToolUse, Turn
from states.commands import (
    Command,
    DiscardOutput,
    HoldOutput,
    Raise,
    ReleaseDraft,
    ReleaseOutput,
)
from states.events import (
    AudioStarted,
    Dtmf,
    Event,
    OutputHeld,
    PlayedOut,
    SpeechEnded,
    ToolSettled,
    Transcript,
)

Commands = Sequence[Command]

# --- what the caller does -------------------------------------------------------------------


def note_speech(call: Call, event: Event) -> Commands:
    """Voice activity began."""
    call.speaking_since_ms = event.at_ms
    return ()


def note_quiet(call: Call, event: Event) -> Commands:
    """Voice activity ended: remember when the last sound was, and how much there was."""
    assert isinstance(event, SpeechEnded)
    since = event.at_ms if call.speaking_since_ms is None else call.speaking_since_ms
    call.turn.voiced_ms += max(0.0, event.voice_at_ms - since)
    call.turn.voice_ended_ms = event.voice_at_ms
    call.speaking_since_ms = None
    return ()


def note_words(call: Call, event: Event) -> Commands:
    """Take the transcript into the open turn."""
    assert isinstance(event, Transcript)
    changed = call.changes_words(event.segment, event.text)
    turn = call.turn
    turn.segments[event.segment] = event.text
    turn.through_ms = max(turn.through_ms, event.through_ms)
    turn.endpointed = event.endpoint
    if event.final:
        turn.finals.add(event.segment)
        if event.text:
            call.stt_failures = 0  # it works again: only failures in a row are fatal
    if changed:
        call.prompts = 0
    settled = event.final or not changed
    return (
        *((Raise("words_changed"),) if changed else ()),
        *((Raise("words_settled"),) if settled else ()),
    )


def settle_words(call: Call, event: Event) -> Commands:
    """The caller paused: the words so far may be all there is."""
    return (Raise("words_settled"),)


def note_digit(call: Call, event: Event) -> Commands:
    """Take a dialled digit into the open turn."""
    assert isinstance(event, Dtmf)
    call.turn.digits += event.digit
    call.prompts = 0
    return ()


def fresh_turn(call: Call, event: Event) -> Commands:
    """Forget what was said and led nowhere: a backchannel, a cough."""
    call.segments_closed = max(call.segments_closed, *call.turn.segments, -1)
    call.turn = Turn()
    return ()


# --- turns ----------------------------------------------------------------------------------


def commit_turn(call: Call, event: Event) -> Commands:
    """The caller's turn is over: it goes into the history and is answered."""
    call.turn.committed = True
    call.history.append(Line("caller", call.turn.words))
    return (Raise("committed"),)


def retract_turn(call: Call, event: Event) -> Commands:
    """The caller goes on: nothing was audible yet, so the turn is open again and grows."""
    if call.turn.committed:
        last = max(index for index, line in enumerate(call.history) if line.role == "caller")
        answered = any(line.role == "agent" and line.text for line in call.history[last:])
        assert not answered, "only an unanswered turn can be retracted"
        del call.history[last]
    call.keep_what_was_done()
    call.turn.committed = False
    call.farewell = False
    return (DiscardOutput(), Raise("abandoned"))


def amend_history(call: Call, event: Event) -> Commands:
    """A late transcript corrects the caller's line that is being answered."""
    assert isinstance(event, Transcript)
    turn = call.answered_turn
    before = turn.words
    turn.segments[event.segment] = event.text
    for index in reversed(range(len(call.history))):
        line = call.history[index]
        if line.role == "caller" and line.text == before:
            call.history[index] = replace(line, text=turn.words)
            break
    return ()


# --- the reply ------------------------------------------------------------------------------


def begin_draft(call: Call, event: Event) -> Commands:
    """A reply to the words so far is composed."""
    call.turn.drafts += 1
    call.keep_what_was_done()
    call.reply = Reply(number=call.reply.number + 1, to_words=call.turn.words)
    return ()


def begin_line(call: Call, event: Event) -> Commands:
    """A fixed line is spoken."""
    call.keep_what_was_done()
    call.reply = Reply(number=call.reply.number + 1, line=call.line)
    return ()


def release_draft(call: Call, event: Event) -> Commands:
    """The draft is the reply: it may be spoken, and what it asks for may be done."""
    return (ReleaseDraft(),)


def note_audible(call: Call, event: Event) -> Commands:
    """The caller hears the reply: the turn it answers is closed, and another can begin."""
    assert isinstance(event, AudioStarted)
    call.reply.audible = True
    call.history.extend(_tool_line(use) for use in call.reply.tools)
    call.reply.tools = []
    call.history.append(Line("agent", "", reply=event.reply))
    call.answered_turn = call.turn
    return fresh_turn(call, event)


def note_tool(call: Call, event: Event) -> Commands:
    """A tool is settled. Before the reply is audible its results belong to the draft; after
    that, and for a side effect or a surviving read of a reply that was given up, to the
    history."""
    assert isinstance(event, ToolSettled)
    use = ToolUse(
        event.call_id, event.tool, event.arguments, event.result, event.changes, event.survives
    )
    current = event.reply == call.reply.number
    if current and not call.reply.audible:
        call.reply.tools.append(use)
    elif current or event.changes or event.survives:
        agent = next(
            (
                index
                for index, line in enumerate(call.history)
                if line.role == "agent" and line.reply == event.reply
            ),
            len(call.history),
        )
        call.history.insert(agent, _tool_line(use))
    return ()


def _tool_line(use: ToolUse) -> Line:
    return Line("tool", use.result, use=use)


def note_heard(call: Call, event: Event) -> Commands:
    """Output stopped: the history holds what was heard."""
    assert isinstance(event, OutputHeld)
    call.hear(event.reply, event.heard)
    return ()


def note_broken(call: Call, event: Event) -> Commands:
    """The reply failed after it was audible: what there is of it is still played."""
    call.reply.broke = True
    return ()


def finish_reply(call: Call, event: Event) -> Commands:
    """The reply was heard to its end."""
    assert isinstance(event, PlayedOut)
    call.hear(event.reply, event.heard)
    if call.reply.line is None and not call.reply.broke:
        call.failures = 0
    return ()


def yield_floor(call: Call, event: Event) -> Commands:
    """The caller has the floor: the rest of the reply is dropped."""
    for index, line in enumerate(call.history):
        if line.role == "agent" and line.reply == call.reply.number:
            call.history[index] = replace(line, interrupted=True)
    call.farewell = False
    return (DiscardOutput(), Raise("abandoned"))


def hold_output(call: Call, event: Event) -> Commands:
    """Fall silent at once; decide later."""
    return (HoldOutput(),)


def release_output(call: Call, event: Event) -> Commands:
    """Nothing happened: go on."""
    return (ReleaseOutput(),)


def discard_output(call: Call, event: Event) -> Commands:
    """Fall silent; something else is about to be said."""
    return (DiscardOutput(),)


# --- fixed lines ----------------------------------------------------------------------------


def _say(call: Call, line: str) -> Commands:
    call.line = line
    return (Raise("say"),)


def greet(call: Call, event: Event) -> Commands:
    """Greet the caller."""
    return _say(call, call.agent.greeting)


def prompt_caller(call: Call, event: Event) -> Commands:
    """Ask a silent caller whether they are still there."""
    call.prompts += 1
    return _say(call, call.agent.prompts[call.prompts - 1])


def say_missed(call: Call, event: Event) -> Commands:
    """Something was said and not understood: ask for it again."""
    return _say(call, call.agent.missed)


def apologise(call: Call, event: Event) -> Commands:
    """The reply failed: say so."""
    call.failures += 1
    return _say(call, call.agent.apology)


def say_goodbye(call: Call, event: Event) -> Commands:
    """Say goodbye; the call ends when it has been heard."""
    call.farewell = True
    return _say(call, call.agent.goodbye)


def say_too_long(call: Call, event: Event) -> Commands:
    """Say goodbye because the call has lasted too long."""
    call.farewell = True
    return _say(call, call.agent.too_long_goodbye)


def note_time_up(call: Call, event: Event) -> Commands:
    """The call has lasted long enough: say goodbye at the next opportunity."""
    call.time_is_up = True
    return ()


# --- ears -----------------------------------------------------------------------------------


def note_stt_failure(call: Call, event: Event) -> Commands:
    """Speech-to-text failed and will be tried again."""
    call.stt_failures += 1
    return ()


def go_deaf(call: Call, event: Event) -> Commands:
    """Speech-to-text is gone for good: apologise and end the call."""
    call.deaf = True
    return say_goodbye(call, event)
