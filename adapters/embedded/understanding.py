"""What the caller means: the words of one turn as intents and slots.

Plain rules, no model. Each phrase is claimed by the first intent in the list that fits it and
is then out of play, so that "hold on" is not also a wish to hold the parcel, and "speak to
customer support" is not a call for somebody else. Negated and contrasted days ("not today",
"instead of Thursday") never become wishes. A wrong guess is cheap: nothing is changed before
the caller has agreed to a sentence that names the change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.embedded.spoken_numbers import (
    ORDER_DIGITS,
    TEENS,
    TENS,
    UNITS,
    Fix,
    find_number,
    read_below_hundred,
)


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


@dataclass(frozen=True, slots=True)
class Meaning:
    """One caller turn, understood as far as it was.

    ``digits`` is an order number or a piece of one; ``fix`` corrects one said before. ``day``
    is "today", "tomorrow" or a capitalised weekday; ``time`` is "HH:MM" (24 hours), "morning",
    "afternoon" or "evening". Each is empty where nothing of the kind was said.
    """

    intents: frozenset[Intent] = frozenset()
    digits: str = ""
    fix: Fix | None = None
    day: str = ""
    time: str = ""

    @property
    def understood(self) -> bool:
        """Whether anything was recognised at all."""
        return bool(self.intents or self.digits or self.fix)


def understand(words: str, *, awaited: int = ORDER_DIGITS) -> Meaning:
    """Understand one turn of the caller.

    ``words`` is a transcript in any case and punctuation. ``awaited`` is how many digits of
    an order number are still missing; 0 where none was asked for.
    """
    tokens = tokenise(words)
    tokens, clock = _take_clock(tokens, awaited)
    number = find_number(tokens, awaited)
    text = " ".join(tokens)
    intents, rest = _intents(text)
    if _WHOLE_NO.search(text):
        intents.add(Intent.NO)
    day, time = _day(text), clock or _part_of_day(text)
    asks = Intent.CHANGE not in intents and (_QUESTION.search(text) or _COMPLAINT.search(text))
    if asks and (day or time):
        intents.add(Intent.TRACK)
        day = time = ""
    elif day or time:
        intents.add(Intent.CHANGE)
    if not intents and _MENTION.search(rest):
        intents.add(Intent.TRACK)
    return Meaning(frozenset(intents), number.digits, number.fix, day, time)


# --- words ----------------------------------------------------------------------------------

_MERIDIEM = re.compile(r"(?<![a-z])([ap])\.?\s?m\b\.?")
_DOTTED_TIME = re.compile(r"(?<!\d)(\d{1,2})[.:](\d{2})(?=\s*[ap]m)")
_TOKEN = re.compile(r"\d{1,2}:\d{2}(?!\d)|\d[\do]*|[a-z]+(?:'[a-z]+)?")
_MISHEARD = ((re.compile(r"\bto+ (day|morrow)\b"), r"to\1"), (re.compile(r"\bo'clock"), "oclock"))


def tokenise(words: str) -> list[str]:
    """Lower-case words and numerals, without punctuation; "2.30 p.m." as "2:30", "pm"."""
    text = words.lower().replace("’", "'")
    text = _MERIDIEM.sub(r" \1m ", text)
    text = _DOTTED_TIME.sub(r"\1:\2", text)
    for pattern, meant in _MISHEARD:
        text = pattern.sub(meant, text)
    return _TOKEN.findall(text)


# --- intents --------------------------------------------------------------------------------

_ANY_PARCEL = r"(?:parcel|package|packet|order|delivery|shipment|item|stuff|boots)s?"
_PHRASES: tuple[tuple[Intent | None, str], ...] = (
    (None, r"no (?:problem|worries)|not sure|make sure|right (?:now|away)|i don't know$|order no"),
    (
        Intent.REPEAT,
        r"say (?:that|it) again(?! )|repeat(?: (?:that|it))?|come again|pardon(?: me)?|what was that"
        r"|(?:one more time|once more)|what (?:did|do) you say"
        r"|(?:didn't|did not|couldn't|could not|can't|cannot) (?:quite )?"
        r"(?:catch|hear|get|understand)(?: (?:that|you|it|what you said))?"
        r"|^(?:sorry |uh |um )?(?:what|huh|excuse me|sorry|pardon|come again|hm what)(?: sorry)?$",
    ),
    (
        Intent.WAIT,
        r"hold on(?: a \w+)?|hang on(?: a \w+)?|just (?:a|one) \w+|(?:one|a) (?:moment|second|sec)"
        r"|wait(?: a \w+)?(?! \w+ (?:day|week))|give me a \w+|let me (?:see|check|look|find|get|grab)",
    ),
    (
        Intent.LOST_NUMBER,
        r"(?:don't|do not|didn't) (?:have|know|remember|see) (?:it|one|that|(?:the|my|an?|any)"
        r"(?: order)? number)|(?:lost|forgot|can't find|cannot find) (?:it|the|my)(?: order)?"
        r"(?: number)?|no idea|what (?:is|'s) (?:an|the|my) order number|(?:which|what) number",
    ),
    (
        Intent.RESTART,
        r"start (?:over|again)|(?:wrong|another|different|second|other) (?:order|parcel|package|number)"
        r"|not my (?:order|parcel|package|number|boots)",
    ),
    (
        Intent.PERSON,
        r"(?:real|actual|live|human) (?:person|human|being|agent)|human|representative|operator"
        r"|manager|supervisor|a person|are you a (?:robot|machine|bot|computer)",
    ),
    (
        Intent.SUPPORT,
        r"(?:(?:speak|talk|connect me|get) (?:to|with|through to) )?(?:some(?:one|body) (?:from|in|at) )?"
        r"(?:the )?(?:customers?'? ?(?:support|service|sport|care|services)|support|help ?desk"
        r"|parcel desk)|can you help(?: me)?|i need (?:some )?help|help me|help$",
    ),
    (
        Intent.PERSON,
        r"(?:speak|talk|speaking|talking) (?:to|with) (?:some(?:one|body)|an? agent|you guys|people)"
        r"|an agent|transfer me|connect me|put me through|some(?:one|body) else",
    ),
    (
        Intent.NO,
        r"(?:don't|do not|not|never)(?: (?:want|need|like)(?: you)?(?: to)?)?"
        r" (?:hold|keep|change|deliver|bring|move|do)(?: (?:it|that|this|anything|the day))?",
    ),
    (
        Intent.HOLD,
        r"(?:hold|keep)(?: \w+)? (?:at|until|till|for)|hold(?:ing)?|keep (?:it|them)"
        r"|(?:pick|fetch|collect)(?:ing)? (?:it|them|that|the \w+|my \w+)? ?(?:up|myself|from|at)?"
        r"|pick ?up|collect|at the depot|(?:to|from) the depot|^(?:the )?depot$",
    ),
    (
        Intent.CHANGE,
        r"change|reschedule|postpone|switch|move (?:it|the|my|that)|deliver(?: (?:it|them|that))?"
        r"|delivering|bring(?: it)?|send it|make it|(?:another|different|new|other|better) (?:day|date|time)"
        r"|(?:sooner|earlier)|(?:a )?later (?:day|date|time)|redeliver",
    ),
    (
        Intent.TRACK,
        r"(?:where|track|tracking|status)(?:'s| is| are)?|when(?:'s| is| will| does| can)?"
        r"(?: (?:it|they|my|the)(?: \w+)?)? (?:arrive|come|coming|get here|be here|delivered|due|get it)"
        r"|(?:hasn't|has not|haven't|didn't|not|never|has it|did it|yet to) (?:yet )?(?:been )?"
        r"(?:arrived?|come|here|delivered|shown up|got(?:ten)? it|received?)"
        rf"|(?:about|find|waiting (?:for|on)|looking for|check(?: on)?|calling for) (?:an?|my|the) "
        rf"{_ANY_PARCEL}|how long|what's (?:happening|going on|up) with",
    ),
    (
        Intent.GOODBYE,
        r"good ?bye|bye(?: bye)?|that's (?:all|it)(?: for (?:now|today))?|that is all|that will be all"
        r"|that'll be all|nothing else|i'm done|we're done|see you|hang up|have a (?:good|nice) \w+",
    ),
    (Intent.NO, r"no,? thank(?:s| you)"),
    (Intent.THANKS, r"thanks?(?: you)?(?: (?:so|very) much| a lot)?|cheers|appreciate it"),
    (
        Intent.YES,
        r"(?:that's|that is|it's|you're) (?:right|correct|fine|good|great|ok|okay|perfect)"
        r"|sounds (?:good|great|fine|right)|that works|works for me|i (?:do|would)$|i'd like that"
        r"|do (?:that|it|so)|go (?:ahead|for it)|try (?:it )?again|of course|by all means|i agree",
    ),
    (
        Intent.NO,
        r"no+|nope|nah|nay|neither|none|not|nothing|wrong|incorrect|never ?mind|don't|do not"
        r"|negative|cancel|isn't|leave it|forget it",
    ),
    (
        Intent.YES,
        r"yes|yeah|yea|yep|yup|ye|ya|sure|ok|okay|correct|right|exactly|absolutely|definitely"
        r"|certainly|fine|alright|please|perfect|great|uh huh|mm ?hmm?|mhm|affirmative|indeed",
    ),
    (
        Intent.GREET,
        r"hello|hi|hey|hiya|howdy|good (?:morning|afternoon|evening)|is (?:any(?:one|body)|someone)"
        r"(?: there)?|are you there",
    ),
)
_INTENTS = tuple((intent, re.compile(rf"\b(?:{pattern})\b")) for intent, pattern in _PHRASES)
_WHOLE_NO = re.compile(r"^know$")  # "No." as recognisers sometimes write it
_MENTION = re.compile(rf"\b{_ANY_PARCEL}\b")
_QUESTION = re.compile(
    r"^(?:(?:so|and|well|okay|hi|hello|but|uh|um) )*"
    r"(?:when|where|why|is (?!(?:to|mon|tues|wednes|thurs|fri|satur|sun))|isn't|will (?:it|my|the|they)"
    r"|does|did|has|was|are)\b"
)
_COMPLAINT = re.compile(r"\b(?:supposed|should have|should've|was due|expect(?:ed|ing)|promised)\b")


def _intents(text: str) -> tuple[set[Intent], str]:
    """The intents in the order of their claims, and what words nobody claimed."""
    found: set[Intent] = set()
    for intent, pattern in _INTENTS:
        claimed = pattern.sub(" | ", text)
        if claimed != text and intent is not None:
            found.add(intent)
        text = claimed
    return found, text


# --- days and times -------------------------------------------------------------------------

_DAY_NAMES = r"today|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DAY = re.compile(rf"\b({_DAY_NAMES}|tonight|this (?:afternoon|evening))(?:'?s)?\b")
_LATER_TODAY = ("tonight", "this afternoon", "this evening")
_NOT_WANTED = re.compile(
    rf"\b(?:not|isn't|instead of|rather than|except|than|can't do|from|day after)(?: on)?"
    rf" (?:this |next )?(?:{_DAY_NAMES})(?: (?:or|and) (?:{_DAY_NAMES}))*"
)
_PART = re.compile(r"\b(?:morning|afternoon|evening|tonight)\b")
_BEFORE_NOON = re.compile(r"\b(?:before|by) (?:noon|lunch|midday)\b")
_NOON = re.compile(r"\b(?:noon|midday|lunch ?time)\b")
_NOT_A_TIME = re.compile(r"\bthis morning\b|\bgood (?:morning|afternoon|evening)\b")


def _day(text: str) -> str:
    """The day wished for: the last one named, or none where two are left open."""
    wanted = _NOT_WANTED.sub(" ", text)
    days = ["today" if day in _LATER_TODAY else day for day in _DAY.findall(wanted)]
    if not days or (len(set(days)) > 1 and re.search(r"(?:day|tomorrow) or\b", wanted)):
        return ""
    return days[-1] if days[-1] in ("today", "tomorrow") else days[-1].capitalize()


def _part_of_day(text: str) -> str:
    text = _NOT_A_TIME.sub(" ", text)
    if _BEFORE_NOON.search(text):
        return "morning"
    if _NOON.search(text):
        return "12:00"
    parts = _PART.findall(text)
    return parts[-1].replace("tonight", "evening") if parts else ""


_MERIDIEMS = {"am": "am", "pm": "pm", "oclock": "", "morning": "am", "afternoon": "pm"} | {
    "evening": "pm",
    "tonight": "pm",
}


def _take_clock(tokens: list[str], awaited: int) -> tuple[list[str], str]:
    """Find a time of day ("two thirty pm", "at five"); return the other tokens, and "HH:MM"."""
    dated = awaited == 0 or any(_DAY.fullmatch(token) for token in tokens)
    for at in range(len(tokens)):
        clock = _clock_at(tokens, at, dated)
        if clock is not None:
            text, end = clock
            return tokens[:at] + tokens[end:], text
    return tokens, ""


def _clock_at(tokens: Sequence[str], at: int, dated: bool) -> tuple[str, int] | None:
    written = ":" in tokens[at]
    hour_text, _, minute_text = tokens[at].partition(":")
    hour = _number(hour_text, 23 if written else 12)
    if hour is None:
        return None
    end = at + 1
    if not written:
        minute_text, end = _minutes(tokens, end)
    minute = _number(minute_text or "0", 59)
    if minute is None:
        return None
    half, after = _meridiem(tokens, end)
    preceded = at > 0 and tokens[at - 1] in ("at", "by", "around", "about")
    goes_on = end < len(tokens) and read_below_hundred(tokens, end) is not None
    told = half is not None or written or (preceded and not goes_on)
    if not told and not (dated and minute_text and not goes_on):
        return None
    return f"{_on_24_hours(hour, half):02}:{minute:02}", after


def _number(text: str, most: int) -> int | None:
    digits = TEENS.get(text) or UNITS.get(text) or text
    return int(digits) if digits.isdigit() and len(digits) <= 2 and int(digits) <= most else None


def _minutes(tokens: Sequence[str], at: int) -> tuple[str, int]:
    """Minutes after an hour: tens, teens, "oh five", or a two-digit numeral."""
    if at < len(tokens):
        if tokens[at] in ("oh", "o") and at + 1 < len(tokens) and tokens[at + 1] in UNITS:
            return UNITS[tokens[at + 1]], at + 2
        two_digits = tokens[at].isdigit() and len(tokens[at]) == 2
        if tokens[at] in TENS or tokens[at] in TEENS or two_digits:
            found = read_below_hundred(tokens, at)
            if found is not None and int(found[0]) < 60:
                return found
    return "", at


def _meridiem(tokens: Sequence[str], at: int) -> tuple[str | None, int]:
    """ "am" or "pm" after a time, "" for o'clock, None for nothing; and where it ends."""
    skip = at + 2 if list(tokens[at : at + 2]) == ["in", "the"] else at
    if skip < len(tokens) and tokens[skip] in _MERIDIEMS:
        return _MERIDIEMS[tokens[skip]], skip + 1
    return None, at


def _on_24_hours(hour: int, half: str | None) -> int:
    """Without am or pm a parcel comes by day: one to seven are in the afternoon."""
    if half == "am":
        return hour % 12
    if half == "pm":
        return hour % 12 + 12
    return hour + 12 if 1 <= hour <= 7 else hour
