"""The guards of the chart: pure questions about the call and the event.

A guard's name on the chart is its function's name. It must not change anything.
"""

from __future__ import annotations

from states.call import Call
from states.events import (
    Answered,
    Dtmf,
    Event,
    OutputHeld,
    PlayedOut,
    ReplyFailed,
    SttFailed,
    Transcript,
    TurnForeseen,
    VoiceFailed,
)
from states.words import (
    is_backchannel,
    is_courtesy,
    is_hold_request,
    is_machine_greeting,
    normalized,
    takes_floor,
)


def _transcript(event: Event) -> Transcript:
    assert isinstance(event, Transcript), f"a guard for transcripts was asked about {event.name}"
    return event


# --- the caller's words ---------------------------------------------------------------------


def has_words(call: Call, event: Event) -> bool:
    """The open turn has words (or dialled digits)."""
    return bool(normalized(call.turn.words))


def says_something_new(call: Call, event: Event) -> bool:
    """The transcript changes what the open turn says."""
    heard = _transcript(event)
    return belongs_to_turn(call, event) and call.changes_words(heard.segment, heard.text)


def belongs_to_turn(call: Call, event: Event) -> bool:
    """The transcript can belong to the open turn, and is neither the agent's own voice nor a
    machine's."""
    heard = _transcript(event)
    said = heard.echo < call.settings.echo_words and not call.machine
    return said and call.is_open(heard.segment)


def words_take_floor(call: Call, event: Event) -> bool:
    """What the caller says over the agent claims the floor."""
    heard = _transcript(event)
    said = call.turn.part(heard.segment, heard.text)
    return belongs_to_turn(call, event) and _claims_floor(call, said, final=heard.final)


def _claims_floor(call: Call, words: str, *, final: bool) -> bool:
    """Thanks and goodbyes claim nothing of an agent that is ending the call, putting the caller
    through, or about to wait for them: they agree with it."""
    agreed = call.farewell or call.holding or bool(call.transfer_to)
    return takes_floor(words, final=final) and not (agreed and is_courtesy(words))


def dismisses_itself(call: Call, event: Event) -> bool:
    """The finished transcript holds nothing that claims the floor, or is the agent's own voice."""
    heard = _transcript(event)
    if not heard.final or not call.is_open(heard.segment):
        return False
    is_echo = heard.echo >= call.settings.echo_words
    said = call.turn.part(heard.segment, heard.text)
    return is_echo or not _claims_floor(call, said, final=True)


def only_backchannel(call: Call, event: Event) -> bool:
    """All that was understood so far is a backchannel."""
    return is_backchannel(call.turn.words)


def amends_answered_turn(call: Call, event: Event) -> bool:
    """A late transcript corrects the turn that is being answered."""
    heard = _transcript(event)
    known = call.answered_turn.segments.get(heard.segment)
    said = call.answered_turn.part(heard.segment, heard.text)
    return known is not None and normalized(known) != normalized(said) and bool(said)


def ends_turn(call: Call, event: Event) -> bool:
    """Speech-to-text itself says that the turn is over, and there are words."""
    heard = _transcript(event)
    said = call.turn.part(heard.segment, heard.text)
    return heard.endpoint and belongs_to_turn(call, event) and bool(normalized(said))


# --- when a turn ends -----------------------------------------------------------------------


def words_stand(call: Call, event: Event) -> bool:
    """The transcript is final, or its last ``stable_partials`` agree, up to the last sound."""
    turn = call.turn
    stable = turn.agreeing >= call.settings.stable_partials and turn.is_heard_out
    return turn.is_final or stable


def turn_claims_floor(call: Call, event: Event) -> bool:
    """What the caller said while the greeting was protected is more than a backchannel."""
    return takes_floor(call.turn.words, final=True)


def asks_to_wait(call: Call, event: Event) -> bool:
    """The caller asked for a moment ("hang on a second")."""
    return is_hold_request(call.turn.words)


def is_holding(call: Call, event: Event) -> bool:
    """The caller has asked for a moment, and said nothing since."""
    return call.holding


def is_machine(call: Call, event: Event) -> bool:
    """We called, and what answers is a machine."""
    return call.outbound and not call.machine and is_machine_greeting(call.turn.words)


def machine_answered(call: Call, event: Event) -> bool:
    """We called, and the carrier knows already that a machine took it."""
    return isinstance(event, Answered) and event.outbound and event.machine


