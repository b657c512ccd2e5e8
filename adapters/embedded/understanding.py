"""What the caller means: the words of one turn as intents and slots.

Plain rules, no model. Negated and contrasted days ("not today", "instead of Thursday") never
become wishes. A wrong guess is cheap: nothing is changed before the caller has agreed to a
sentence that names the change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.embedded.phrases import MENTION, Intent, claim
from adapters.embedded.spoken_numbers import (
    ORDER_DIGITS,
    TEENS,
    TENS,
    UNITS,
    Fix,
    find_number,
    read_below_hundred,
    word_set,
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One caller turn, understood as far as it was.

    ``digits`` is an order number or a piece of one; ``fix`` corrects one said before. ``day``
    is "today", "tomorrow" or a capitalised weekday; ``time`` is "HH:MM" (24 hours), "morning",
    "afternoon" or "evening". Each is empty where nothing of the kind was said.
    ``nothing_else`` is false where words were left over that nobody claimed ("yes, but ...").
    """

    intents: frozenset[Intent] = frozenset()
    digits: str = ""
    fix: Fix | None = None
    day: str = ""
    time: str = ""
    nothing_else: bool = True

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
    intents, rest = claim(text)
    day, time = _day(text), clock or _part_of_day(text)
    asks = Intent.CHANGE not in intents and (_QUESTION.search(text) or _COMPLAINT.search(text))
    if Intent.GOODBYE in intents:  # "that's all for today"
        day = time = ""
    elif asks and (day or time):
        intents.add(Intent.TRACK)
        day = time = ""
    elif time or (not asks and _DAY.search(text)):
        intents.add(Intent.CHANGE)
    if not intents and MENTION.search(rest):
        intents.add(Intent.TRACK)
    return Meaning(
        frozenset(intents), number.digits, number.fix, day, time, _is_little(_DAY.sub(" ", rest))
    )


# --- words ----------------------------------------------------------------------------------

_MERIDIEM = re.compile(r"(?<![a-z])([ap])\.?\s?m\b\.?")
_DOTTED_TIME = re.compile(r"(?<!\d)(\d{1,2})[.:](\d{2})(?=\s*[ap]m)")
_TOKEN = re.compile(r"\d{1,2}:\d{2}(?!\d)|\d[\do]*|[a-z]+(?:'[a-z]+)?", re.ASCII)
_REWRITTEN = (
    (re.compile(r"(?<=[a-z])[-‐‑](?=[a-z])"), " "),
    (re.compile(r"\bto+ (day|morrow|night)\b"), r"to\1"),
    (re.compile(r"\bo'clock"), "oclock"),
    (re.compile(r"\bhalf past (\w+)"), r"at \1 thirty"),
)


def tokenise(words: str) -> list[str]:
    """Lower-case words and numerals, without punctuation; "2.30 p.m." as "2:30", "pm"."""
    text = words.lower().replace("’", "'")
    text = _MERIDIEM.sub(r" \1m ", text)
    text = _DOTTED_TIME.sub(r"\1:\2", text)
    for pattern, meant in _REWRITTEN:
        text = pattern.sub(meant, text)
    return _TOKEN.findall(text)


# --- intents --------------------------------------------------------------------------------

_QUESTION = re.compile(
    r"^(?:(?:so|and|well|okay|hi|hello|but|uh|um) )*"
    r"(?:when|where|why|is (?!(?:it possible|to|mon|tues|wednes|thurs|fri|satur|sun))|isn't"
    r"|will (?:it|my|the|they)|does|did|has|was|are)\b"
)
_COMPLAINT = re.compile(r"\b(?:supposed|should have|should've|was due|expect(?:ed|ing)|promised)\b")
_SMALL_WORDS = word_set(
    "a the this that that's it it's is be i i'd you me would like want will works just now please",
    "to on at in for and then of instead so oh ah uh um er well morning afternoon evening",
)


def _is_little(unclaimed: str) -> bool:
    """Whether only small words and numbers are left of an utterance."""
    words = (word for word in unclaimed.replace("|", " ").split() if not word[0].isdigit())
    return all(word in _SMALL_WORDS or word in UNITS for word in words)


# --- days and times -------------------------------------------------------------------------

_DAY_NAMES = r"today|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DAY = re.compile(rf"\b({_DAY_NAMES}|tonight|this (?:afternoon|evening))(?:'?s)?\b")
_LATER_TODAY = ("tonight", "this afternoon", "this evening")
_NOT_WANTED = re.compile(
    r"\b(?:not|isn't|instead of|rather than|except|than|from|day after|can't(?: \w+){0,2}?"
    r"|(?:don't|do not) (?:want|need|deliver|bring)(?: (?:it|them|to come|delivery))?)(?: on)?"
    rf" (?:this |next )?(?:{_DAY_NAMES})(?: (?:or|and) (?:{_DAY_NAMES}))*"
)
_CHANGE_OF_MIND = re.compile(r"\b(?:no|sorry|actually|mean|wait|rather|make it|instead)\b")
_PART = re.compile(r"\b(?:morning|afternoon|evening|tonight)\b")
_BEFORE_NOON = re.compile(r"\b(?:before|by) (?:noon|lunch|midday)\b")
_NOON = re.compile(r"\b(?:noon|midday|lunch ?time)\b")
_NOT_A_TIME = re.compile(r"\bthis morning\b|\bgood (?:morning|afternoon|evening)\b")


def _day(text: str) -> str:
    """The day wished for; of several the last, if the caller changed their mind, or else none."""
    wanted = _NOT_WANTED.sub(" ", text)
    days = ["today" if day in _LATER_TODAY else day for day in _DAY.findall(wanted)]
    if not days or (len(set(days)) > 1 and not _CHANGE_OF_MIND.search(wanted)):
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
    if hour is None or (at > 0 and read_below_hundred(tokens, at - 1) is not None):
        return None  # no hour, or in the middle of a longer number
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
