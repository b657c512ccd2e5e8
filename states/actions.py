"""The actions of the chart: they change the call's data and return commands.

An action's name on the chart is its function's name. It does no I/O and reads no clock; the
time is the event's. Those that say a fixed line, or lead to the end of the call, are in
:mod:`states.lines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from states.call import Call, Cut, Line, Reply, ToolUse, Turn
from states.commands import (
    ChangeVoice,
    Command,
    DiscardOutput,
    HoldOutput,
    Raise,
    ReleaseDraft,
    ReleaseOutput,
)
from states.endpointing import Judgement, Reason, is_complete
from states.events import (
    Answered,
    AudioStarted,
    DigitsOver,
    Dtmf,
    Event,
    OutputHeld,
    PauseOver,
    PlayedOut,
    ReplyFailed,
    SpeechEnded,
    SttFailed,
    SttOverdue,
    ToolSettled,
    Transcript,
    TurnJudged,
    TurnTooLong,
    VoiceFailed,
)
from states.router import route_of
from states.words import normalized

Commands = Sequence[Command]


def note_answered(call: Call, event: Event) -> Commands:
    """The call begins: who called whom?"""
    assert isinstance(event, Answered)
    call.outbound = event.outbound
    return ()


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
    if call.turn.voiced_since_ms is None:
        call.turn.voiced_since_ms = since
    call.turn.voice_ended_ms = event.voice_at_ms
    call.speaking_since_ms = None
    return ()


def note_words(call: Call, event: Event) -> Commands:
    """Take the transcript into the open turn."""
    assert isinstance(event, Transcript)
    changed = call.changes_words(event.segment, event.text)
    turn = call.turn
    text = turn.part(event.segment, event.text)
    if text or event.segment in turn.segments:
        turn.segments[event.segment] = text
    turn.through_ms = max(turn.through_ms, event.through_ms)
    turn.agreeing = 1 if changed else turn.agreeing + 1
    if event.final:
        turn.finals.add(event.segment)
        if event.text:
            call.stt_failures = 0  # it works again: only failures in a row are fatal
    if changed:
        call.prompts = 0
        if turn.went_on_after_ms is not None:
            call.habits.was_cut_off()
            call.habits.paused(turn.went_on_after_ms)
            turn.went_on_after_ms = None
    return (
        *((Raise("words_changed"),) if changed else ()),
        *((Raise("words_settled"),) if event.final or event.eager else ()),
    )


def settle_words(call: Call, event: Event) -> Commands:
    """The caller paused: the words so far may be all there is."""
    return (Raise("words_settled"),)


def note_pause(call: Call, event: Event) -> Commands:
    """The caller went on after a pause: that is how long this caller's pauses are."""
    if call.turn.words and call.turn.voice_ended_ms:
        call.habits.paused(_pause_ms(call, event))
    return ()


def _pause_ms(call: Call, event: Event) -> float:
    """From the caller's last sound to the one that goes on now."""
    since_ms = event.at_ms if call.speaking_since_ms is None else call.speaking_since_ms
    return max(0.0, since_ms - call.settings.onset_ms - call.turn.voice_ended_ms)


def note_judgement(call: Call, event: Event) -> Commands:
    """What the words and the voice say of the pause: is the turn over?"""
    assert isinstance(event, TurnJudged)
    call.turn.judgement = Judgement(event.completeness, event.contour)
    return ()


def note_digit(call: Call, event: Event) -> Commands:
    """Take a dialled digit into the open turn."""
    assert isinstance(event, Dtmf)
    call.turn.digits += event.digit
    call.prompts = 0
    return ()


def fresh_turn(call: Call, event: Event) -> Commands:
    """Forget what was said and led nowhere: a backchannel, a cough."""
    call.segments_closed |= call.turn.segments.keys()
    call.turn = Turn(begins=call.turn.begins)
    return ()


# --- turns ----------------------------------------------------------------------------------


def commit_turn(call: Call, event: Event) -> Commands:
    """The caller's turn is over: it goes into the history and is answered."""
    call.turn.committed = True
    call.turn.reason = _reason(call, event)
    call.turn.mid_speech = call.speaking_since_ms is not None
    call.holding = False
    call.history.append(Line("caller", call.turn.words))
    return (Raise("committed"),)


def _reason(call: Call, event: Event) -> Reason:
    turn = call.turn
    match event:
        case Transcript():
            return "stt_endpoint"
        case Dtmf() | DigitsOver():
            return "keys"
        case TurnTooLong():
            return "limit"
        case SttOverdue():
            return "watchdog"
        case PauseOver() if not turn.is_final:
            return "stability"
        case PauseOver() if is_complete(turn.judgement, call.settings):
            return "semantic"
        case _:
            return "silence"


def retract_turn(call: Call, event: Event) -> Commands:
    """The caller goes on: nothing was audible yet, so the turn is open again and grows."""
    if call.turn.committed:
        last = max(index for index, line in enumerate(call.history) if line.role == "caller")
        answered = any(line.role == "agent" and line.text for line in call.history[last:])
        assert not answered, "only an unanswered turn can be retracted"
        del call.history[last]
        call.turn.went_on_after_ms = _pause_ms(call, event)
    call.keep_what_was_done()
    call.turn.committed = False
    _stay(call)
    return (DiscardOutput(), Raise("abandoned"))


