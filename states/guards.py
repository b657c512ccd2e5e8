"""The guards of the chart: pure questions about the call and the event.

A guard's name on the chart is its function's name. It must not change anything.
"""

from __future__ import annotations

from states.call import Call
from states.events import Dtmf, Event, PlayedOut, Transcript, TurnJudged
from states.words import is_backchannel, normalized, takes_floor


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
    return call.is_open(heard.segment) and call.changes_words(heard.segment, heard.text)


def is_open_segment(call: Call, event: Event) -> bool:
    """The transcript can belong to the open turn."""
    return call.is_open(_transcript(event).segment)


def words_take_floor(call: Call, event: Event) -> bool:
    """What the caller says over the agent claims the floor."""
    heard = _transcript(event)
    return call.is_open(heard.segment) and takes_floor(heard.text, final=heard.final)


def dismisses_itself(call: Call, event: Event) -> bool:
    """The finished transcript holds nothing that claims the floor."""
    heard = _transcript(event)
    return heard.final and call.is_open(heard.segment) and not takes_floor(heard.text, final=True)


def only_backchannel(call: Call, event: Event) -> bool:
    """All that was understood over the agent so far is a backchannel."""
    return is_backchannel(call.turn.words)


def amends_answered_turn(call: Call, event: Event) -> bool:
    """A late transcript corrects the turn that is being answered."""
    heard = _transcript(event)
    known = call.answered_turn.segments.get(heard.segment)
    return known is not None and normalized(known) != normalized(heard.text) and bool(heard.text)


def ends_turn(call: Call, event: Event) -> bool:
    """Speech-to-text itself says that the turn is over, and there are words."""
    heard = _transcript(event)
    return heard.endpoint and is_open_segment(call, event) and bool(normalized(heard.text))


# --- when a turn ends -----------------------------------------------------------------------


def turn_is_complete(call: Call, event: Event) -> bool:
    """The words are final, sound like a complete thought, and the caller has been quiet for
    ``complete_silence_ms``."""
    assert isinstance(event, TurnJudged)
    return (
        bool(normalized(call.turn.words))
        and call.turn.is_final
        and event.completeness >= call.settings.complete_threshold
    )


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


def worth_drafting(call: Call, event: Event) -> bool:
    """The words so far are worth a speculative reply."""
    enough = len(normalized(call.turn.words)) >= call.settings.draft_words
    return enough and call.turn.drafts < call.settings.draft_limit and not call.farewell


def draft_is_stale(call: Call, event: Event) -> bool:
    """The draft answers other words than the caller has said by now."""
    return normalized(call.reply.to_words) != normalized(call.turn.words)


def draft_fits(call: Call, event: Event) -> bool:
    """The draft answers exactly the committed words."""
    return not draft_is_stale(call, event)


def reply_broke(call: Call, event: Event) -> bool:
    """The reply failed after its first words were audible."""
    return call.reply.broke


def may_apologise(call: Call, event: Event) -> bool:
    """There were not too many failures in a row."""
    return call.failures < call.settings.apology_limit


# --- the rest -------------------------------------------------------------------------------


def agent_yields(call: Call, event: Event) -> bool:
    """The caller can be heard, so speech over the agent may mean something."""
    return not call.deaf


def may_prompt(call: Call, event: Event) -> bool:
    """A silent caller has not been prompted too often."""
    return call.prompts < len(call.agent.prompts)


def stt_may_retry(call: Call, event: Event) -> bool:
    """Speech-to-text failed in a way that trying again can mend, and not too often."""
    return getattr(event, "retryable", False) and (
        call.stt_failures < call.settings.stt_retry_limit
    )


def farewell(call: Call, event: Event) -> bool:
    """What is being said is the goodbye."""
    return call.farewell


def time_is_up(call: Call, event: Event) -> bool:
    """The call has lasted ``call_limit_ms``."""
    return call.time_is_up
