"""What the agent asked for, and whether the answer is all of it: digits, letters, a date, an
address. Judged only where the words end in something of the kind.
"""

from __future__ import annotations

import re

from states.words import normalized

COMPLETE, LIKELY, UNSURE, OPENED, UNLIKELY = 0.95, 0.8, 0.55, 0.4, 0.1
"""How likely it is that the turn is over. :mod:`states.endpointing` takes up ``LIKELY`` and better
as a complete thought; what is ``UNSURE`` waits longer, unless the voice falls; what is ``OPENED``
waits longer even then, what is ``UNLIKELY`` longest."""

# --- the question, normalised ("four digits" is "4 digits") ---------------------------------

_LENGTHS = (
    (re.compile(r"\b([0-9](?: [0-9])?) (?:digit|number|figure|character)s?\b"), 0),
    (re.compile(r"\b(?:last|first|final|remaining|missing|other) ([0-9])\b"), 0),
    (re.compile(r"\b(?:last|first|final|remaining|missing|other) (?:digit|number|figure)\b"), 1),
    (re.compile(r"\b(?:zip|post) code\b|\bzip\b"), 5),
    (re.compile(r"\bsecurity code\b|\bcv[vc]\b"), 3),
    (re.compile(r"\bsocial security\b"), 9),
    (re.compile(r"\bcard number\b|\bnumber (?:on|of) (?:your|the) card\b"), 16),
    (re.compile(r"\barea code\b"), 3),
    (re.compile(r"\bpin\b"), 4),
)
"""What names a length, and the length; 0 where the question says it in its first group."""

_PHONE = re.compile(
    r"\b(?:phone|telephone|mobile|cell|contact|call ?back)(?: phone)? number\b|\bbest number\b"
    r"|\bnumber (?:to|where|that|(?:we|i) can) (?:\w+ )*(?:reach|call|get)\b"
)
_AMOUNT_OR_TIME = re.compile(
    r"\bhow (?:many|much|old|long|big|far|often)\b|\bwhich (?:1|of|would)\b"
    r"|\b(?:what|which)(?: \w+)? (?:time|day|date|year|hour|floor|size)\b|(?:^|\band )when\b"
    r"|\bquantity\b"
)
_BIRTH = re.compile(r"\bbirth|\bwere you born\b")
_EXPIRY = re.compile(r"\bexpir")
_EMAIL = re.compile(r"\be mail\b")
_SPELLING = re.compile(r"\bspell")

# --- the answer -----------------------------------------------------------------------------

_AS_IN = re.compile(r"\b(?:([a-z0-9]) (?:as in|is for)|([b-hj-z]) (?:for|like)) [a-z]+\b")
_NAMED_DIGIT = re.compile(
    r"\b(?:1st|2nd|3rd|[45]th|last|final|missing|other|only) (?:digit|number|figure|1)"
    r" (?:is|was|should be|has to be|must be)(?: (?:a|really|actually))? [0-9]$"
)
"""One digit of a number, put right: that is all of it, whatever was asked."""

_BETWEEN = frozenset("um uh er dash hyphen space then and".split())
"""May stand between digits without ending the number."""

_SOUND_LIKE_DIGITS = {"to": "2", "too": "2", "for": "4", "ate": "8", "won": "1", "tree": "3"}
_WHICH_ONE = re.compile(
    r"\b(?:this|that|the|which|another|any|some|every|each|no|wrong|right|same|other|next|new|old"
    r"|last|big|small|different|[0-9]+(?:st|nd|rd|th)) 1$"
)
_A_NUMBER = re.compile(
    r"\b(?:number|code|order|account|reference|zip|digits?|address|live at)\b|\bit is\b"
)
_DAY_OR_AT = re.compile(r"\b(?:today|tomorrow|\w+day|at|by|around|about|until|till|after|before)$")
_MONTH = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
)
_DOMAINS = frozenset("com net org edu gov uk us co io me info biz de fr ca".split())