def speech_was_missed(call: Call, event: Event) -> bool:
    """The caller said something of which no word was understood."""
    return call.turn.voiced_ms >= call.settings.missed_ms


def is_terminator(call: Call, event: Event) -> bool:
    """The key ends a dialled number."""
    assert isinstance(event, Dtmf)
    return event.digit == "#"


def answered_early(call: Call, event: Event) -> bool:
    """The caller answered the agent's question just before it was at its end.

    Only a backchannel can have been said over the agent without taking the floor, and after a
    question it is the answer ("yes").
    """
    assert isinstance(event, PlayedOut)
    recent = event.at_ms - call.turn.voice_ended_ms <= call.settings.early_answer_ms
    return recent and bool(normalized(call.turn.words)) and event.heard.endswith("?")


def caller_is_speaking(call: Call, event: Event) -> bool:
    """Voice activity is on."""
    return call.speaking_since_ms is not None


# --- the reply ------------------------------------------------------------------------------


def sounds_complete(call: Call, event: Event) -> bool:
    """The words so far are a complete thought: the caller may be about to finish.

    One draft is left for the pause: a long turn has many words that could have been its last.
    """
    assert isinstance(event, TurnForeseen)
    left = call.settings.draft_limit - call.turn.drafts
    return event.completeness >= call.settings.complete_threshold and left > 1


def worth_drafting(call: Call, event: Event) -> bool:
    """The words so far are worth a speculative reply."""
    enough = len(normalized(call.turn.words)) >= call.settings.draft_words
    more = call.turn.drafts < call.settings.draft_limit
    wanted = not (call.farewell or call.machine or call.transfer_to)
    return enough and more and wanted


def draft_fits(call: Call, event: Event) -> bool:
    """The draft answers exactly the committed words."""
    return normalized(call.reply.to_words) == normalized(call.turn.words)


def reply_broke(call: Call, event: Event) -> bool:
    """The reply failed after its first words were audible."""
    return call.reply.broke


def another_mind(call: Call, event: Event) -> bool:
    """Another language model can compose the reply, which has not asked for the end of the call or
    a transfer already."""
    assert isinstance(event, ReplyFailed)
    return bool(event.instead) and not (call.farewell or call.transfer_to)


def another_voice(call: Call, event: Event) -> bool:
    """Another voice can go on."""
    assert isinstance(event, VoiceFailed)
    return bool(event.instead)


def may_apologise(call: Call, event: Event) -> bool:
    """There were not too many failures in a row."""
    return call.failures < call.settings.apology_limit


def key_was_heard(call: Call, event: Event) -> bool:
    """What was not heard of the reply does not matter any more."""
    assert isinstance(event, OutputHeld)
    return event.weight == "plain" or not event.unheard


def rest_must_be_said(call: Call, event: Event) -> bool:
    """What was not heard of the reply has to be said all the same."""
    assert isinstance(event, OutputHeld)
    return event.weight == "must"


# --- the rest -------------------------------------------------------------------------------


def agent_yields(call: Call, event: Event) -> bool:
    """The caller can be heard, and is no machine: speech over the agent may mean something."""
    return not call.deaf and not call.machine


def greeting_is_protected(call: Call, event: Event) -> bool:
    """The greeting begins, and its first moments are not to be interrupted."""
    greets = call.reply.line == call.agent.greeting
    return greets and call.settings.greeting_protected_ms > 0


def may_prompt(call: Call, event: Event) -> bool:
    """A silent caller has not been prompted too often."""
    return call.prompts < len(call.agent.prompts)


def another_recogniser(call: Call, event: Event) -> bool:
    """Another speech-to-text can go on."""
    assert isinstance(event, SttFailed)
    return bool(event.instead)


def stt_may_retry(call: Call, event: Event) -> bool:
    """Speech-to-text failed in a way that trying again can mend, and not too often."""
    return getattr(event, "retryable", False) and (
        call.stt_failures < call.settings.stt_retry_limit
    )


def farewell(call: Call, event: Event) -> bool:
    """What is being said is the goodbye."""
    return call.farewell


def wants_transfer(call: Call, event: Event) -> bool:
    """The caller is to be put through to somebody else after this reply."""
    return bool(call.transfer_to)


def warning_is_due(call: Call, event: Event) -> bool:
    """The call will be too long soon, and the caller has not been told."""
    return call.time_short and not call.warned


def time_is_up(call: Call, event: Event) -> bool:
    """The call has lasted ``call_limit_ms``."""
    return call.time_is_up
