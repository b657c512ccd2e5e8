"""The phrases by which intents are known, in the order in which they claim a caller's words.

Each phrase is claimed by the first intent that fits it and is then out of play: so "hold on" is
not a wish to hold the parcel, and "speak to customer support" not a call for somebody else.
Phrases are regular expressions over lower-case words with single spaces between them.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Intent(StrEnum):
    """What a caller may want from the parcel desk, or from the conversation."""

    GREET = "greet"
    SUPPORT = "support"
    TRACK = "track"
    CHANGE = "change"
    HOLD = "hold"
    YES = "yes"
    NO = "no"
    REPEAT = "repeat"
    WAIT = "wait"
    RESTART = "restart"
    LOST_NUMBER = "lost number"
    PERSON = "person"
    THANKS = "thanks"
    GOODBYE = "goodbye"


_PARCEL = r"(?:parcel|package|packet|order|delivery|shipment|item|stuff|boots)s?"
_IT = r"(?:it|that|this|them|one)"
_NUMBER = r"(?:the|my|an?|any)(?: order)? number"
_MISSED = r"(?:didn't|did not|couldn't|could not|can't|cannot) (?:quite )?"

_CLAIMS: tuple[tuple[Intent | None, tuple[str, ...]], ...] = (
    # Words that would otherwise be taken for a yes or a no.
    (
        None,
        (
            r"no (?:problem|worries)",
            r"(?:not|make) sure",
            r"right (?:now|away)",
            r"i don't know$",
            r"order no",
        ),
    ),
    (
        Intent.REPEAT,
        (
            rf"say {_IT} again(?! )",
            rf"repeat(?: {_IT})?",
            r"come again",
            r"pardon(?: me)?",
            r"what was that",
            r"one more time|once more",
            r"what (?:did|do) you say",
            _MISSED + rf"(?:catch|hear|get|understand)(?: (?:you|what you said|{_IT}))?",
            r"^(?:sorry )?(?:what|huh|excuse me|sorry)(?: sorry)?$",
        ),
    ),
    (
        Intent.WAIT,
        (
            r"(?:hold|hang) on(?: (?:a|one) \w+)?",
            r"just (?:a|one) (?:moment|minute|second|sec)",
            r"(?:one|a) (?:moment|second|sec)",
            r"wait(?: a \w+)?",
            r"give me a (?:moment|minute|second|sec)",
            r"let me (?:see|check|look|find|get|grab)",
        ),
    ),
    (
        Intent.LOST_NUMBER,
        (
            rf"(?:don't|do not|didn't) (?:have|know|remember|see) (?:{_IT}|{_NUMBER})",
            rf"(?:lost|forgot|can't find|cannot find) (?:it|{_NUMBER})",
            r"no idea",
            r"(?:which|what) number|what(?:'s| is) (?:an|the|my) order number",
        ),
    ),
    (
        Intent.RESTART,
        (
            r"start (?:over|again)",
            r"(?:wrong|another|different|second|other) (?:order|parcel|package|number)",
            r"not my (?:order|parcel|package|number|boots)",
        ),
    ),
    (
        Intent.PERSON,
        (
            r"(?:(?:speak|talk) (?:to|with) (?:(?:an?|the|your) )?)?"
            r"(?:(?:real|actual|live|human) (?:person|human|being|agent)|human|representative"
            r"|operator|manager|supervisor)",
            r"(?:(?:speak|talk) (?:to|with) )?a person",
            r"are you a (?:robot|machine|bot|computer)",
        ),
    ),
    (
        Intent.SUPPORT,
        (
            r"(?:(?:speak|talk|get through) (?:to|with) |connect me (?:to|with) )?"
            r"(?:some(?:one|body) (?:from|in|at) )?(?:the )?"
            r"(?:customers?'? ?(?:support|services?|sport|care)|support|help ?desk|parcel desk)",
            r"can you help(?: me)?",
            r"i need (?:some )?help|help me|help$",
        ),
    ),
    (
        Intent.PERSON,
        (
            r"(?:speak|talk|speaking|talking) (?:to|with) (?:some(?:one|body)|an? agent|people)",
            r"an agent|transfer me|connect me|put me through|some(?:one|body) else",
        ),
    ),
    (Intent.SUPPORT, (r"(?:speak|talk) (?:to|with)",)),  # to whom was not understood
    (
        Intent.NO,
        (
            r"(?:not|isn't) (?:right|correct|okay|ok|fine|good)",
            r"i'm (?:fine|good|okay|ok|all set)(?! with)",
            r"(?:don't|do not|not|never)(?: (?:want|need|like)(?: you)?(?: to)?)?"
            r" (?:hold|keep|change|deliver|bring|move|do)(?: (?:it|that|this|anything|the day))?",
        ),
    ),
    (
        Intent.HOLD,
        (
            r"hold(?:ing)?|keep (?:it|them)",
            r"keep(?: \w+)? (?:at|until|till|for)",
            r"(?:pick|fetch|collect)(?:ing)?(?: (?:it|them|that|(?:the|my) \w+))?"
            r" (?:up|myself|from|at)",
            r"pick ?up|collect(?: it)?",
            r"(?:at|to|from) the depot|^(?:the )?depot$",
        ),
    ),
    (
        Intent.CHANGE,
        (
            r"change|reschedule|postpone|switch|redeliver",
            r"move (?:it|the|my|that)",
            r"deliver(?:ing)?(?: (?:it|them|that))?|bring(?: it)?|send it|make it",
            r"(?:another|different|new|other|better|later) (?:day|date|time)",
            r"sooner|earlier",
        ),
    ),
    (
        Intent.TRACK,
        (
            r"(?:where|track|tracking|status)(?:'s| is| are)?",
            r"when(?:'s| is| will| does| can)?(?: (?:i|it|they|(?:my|the) \w+))?"
            r" (?:be )?(?:arrive|arriving|come|coming|get here|here|delivered|due|get it)",
            r"(?:hasn't|has not|haven't|didn't|not|never|has it|did it|yet to) (?:yet )?(?:been )?"
            r"(?:arrived?|come|here|delivered|shown up|got(?:ten)? it|received?)",
            r"(?:about|find|waiting (?:for|on)|looking for|check(?: on)?|calling for)"
            rf" (?:an?|my|the) {_PARCEL}",
            r"how long|what's (?:happening|going on|up) with",
        ),
    ),
    (
        Intent.GOODBYE,
        (
            r"good ?bye|bye(?: bye)?|see you|hang up",
            r"(?:that's|that is) (?:all|it)(?: for (?:now|today))?|that(?:'ll| will) be all",
            r"nothing else|i'm done|we're done",
            r"have a (?:good|nice) \w+",
        ),
    ),
    (Intent.NO, (r"no thank(?:s| you)",)),
    (Intent.THANKS, (r"thanks?(?: you)?(?: (?:so|very) much| a lot)?|cheers|appreciate it",)),
    (
        Intent.YES,
        (
            r"(?:that's|that is|it's|you're) (?:right|correct|fine|good|great|ok|okay|perfect)",
            r"sounds (?:good|great|fine|right)|that works|works for me|i agree",
            r"i (?:do|would)$|i'd like that|do (?:that|it|so)|please do|by all means|of course",
            r"go (?:ahead|for it)|try (?:it )?again",
            r"^(?:oh |uh |um )?please$",
        ),
    ),
    (
        Intent.NO,
        (
            r"no+|nope|nah|nay|neither|none|not|nothing|negative|never ?mind",
            r"^(?:(?:you|we) )?know$",  # "No.", "Nope." as recognisers sometimes write them
            r"don't|do not|isn't|wrong|incorrect|cancel|leave it|forget (?:about )?it",
        ),
    ),
    (
        Intent.YES,
        (
            r"^yet$",  # "Yes." as recognisers sometimes write it
            r"yes|yeah|yea|yep|yup|ye|ya|uh huh|mm ?hmm?|mhm",
            r"sure|ok|okay|fine|alright|all right|perfect|great",
            r"correct|right|exactly|absolutely|definitely|certainly|indeed|affirmative",
        ),
    ),
    (
        Intent.GREET,
        (
            r"hello|hi|hey|hiya|howdy|good (?:morning|afternoon|evening)",
            r"is (?:any|some)(?:one|body)(?: there)?|are you there",
        ),
    ),
)
_PATTERNS = tuple((intent, re.compile(rf"\b(?:{'|'.join(any_)})\b")) for intent, any_ in _CLAIMS)

MENTION = re.compile(rf"\b{_PARCEL}\b")
"""A parcel or order named without saying what about it."""


def claim(text: str) -> tuple[set[Intent], str]:
    """The intents found in ``text``, and the words that nobody claimed."""
    found: set[Intent] = set()
    for intent, pattern in _PATTERNS:
        left = pattern.sub(" | ", text)
        if left != text and intent is not None:
            found.add(intent)
        text = left
    return found, text