def answer_score(words: tuple[str, ...], asked: str) -> float | None:
    """How likely these normalised words are the whole answer to what was asked.

    None where they do not end in digits, letters, a date or an address that could be measured.
    """
    question = _question(asked)
    if _BIRTH.search(question):
        return _birthday_score(words)
    if _EMAIL.search(question):
        return _email_score(words)
    length = _length_asked(question)
    is_phone = _PHONE.search(question) is not None
    spelled = _SPELLING.search(question) is not None
    said = " ".join(words)
    code = _code_at_end(said, digits_asked=length is not None or is_phone)
    if not code or (_WHICH_ONE.search(said) and code == "1"):
        return None
    if _NAMED_DIGIT.search(said):
        return COMPLETE
    if length is not None:
        return _length_score(code, length, said)
    if is_phone:
        return _phone_score(code)
    if _EXPIRY.search(question):
        return COMPLETE if len(code) + (2 if _MONTH.search(said) else 0) >= 4 else UNLIKELY
    if code.isalpha():
        return UNSURE if spelled or len(code) > 1 or _AS_IN.search(said) else None
    if _AMOUNT_OR_TIME.search(question):
        return COMPLETE
    return _free_number_score(code, words)


def _question(asked: str) -> str:
    """What was asked last, normalised: from the last sentence with a question mark on, or all."""
    sentences = re.split(r"(?<=[.?!])\s+", asked.strip())
    questions = [at for at, sentence in enumerate(sentences) if sentence.endswith("?")]
    return " ".join(normalized(" ".join(sentences[questions[-1] if questions else 0 :])))


def _length_asked(question: str) -> int | None:
    for pattern, length in _LENGTHS:
        match = pattern.search(question)
        if match is not None:
            return length or int(match.group(1).replace(" ", ""))
    return None


def _code_at_end(said: str, *, digits_asked: bool) -> str:
    """The digits and single letters that the words end in, as one string."""
    words = _AS_IN.sub(lambda match: match.group(1) or match.group(2), said).split()
    code = ""
    for at in range(len(words) - 1, -1, -1):
        word = words[at]
        before = words[at - 1] if at else "0"
        if word.isdecimal() or (len(word) == 1 and word.isalpha() and not _is_word(word, before)):
            code = word + code
        elif digits_asked and word in ("oh", "o"):
            code = "0" + code
        elif digits_asked and code and before.isdecimal() and word in _SOUND_LIKE_DIGITS:
            code = _SOUND_LIKE_DIGITS[word] + code
        elif not code or word not in _BETWEEN:
            break
    return code


def _is_word(letter: str, before: str) -> bool:
    """ "a" and "i" are letters only among others."""
    return letter in ("a", "i") and len(before) > 1


def _length_score(code: str, length: int, said: str) -> float:
    if len(code) >= length:
        return COMPLETE
    corrected = sum(word.isdecimal() for word in said.split()) >= length + len(code)
    return UNSURE if corrected or " not " in said else UNLIKELY


def _phone_score(code: str) -> float:
    """Ten digits, or eleven with a one or a zero before them; seven are a local number."""
    whole = 11 if code[0] in "10" else 10
    if len(code) >= whole:
        return COMPLETE
    if len(code) == 10:
        return UNSURE
    return LIKELY if len(code) == 7 and whole == 10 else UNLIKELY


def _free_number_score(code: str, words: tuple[str, ...]) -> float | None:
    """A number nobody asked for: an amount or a time is over, more digits may come of others."""
    others = " ".join(words[: len(words) - len(code)])
    if _A_NUMBER.search(others) or not others:
        return UNSURE
    if _DAY_OR_AT.search(others):
        return LIKELY
    return UNSURE if len(code) > 2 else None


def _birthday_score(words: tuple[str, ...]) -> float | None:
    """A birthday is over with its year; "nineteen" is half of one."""
    digits = "".join(word for word in words if word.isdecimal())
    ordinal = any(re.fullmatch(r"[0-9]+(?:st|nd|rd|th)", word) for word in words)
    month = _MONTH.search(" ".join(words)) is not None
    if not (digits or ordinal or month):
        return None
    if words[-1].isdecimal():
        year = digits[-4:] if digits[-4:-2] in ("19", "20") else digits[-2:]
        before = len(digits) - len(year)
        has_day = before >= 1 if month and not ordinal else before >= (0 if ordinal else 2)
        if len(year) >= 2 and year not in ("19", "20") and has_day:
            return COMPLETE
    return UNLIKELY


def _email_score(words: tuple[str, ...]) -> float | None:
    if "at" not in words and "dot" not in words and len(words) > 2:
        return None
    return COMPLETE if words[-1] in _DOMAINS else UNLIKELY
