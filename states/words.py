"""What words weigh in turn-taking: the same or not, a backchannel, a claim to the floor, a request
to wait, a machine's greeting, the agent's own voice.

Lists of words and phrases are written as people say them, and normalised once, so that they match
however speech-to-text writes them down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from states.number_words import NUMBER_WORDS, as_digits

# --- the same or not ------------------------------------------------------------------------

_WORD = re.compile(r"[0-9]+(?:st|nd|rd|th)(?![^\W_])|[0-9]+|[^\W0-9_]+(?:'[^\W0-9_]+)*")
_SYMBOL = re.compile(r"[$£€%&@#+:]")
_AMOUNT = re.compile(
    r"([$£€]) ?([0-9][0-9,]*)(?:\.([0-9]{2})(?![0-9]))?"
    r"((?:\.[0-9]+)?(?: (?:hundred|thousand|million|billion)\b)?)"
)
_CURRENCY = {"$": "dollar", "£": "pound", "€": "euro"}
_READ_OUT = (
    (re.compile(r"(?<![0-9:])([0-9]{1,2}):00(?![0-9:])"), r"\1 o'clock "),
    (re.compile(r"%"), " per cent "),
    (re.compile(r"&"), " and "),
    (re.compile(r"@"), " at "),
    (re.compile(r"#(?= ?[0-9])"), " number "),
    (re.compile(r"\+(?= ?[0-9])"), " plus "),
)

_SUBJECTS = "i you he she it we they that this there here what who where when how why".split()
_HELPERS = "do does did is are was were have has had would could should must need might".split()
_CONTRACTIONS = {
    **{f"{word}'s": f"{word} is" for word in _SUBJECTS[1:]},
    **{f"{word}'ll": f"{word} will" for word in _SUBJECTS},
    **{f"{word}'d": f"{word} would" for word in _SUBJECTS},
    **{f"{word}'re": f"{word} are" for word in "you we they there what who where".split()},
    **{f"{word}'ve": f"{word} have" for word in ("i", "you", "we", "they", *_HELPERS)},
    **{f"{word}n't": f"{word} not" for word in _HELPERS},
    **{"i'm": "i am", "can't": "can not", "won't": "will not", "let's": "let us"},
}
_NOUNS_WITH_IS = "name number problem thing everything everyone nothing nobody".split()
_WORDS_BY_THEMSELVES = frozenset("hell id ill lets shed shell thered wed well were".split())
"""Contractions that are other words without their apostrophe."""

_OTHER_SPELLINGS = {
    **{"ok": "okay", "okey": "okay", "yea": "yeah", "alright": "all right", "cannot": "can not"},
    **{"mhm": "mm hmm", "mhmm": "mm hmm", "mmhm": "mm hmm", "mmhmm": "mm hmm", "mmm": "mm"},
    **{"hm": "hmm", "hmmm": "hmm", "uhhuh": "uh huh", "uhh": "uh", "umm": "um", "ahh": "ah"},
    **{"email": "e mail", "voicemail": "voice mail", "postcode": "post code"},
    **{"zipcode": "zip code", "goodbye": "good bye", "percent": "per cent", "mr": "mister"},
    **{f"{coin}s": coin for coin in ("dollar", "cent", "pound", "euro")},
}
_SPELLINGS = {
    word: tuple(spelling.split())
    for word, spelling in (
        *((word.replace("'", ""), full) for word, full in _CONTRACTIONS.items()),
        *_CONTRACTIONS.items(),
        *((f"{word}'s", f"{word} is") for word in _NOUNS_WITH_IS),
        *_OTHER_SPELLINGS.items(),
    )
    if word not in _WORDS_BY_THEMSELVES
}
_BEFORE_PARTICIPLE = {"is": "has", "would": "had"}
"""What a contraction stands for in front of "been" ("it's been", "I'd been")."""


@lru_cache(maxsize=256)  # the guards, the judge and the history ask about the same words
def normalized(text: str) -> tuple[str, ...]:
    """The words of a text, equal for any two transcripts that say the same.

    Case, punctuation, contractions and the form of numbers are taken away: numbers become their
    digits, one by one ("2:30 p.m." and "two thirty pm" are both 2 3 0 pm; see
    :mod:`states.number_words`), "I'm" becomes "i am". Fillers are kept. Words with equal
    normal form need nothing done again. Never raises.
    """
    text = text.casefold().replace("’", "'")
    if _SYMBOL.search(text):
        text = _read_symbols(text)
    words: list[str] = []
    has_number = False
    for word in _WORD.findall(text):
        words += _SPELLINGS.get(word) or (word,)
        has_number = has_number or word in NUMBER_WORDS or word.isdecimal()
    for participle in ("been", "got", "better"):
        if participle in words:
            _expand_before(participle, words)
    if has_number:
        words = as_digits(words)
    if "m" in words or "k" in words or "o'clock" in words:
        words = _join_letters(words)
    return tuple(words)


def _read_symbols(text: str) -> str:
    text = _AMOUNT.sub(_amount, text)
    for symbol, spoken in _READ_OUT:
        text = symbol.sub(spoken, text)
    return text


def _amount(match: re.Match[str]) -> str:
    """ "$5.50" as "5 dollar and 50 cent"."""
    sign, whole, cents, multiplied = match.groups()
    fraction = f" and {cents} cent" if cents else ""
    return f"{whole}{multiplied} {_CURRENCY[sign]}{fraction} "


def _expand_before(participle: str, words: list[str]) -> None:
    for at in range(1, len(words)):
        if words[at] == participle:
            words[at - 1] = _BEFORE_PARTICIPLE.get(words[at - 1], words[at - 1])


def _join_letters(words: Sequence[str]) -> list[str]:
    """ "p.m." after a number, and "o.k.", as one word; "two o'clock pm" as "two pm"."""
    joined: list[str] = []
    for word in words:
        before = joined[-1] if joined else ""
        clock = len(joined) > 1 and (joined[-2].isdecimal() or joined[-2] == "o'clock")
        if word == "m" and before in ("a", "p") and clock:
            word = f"{joined.pop()}m"
        elif word == "k" and before == "o":
            word = f"{joined.pop()}kay"
        while word in ("am", "pm") and joined and joined[-1] == "o'clock":
            joined.pop()
        joined.append(word)
    return joined


def _phrases(*lines: str) -> frozenset[tuple[str, ...]]:
    return frozenset(normalized(phrase) for line in lines for phrase in line.split(" | "))


# --- who takes the floor --------------------------------------------------------------------

BACKCHANNELS = _phrases(
    "yes | yeah | yep | yup | ya | right | okay | sure | true | correct | exactly | indeed",
    "hmm | mm | mm hmm | uh | huh | uh huh | ah | aha | oh | ooh | wow | gotcha | understood",
    "great | good | nice | cool | fine | perfect | lovely | excellent | absolutely | definitely",
    "I see | I understand | I got it | got it | I get it | I hear you | of course | for sure",
    "that's right | that's true | that's good | that's great | that's fine | that's correct",
    "that's okay | that's nice | that's perfect | makes sense | that makes sense | fair enough",
    "all right | very good | very nice | sounds good | that sounds good | good to know",
    "go on | go ahead | no problem | no worries | not a problem",
)
"""What keeps a speaker going: a caller who says only these while the agent speaks is listening,
not taking the floor."""

FLOOR_CLAIMS = frozenset(
    "stop wait no nope hold sorry but actually excuse pardon hang hey enough listen "
    "what who where when why how which".split()
)
"""Words that take the floor at once, even from an unfinished transcript: they stop the agent or
ask something back."""

_LONGEST_BACKCHANNEL = max(len(phrase) for phrase in BACKCHANNELS)
_BEGINNINGS = frozenset(
    phrase[:length] for phrase in BACKCHANNELS for length in range(1, len(phrase))
)


def is_backchannel(text: str) -> bool:
    """Whether there are words and all of them are backchannels ("uh-huh", "no problem")."""
    words = normalized(text)
    return bool(words) and not _without_backchannels(words)


_COURTESIES = _phrases("thanks | thank you | so much | very much | a lot | bye | good bye | cheers")
_COURTESY_WORDS = frozenset(word for phrase in _COURTESIES for word in phrase)


def is_courtesy(text: str) -> bool:
    """Whether there are words and all of them are thanks, a goodbye, or backchannels: what
    somebody says who wants nothing more ("okay, thank you, bye")."""
    rest = _without_backchannels(normalized(text))
    return bool(normalized(text)) and all(word in _COURTESY_WORDS for word in rest)


def takes_floor(text: str, *, final: bool) -> bool:
    """Whether these words, said over the agent, claim the floor.

    A finished transcript does with any word that is not a backchannel. An unfinished one
    needs two such words or a floor claim, because its first word is often a guess; so is what
    may yet become a backchannel ("that's", "of"). One contraction or numeral is one guess.
    """
    words = normalized(text)
    rest = _without_backchannels(words)
    if final or not rest:
        return bool(rest)
    if any(word in FLOOR_CLAIMS for word in rest):
        return True
    if len(rest) < 2 or (rest in _BEGINNINGS and words[-len(rest) :] == rest):
        return False
    return sum(not is_backchannel(word) for word in text.split()) >= 2


def _without_backchannels(words: tuple[str, ...]) -> tuple[str, ...]:
    rest: list[str] = []
    at = 0
    while at < len(words):
        for length in range(_LONGEST_BACKCHANNEL, 0, -1):
            if words[at : at + length] in BACKCHANNELS:
                at += length
                break
        else:
            rest.append(words[at])
            at += 1
    return tuple(rest)


_ASKING = frozenset(
    "what where when who whose why which how is are was were do does did can could will would "
    "should may have has".split()
)


def is_question(text: str) -> bool:
    """Whether the words ask something: by the mark, or by how they begin."""
    words = normalized(text)
    return text.rstrip().endswith("?") or (bool(words) and words[0] in _ASKING)


# --- a request to wait ----------------------------------------------------------------------

_SOFTENERS = frozenset(
    "oh okay yeah yes yep sure um uh er ah hmm so well sorry right no hey just please and but "
    "actually thanks sir madam".split()
)
_MOMENT = r"(?:2nd|seconds|secs?|moments?|mo|minutes?|mins?|ticks?)"  # "second" is "2nd"
_A_MOMENT = rf"(?:just )?(?:a|1|1 more|another|half a)(?: quick| little)? {_MOMENT}"
_A_WHILE = (
    rf"(?:{_A_MOMENT}|(?:just )?(?:[0-9]+|a few|a couple|a couple of)(?: more)? {_MOMENT}"
    r"|(?:just )?a (?:little )?(?:bit|while))"
)
_MINE = r"(?:it|(?:my|the)(?: \w+){1,4}|(?:a|some|something)(?: \w+)* (?:pen|pencil|paper|with))"
_LOOK = (
    rf"(?:(?:just|quickly|go|first|and) )*(?:(?:find|grab|fetch|get|pull up|look for|open) {_MINE}"
    r"|(?:look|check|see|think|double check|find out|look it up|pull it up|write (?:it|that) down"
    r"|(?:have|take) a (?:quick )?look)"
    r"(?: (?:if|whether|what|where|at|in|on|my|the|that|about|for) .+)?"
    r"|(?:ask|check with) (?:my|him|her|them)(?: \w+)?)"
)
_HOLD_REQUEST = re.compile(
    r"(?:(?:can|could|would|will) you (?:just |please )*)?"
    r"(?:(?:hold on|hang on|hold up|hold the line|hold|wait|stand by|bear with me)"
    r"(?: (?:there|please|wait|hold on|hang on))*"
    rf"(?: (?:please )?(?:for )?{_A_WHILE})?"
    rf"|(?:(?:give|allow) me|i (?:will )?(?:just )?need|(?:can|could|may) i have"
    rf"|i will (?:just |only )?be|(?:it|this|that) will (?:just |only )?take(?: me)?) {_A_WHILE}"
    rf"|{_A_MOMENT}|let me {_LOOK}|i will be right back"
    r"|i am (?:just |still )*(?:looking|checking|searching|getting it|looking for it)"
    rf"|(?:can i|let me|i will|i am going to|i have to) (?:just )?put you on hold"
    rf"(?: for {_A_WHILE})?"
    r")"
    rf"(?: (?:please|okay|thanks|{_A_MOMENT}|while i .+|let me {_LOOK}|i will be right back"
    rf"|i (?:will|have to|need to|am going to) {_LOOK}"
    rf"|i am (?:just |still )*(?:looking for|getting|finding|checking|trying to find) {_MINE}"
    r"|there is some(?:one|body) at the door))*"
)


def is_hold_request(text: str) -> bool:
    """Whether the caller asks the agent to wait, and nothing else ("hang on a second", "let me
    find my card"). Whoever says why they claim the floor ("wait, that's wrong") wants an answer.
    """
    words = list(normalized(text))
    while words and words[0] in _SOFTENERS:
        words.pop(0)
    return _HOLD_REQUEST.fullmatch(" ".join(words)) is not None


# --- a machine's greeting -------------------------------------------------------------------

_MACHINE_LEAST_WORDS = 4
_MACHINE_SURE = re.compile(
    r"\byou have (?:now )?reached\b|\bleave (?:a|us a|me a|your)\b.*\b(?:message|name)\b"
    r"|\b(?:at|after|following) the (?:tone|beep)\b|\brecord (?:a|your) (?:message|name|voice)\b"
    r"|\bmail ?box (?:is|has|of|for)\b|\b(?:state|say|record|tell us) your name and\b"
    r"|\bperson you (?:are (?:calling|trying to reach)|have (?:called|dialed))\b"
    r"|\b(?:forwarded|transferred) to (?:an?|the)?(?: \w+)* ?voice\b"
    r"|\bscreening (?:service|calls)\b"
    r"|\bwhen you (?:have|are) (?:finished|done) recording\b|\bautomated voice messag"
    r"|\b(?:number|customer|subscriber|party) you (?:have |are )?(?:dial|call)(?:led|ed|ing)\b"
)
_MACHINE_LIKELY = re.compile(
    r"\b(?:is|am|are) (?:not|currently un|un) ?available\b|\bunavailable\b|\bvoice mail\b"
    r"|\bcan not (?:come to|answer|take)\b|\bunable to (?:come to|answer|take)\b"
    r"|\b(?:call you back|return your call|get back to you)\b|\bas soon as (?:possible|i|we)\b"
    r"|\baway from (?:my|the) (?:phone|desk)\b|\bnot (?:here|home|in) right now\b"
    r"|\bmissed your call\b|\bthank you for calling\b|\b(?:office|business) hours\b"
    r"|\bpress (?:[0-9]|pound|star|hash)\b|\bwhy you are calling\b|\breason for (?:your|calling)\b"
    r"|\bstay on the line\b|\bhang up\b"
)
_HUMAN = re.compile(
    r"\bwrong (?:number|person)\b|\b(?:can|could|may|should|shall) i\b|\bhow (?:can|may) (?:i|we)\b"
    r"|\b(?:can|could|would|will|did|do|are|have) you\b|\bi (?:want|left|need|got|would like)\b"
    r"|\bwho is (?:this|calling)\b|\bsorry\b.*\bcall (?:me )?(?:back|later|again)\b"
)


def is_machine_greeting(text: str) -> bool:
    """Whether a voicemail, an answering machine or a call screen is talking, not a person.

    One phrase that only machines say, or two that they mostly say, in at least four words. Words
    that ask something back or speak of the speaker's own wishes weigh against it: people leave
    messages and are unavailable too.
    """
    words = normalized(text)
    if len(words) < _MACHINE_LEAST_WORDS:
        return False
    said = " ".join(words)
    weight = 2 * _times(_MACHINE_SURE, said) + _times(_MACHINE_LIKELY, said)
    return weight - 2 * _times(_HUMAN, said) >= 2


def _times(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


# --- the agent's own voice ------------------------------------------------------------------

_ECHO_LEAST_WORDS = 3
_ECHO_GAP = 2
"""So many words may be missing or misheard between two that match."""


def echoes(said: str, spoken: str) -> float:
    """How much (0..1) of ``said`` is in ``spoken``, in order and nearly contiguous: the agent's
    own voice, coming back as a transcript.

    0 for fewer than three words, which may be an answer in the agent's words ("on Thursday"). A
    number counts as one word, and must be the same: one digit changed is a correction.
    """
    heard, known = _with_whole_numbers(said), _with_whole_numbers(spoken)
    if min(len(heard), len(said.split())) < _ECHO_LEAST_WORDS:
        return 0.0
    places: dict[str, list[int]] = {}
    for place, word in enumerate(known):
        places.setdefault(word, []).append(place)
    chains: list[dict[int, int]] = []
    """For each word heard, how many words match up to it, by its place in ``known``."""
    for word in heard:
        nearby = chains[-1 - _ECHO_GAP :]
        chains.append({place: 1 + _longest_to(place, nearby) for place in places.get(word, ())})
    longest = max((length for chain in chains for length in chain.values()), default=0)
    return longest / len(heard)


def _longest_to(place: int, nearby: Iterable[dict[int, int]]) -> int:
    """The longest chain that ends just before a place."""
    before = range(place - 1 - _ECHO_GAP, place)
    return max((chain.get(at, 0) for chain in nearby for at in before), default=0)


def _with_whole_numbers(text: str) -> list[str]:
    """The normalised words, with the digits of each number together."""
    joined: list[str] = []
    for word in normalized(text):
        if word.isdecimal() and joined and joined[-1].isdecimal():
            joined[-1] += word
        else:
            joined.append(word)
    return joined
