"""The actions of the chart that say a fixed line, or lead towards the end of the call.

They are actions like those of :mod:`states.actions`.
"""

from __future__ import annotations

from states.actions import Commands
from states.call import Call
from states.commands import Raise
from states.events import Event, TransferAsked


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


def grant_hold(call: Call, event: Event) -> Commands:
    """The caller asked for a moment: they have it."""
    call.holding = True
    return _say(call, call.agent.hold_reply)


def end_hold(call: Call, event: Event) -> Commands:
    """The moment was long: from now on the caller is prompted as usual."""
    call.holding = False
    return ()


def note_machine(call: Call, event: Event) -> Commands:
    """An answering machine took the call."""
    call.machine = True
    return ()


def leave_message(call: Call, event: Event) -> Commands:
    """Leave a message on the machine, and end the call."""
    call.farewell = True
    return _say(call, call.agent.voicemail)


def note_farewell(call: Call, event: Event) -> Commands:
    """The agent ends the call after what it is about to say."""
    call.farewell = True
    return ()


def note_transfer(call: Call, event: Event) -> Commands:
    """The agent puts the caller through after what it is about to say."""
    assert isinstance(event, TransferAsked)
    call.transfer_to = event.to
    return ()


def say_transfer_failed(call: Call, event: Event) -> Commands:
    """The caller could not be put through: say so, and go on, if there is anybody to listen."""
    call.transfer_to = ""
    if call.deaf:
        return say_goodbye(call, event)
    return _say(call, call.agent.transfer_failed)


def say_warning(call: Call, event: Event) -> Commands:
    """Tell the caller that the call will be too long soon."""
    call.warned = True
    return _say(call, call.agent.warning)


def note_time_short(call: Call, event: Event) -> Commands:
    """The call will be too long soon: say so at the next opportunity."""
    call.time_short = True
    return ()


def note_time_up(call: Call, event: Event) -> Commands:
    """The call has lasted long enough: say goodbye at the next opportunity."""
    call.time_is_up = True
    return ()


def go_deaf(call: Call, event: Event) -> Commands:
    """Speech-to-text is gone for good: say goodbye, unless somebody else is about to listen."""
    call.deaf = True
    if call.transfer_to:
        return ()
    return say_goodbye(call, event)