def _stay(call: Call) -> None:
    """The caller has more to say: the call does not end, nor go elsewhere, nor wait."""
    call.reply.given_up = True
    call.farewell = call.holding = False
    call.transfer_to = ""


def amend_history(call: Call, event: Event) -> Commands:
    """A late transcript corrects the caller's line that is being answered."""
    assert isinstance(event, Transcript)
    turn = call.answered_turn
    before = turn.words
    turn.segments[event.segment] = turn.part(event.segment, event.text)
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
    call.reply = Reply(
        number=call.reply.number + 1,
        to_words=call.turn.words,
        route=route_of(call),
    )
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
    """The caller hears the reply: the turn it answers is closed, and another can begin. If the
    caller was still speaking as it was taken up, what they go on to say is the other one's. A line
    that answers no turn closes none that is still being dialled or understood."""
    assert isinstance(event, AudioStarted)
    call.reply.audible = True
    if call.reply.line is None:
        call.habits.was_heard_out()
        call.reply.owed = call.owed
        call.unheard = call.owed = ""  # this reply knows of it, and says it
    call.history.extend(_tool_line(use) for use in call.reply.tools)
    call.reply.tools = []
    call.history.append(Line("agent", "", reply=event.reply))
    turn = call.turn
    if turn.committed:
        call.answered_turn = turn
        if turn.mid_speech and turn.segments:
            return _cut_turn(call)
    elif turn.digits or (turn.segments and not turn.is_final):
        return ()
    return fresh_turn(call, event)


def _cut_turn(call: Call) -> Commands:
    """The last segment goes on: it is open from here."""
    last, text = max(call.turn.segments.items())
    begins = call.turn.begins
    before = begins.words if begins.segment == last else 0
    call.turn.ends = Cut(last, before + len(normalized(text)))
    call.segments_closed |= call.turn.segments.keys() - {last}
    call.turn = Turn(begins=call.turn.ends)
    return ()


def note_tool(call: Call, event: Event) -> Commands:
    """A tool is settled. Before the reply is audible its results belong to the draft; after
    that, and for a side effect or a surviving read of a reply that was given up, to the
    history."""
    assert isinstance(event, ToolSettled)
    use = ToolUse(
        event.call_id, event.tool, event.arguments, event.result, event.changes, event.survives
    )
    current = event.reply == call.reply.number and not call.reply.given_up
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


def note_unheard(call: Call, event: Event) -> Commands:
    """What was not heard mattered: the next reply is told of it."""
    assert isinstance(event, OutputHeld)
    call.unheard = event.unheard
    return ()


def queue_rest(call: Call, event: Event) -> Commands:
    """What was not heard has to be said: the next reply ends with it."""
    assert isinstance(event, OutputHeld)
    call.owed = event.unheard
    return ()


def note_broken(call: Call, event: Event) -> Commands:
    """The reply failed after it was audible: what there is of it is still played."""
    call.reply.broke = True
    return ()


def finish_reply(call: Call, event: Event) -> Commands:
    """The reply was heard to its end."""
    assert isinstance(event, PlayedOut)
    call.hear(event.reply, event.heard)
    call.reply.over = True
    if call.reply.broke:
        call.owed = "" if call.reply.owed in event.heard else call.reply.owed
    elif call.reply.line is None:
        call.failures = 0
    return ()


def yield_floor(call: Call, event: Event) -> Commands:
    """The caller has the floor: the rest of the reply, if there is any, is dropped."""
    for index, line in enumerate(call.history):
        if line.role == "agent" and line.reply == call.reply.number and not call.reply.over:
            call.history[index] = replace(line, interrupted=True)
    _stay(call)
    return (DiscardOutput(), Raise("abandoned"))


def hold_output(call: Call, event: Event) -> Commands:
    """Fall silent at once; decide later."""
    return (HoldOutput(),)


def release_output(call: Call, event: Event) -> Commands:
    """Nothing happened: go on."""
    if call.reply.audible:  # what had not been heard of it will be
        call.unheard = call.owed = ""
    return (ReleaseOutput(),)


def discard_output(call: Call, event: Event) -> Commands:
    """Fall silent; something else is about to be said."""
    return (DiscardOutput(),)


def change_mind(call: Call, event: Event) -> Commands:
    """Another language model takes over for the rest of the call, and begins the reply anew."""
    assert isinstance(event, ReplyFailed)
    call.mind = event.instead
    return (Raise("mind_changed"),)


def keep_waiting(call: Call, event: Event) -> Commands:
    """The same, and the caller has been told to wait for the reply: it is the same reply."""
    assert isinstance(event, ReplyFailed)
    call.mind = event.instead
    return ()


def change_voice(call: Call, event: Event) -> Commands:
    """Another voice takes over for the rest of the call, from the sentence that was not
    finished."""
    assert isinstance(event, VoiceFailed)
    call.voice = event.instead
    return (ChangeVoice(),)


# --- ears -----------------------------------------------------------------------------------


def change_recogniser(call: Call, event: Event) -> Commands:
    """Another speech-to-text takes over for the rest of the call."""
    assert isinstance(event, SttFailed)
    call.recogniser = event.instead
    return ()


def note_stt_failure(call: Call, event: Event) -> Commands:
    """Speech-to-text failed and will be tried again."""
    call.stt_failures += 1
    return ()
