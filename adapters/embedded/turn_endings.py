"""Can a turn end here? By the last words, and by whether there is a main clause.

The patterns are written over normalised words: "it's" is "it is", "one" is "1", "second" is "2nd".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.embedded.asked_for import COMPLETE, LIKELY, OPENED, UNLIKELY, UNSURE
from states.words import normalized


def _ends(*endings: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\b)(?:{'|'.join(endings)})$")


def _begins(*beginnings: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{'|'.join(beginnings)})")


def _any(words: str) -> str:
    return f"(?:{words.replace(' ', '|')})"


# --- kinds of words -------------------------------------------------------------------------

_LAST_WORDS = 16
"""How far back an ending is looked for."""

_FILLERS = frozenset("um uh er erm hmm mm ah".split())
_LEADS = frozenset(
    "so and but okay well yes yeah yep no nope um uh er ah oh hi hello hey right sure sorry "
    "actually please like listen look good morning afternoon evening thanks excuse me".split()
)
"""What a turn begins with before it says anything."""

_HANGING_LEADS = frozenset("so and but well like actually um uh er listen look me please".split())
_ANSWERS = frozenset(
    "yes no yeah yep yup nope nah sure okay right correct exactly thanks bye hello hi hey "
    "today tomorrow monday tuesday wednesday thursday friday saturday sunday huh".split()
)
_FIRST_WORDS = re.compile(
    r"(?P<answer>yes|yeah|yep|yup|nope|nah|okay|right|sure|hello|hi|hey)|no"
    r"|(?:hello|hi|hey) there|good (?:morning|afternoon|evening)|thanks|thank you|sorry"
)
"""A turn of their own or, as often, the first words of one ("no, thank you")."""

_I = "(?:i|you|he|she|it|we|they)"
_SUBJECT = "(?:i|you|he|she|it|we|they|this|that|there|nobody|everybody|someone|everything)"
_THE = "(?:the|my|your|his|her|our|their|a|an|this|that|these|those)"
_BE = "(?:is|are|was|were|am)"
_AUXILIARY = (
    "(?:is|are|was|were|am|be|been|will|would|can|could|should|shall|may|might|must|do|does|did"
    "|have|has|had)"
)
_WH = "(?:what|who|which|where|whom|whose|how|why|when)"
_PREPOSITION = (
    "(?:to|of|for|from|in|on|at|by|about|with|without|into|onto|over|under|between|near|than"
    "|through|during|against|per|via|towards?|regarding|until|till|around)"
)
_DETERMINER = "(?:a|an|the|my|your|our|their|its|every|whose)"
_CONJUNCTION = (
    "(?:and|or|but|because|if|when|while|although|which|who|whose|as|nor|unless|since|whether"
    "|where|so|than|before|after|then|either)"
)
_PHRASAL = (
    "(?:come|get|let|log|sign|check|fill|turn|hand|call|drop|move|send|bring|put|keep|pull|take)"
    "(?:s|ed|ned|ped|ing)?"
)
_TAKES_AN_OBJECT = _any(
    "want need wanted needed said says say give gave told put bring wondering hoping trying"
)
_TOOK_AN_OBJECT = _any(
    "received ordered bought got found noticed made took saw sent lost brought wrote"
)

# --- endings --------------------------------------------------------------------------------

_CLOSING = _ends(
    r"thanks|thank you|bye|good bye",
    r"that is (?:all|it|everything|fine|right|correct|wrong|okay|great|perfect|good)",
    r"never mind|nothing else|that will do|i guess so|i do not know|of course|go ahead|as well",
)
"""Said to be done."""

_HOLDS_THE_FLOOR = _ends(
    # repairs
    r".* (?:i mean|i meant|no wait|wait no|wait|scratch that|no sorry|sorry no|correction)",
    # thinking
    r"(?<!do not )(?<!let me )(?<!let you )(?<!what do )(?<!\bas )you know",
    r"^(?:.*\b(?:and|but|so|well|yes|no) )?(?:i (?:think|guess|believe|suppose|hope)|let us see)",
    # told stories that begin
    r"i (?:was|am) (?:just )?(?:calling|thinking|asking|looking|saying|told)",
    r"(?:i|we|he|she|they) (?:was|were) (?:just )?\w+ing"
    r"(?: (?:down|up|out|back|along|around|over|off|in|home))",
    r"(?:here is|and|so) the thing|how come|what about|how about|the other",
    r"^(?:.* )?(?:what i|the) .* is (?:why|how|what|when|where|that)",
)
_REPAIRS = re.compile(r"^(.+) (?:no|sorry)$")

_ENDS_WELL = _ends(
    # prepositions that end questions, and particles
    rf"(?:what|who|which|where|whom|how long|how far) (?:\w+ )+"
    rf"(?<!want )(?<!need )(?<!like )(?<!have )(?<!going )(?<!is ){_PREPOSITION}",
    r"(?:what|where|who) (?:for|to|from|with)",
    rf"that is (?:not )?(?:the|what) (?:\w+ )*{_I} (?:\w+ )+(?:for|of|to|about|in|on|with)",
    rf"{_PHRASAL}(?: (?:it|him|her|them|me|us|that|this))? (?:in|over|through|by|around)",
    r"(?:turn|put|keep|move|switch|log)(?:ed|ped)?(?: (?:it|that|them|this))? on",
    r"(?:going|hold|hang|go|carry|try|later|swing|stop) (?:on|by|over|through|in)",
    r"(?:is|be|all|was) over|(?:do|go|be) without|(?:anyone|anybody|someone) in",
    r"(?:know|heard|hear|care|rid) of|the day (?:before|after)",
    r"\b(?:ever|never|not|have|has|day|week|month|night|year|like)\b.* before",
    r"(?:day|week|month|night|year|right|look|looking) after|ever since",
    # "to" for a whole verb
    r"(?:love|supposed|allowed) to(?<!is supposed to)(?<!was supposed to)",
    rf"(?:do|does|did|will|would|should|can) {_I} (?:have|need|want) to",
    r"not (?:have|need) to",
    # auxiliaries for a whole verb
    rf"(?:what|where|who|how|whatever|wherever|why)(?: \w+)*? {_I} {_AUXILIARY}",
    rf"(?:what|where|who|how)(?: \w+)? {_THE} (?:\w+ ){{1,2}}{_BE}",
    rf"(?:know|tell me|sure|ask|see) when (?:{_I}|{_THE} \w+) {_AUXILIARY}",
    rf"(?:think|thought|suppose|guess|believe|hope) {_I} (?:is|was|are|do|does|did|am|will|would)",
    rf"(?:would|will) if {_I} {_AUXILIARY}",
    rf"wish {_I} (?:could|did|had|was|were)|as {_I} (?:can|could)|than {_I} {_AUXILIARY}",
    rf"{_WH} (?:\w+ ){{2,}}(?:do|be|been|have)|(?:i|you|we|they) can do|to do",
    rf"(?:all|everything|anything|nothing) {_I} (?:have|can|could|had)",
    # pronouns
    rf"this is (?:he|she|me)|{_WH} (?:\w+ )?(?:is|are|was|were|am|about) {_I}|how do you do",
    r"(?:thank|see|call|help|tell|hear|for|to|with|from|of|and|about|on|love) you",
    r"(?:so|neither|nor) (?:am|do|did|have|can|will) i|you and i",
    rf"\bnot\b.* (?:is|are|was|were|does|do|did|has|have|will|can) {_I}|not {_I}|is that it",
    # conjunctions and adverbs
    r"(?:think|hope|guess|believe|suppose|say|said|do|did|afraid|not|like|even|or|is that) so",
    r"(?:know|sure|tell you|tell me|remember|see|care|matter|since|say)"
    r" (?:when|where|who|how|which)",
    r"(?:what|how) (?:is|are|was|were|does|do|did|would)\b.* like|(?:you|they) like|something like",
    r"(?<!and )(?<!but )(?<!so )(?<!or )(?<!only )then|what|why|me either|not either",
    r"(?:i|we) (?:know|need|want|like|meant|do|have|heard|said|like|love|did) that",
    # the object came first
    rf"(?:what|whatever|which|who|everything|all|anything|something|nothing|as|if|how|1|thing)"
    rf" (?:\w+ )*{_I} (?:\w+ )?(?:{_TAKES_AN_OBJECT}|{_TOOK_AN_OBJECT})",
    rf"{_THE} \w+ (?:\w+ )?{_I} (?:have |just )*(?:{_TOOK_AN_OBJECT}|need|want|wanted)",
    r"(?:was|were|been|is|are|be|being|as) (?:put|told|said|given|needed|wanted)",
    r"(?:what|so|like) (?:\w+ )?(?:told|tell) (?:me|us|you)|you tell me",
    r"(?:of course|hope|why|maybe|probably|certainly|rather|better|afraid|or|definitely"
    r"|please do|guess|if) not",
)
"""Small words at the end that do end a turn."""

_DANGLES = _ends(
    _DETERMINER,
    _PREPOSITION,
    _CONJUNCTION,
    _AUXILIARY,
    _TAKES_AN_OBJECT,
    rf"{_I} (?:just |only |have )*{_TOOK_AN_OBJECT}",
    r"(?:said|says|think|thought|believe|heard|hope|so|and|but|or|saw|sure|told(?: \w+)?"
    r"|(?:the|a|an|my|only) \w+) that",
    r"(?:and|but|because|so|when|if|that) (?:nobody|someone|somebody|everybody|everything|there)",
    r"(?:make|making|be) sure",
    r"(?<!not )(?:usually|basically|literally)",
    r"(?:i|he|she|we|they)|um|uh|er|erm|hmm|mm|like|(?<!very )(?<!not )(?<!doing )well|let us",
    r"(?:can|could|would|will|do|did|are|have|if|when|that|and|because|so|but|think|hope) you",
    r"(?:and|but|if|when|because|that|so|or|then|whether|think|said|says|until) it",
    rf"^{_AUXILIARY} (?:{_I}|this|that)",
    r"(?:want|wanted|need|like|going|trying) to (?:buy|get|have|find|make|use|see|be)",
    r"(?:told|tell|give|gave|show|showed|let|bring|ask|asked|send) (?:me|us|him|them)",
    rf"(?:{_I}|that|and|but|to)(?: {_AUXILIARY})?"
    r" (?:just|really|also|only|never|always|still|even|usually|basically|literally|actually)",
    rf"(?:{_DETERMINER}|this|that|another) (?:new|old|wrong|different|whole|main|actual|current"
    r"|original|own|exact|next|last|other|blue|black|white|red|green|big|small|very|same kind)",
    r"mister|missus|mrs|ms|doctor|double|triple|dot|dash|slash|underscore|comma|very|quite",
    rf"{_BE} (?:able|supposed|about|unable|trying)|either \w+|^the 1|instead",
    rf"(?:when|because|if|although) {_THE} \w+",
)
"""Endings that want something after them."""

_NEGATIVE_AT_THE_END = _ends("not")

# --- sentences ------------------------------------------------------------------------------

_OPENER = re.compile(
    r"(?:i (?:was|am) (?:just )?(?:wondering|calling|hoping)"
    r"(?: (?:about|because|to ask|regarding|from|if|whether))?"
    r"|i (?:have|have got|had|just have|has got) (?:a|another|1 more|1)(?: quick| small)? question"
    r"|i (?:just )?(?:want|wanted|would like|need|needed) to (?:ask|know|check|see|say|find out)"
    r"(?: you)?|let me (?:ask|tell|explain)(?: you)?(?: this| something)?"
    r"|the (?:thing|problem|reason|question|issue)(?: (?:is|why|i am calling|i called))*"
    r"|my (?:question|problem) is|a?(?: )?quick question|1 more thing|another thing|1st of all|1st"
    r"|to be honest|basically|i just|can i (?:just )?ask(?: you)?)"
)
_QUESTION = _begins(
    rf"(?:what|who|which|where|how|why|whose|when {_AUXILIARY})\b",
    rf"{_AUXILIARY}(?: not)? (?:{_SUBJECT}|{_THE}|any|1)\b",
)
_QUESTION_BEGUN = re.compile(
    rf"{_WH}(?: (?:time|day|much|many|kind|long))? {_AUXILIARY}|{_AUXILIARY} {_DETERMINER} \w+"
)
_SUBORDINATOR = _begins(
    rf"(?!(?:after|before|since) (?:that|this) {_I})"
    r"(?:if|when|because|since|after|before|while|although|though|unless|until|once|whenever"
    r"|as soon as|even if|even though|as long as|in case|so that|every time"
    r"|(?:the )?(?:last|1st|next|other|whole) time"
    r"|the (?:day|minute|moment)(?= (?:i|we|you|they))) "
)
_WHENEVER = _begins(r"(?:when|after|before|until|once|if|as soon as|since|unless) ")
_CONDITION_ALONE = re.compile(
    r"if (?:possible|you (?:can|could|want|like|would|do not mind|please)"
    r"|that is \w+(?: with you)?)"
    r"|as (?:soon|fast|quickly|early) as (?:possible|(?:i|you|we|they) (?:can|could))"
    r"|(?:after|before|until|since) (?:[0-9 ]+|noon|lunch|\w+day|today|tomorrow|then|work)(?: \w+)?"
)
_MAIN_CLAUSE = re.compile(
    rf"\b(?:i|he|she|we|they) \w+|\b(?:is|are|was|were|will|would|can|could|should|has|did|does|do"
    rf"|must|please|then|just)\b .*\w|\b(?:it|you|that|this|there) {_AUXILIARY}\b"
    r"|\b(?:it|that|this) \w+s\b"
)
_ONLY_A_SUBJECT = re.compile(
    rf"{_THE} (?!1$)(?:\w+|(?:order|phone|tracking|account|card|reference) number)"
)
_ASKS_WHY = re.compile(r"\b(?:why|reason|how come)\b", re.IGNORECASE)
_ASKS_WHEN = re.compile(r"\b(?:when|what time|which day|what day)\b", re.IGNORECASE)
_YES_OR_NO = re.compile(
    rf"(?:^|[.,!?] )(?:so |and |okay )?(?:{_AUXILIARY}|is)\b[^.?!]*\?$", re.IGNORECASE
)
_ANYTHING_ELSE = re.compile(r"\banything else\b[^.!?]*\?$", re.IGNORECASE)
_ANY_SUBJECT = rf"(?:{_SUBJECT}|{_THE}|\w+(?:body|thing)) "
_SHORT_ANSWER = re.compile(rf"(?:{_I}|that|there) {_AUXILIARY}(?: not)?")


def ending_score(said: Sequence[str], text: str, asked: str) -> float:
    """How likely a turn is over, by how it ends.

    ``said`` are the normalised words of ``text``, without a "please" at the end.
    """
    first_words = _first_words_score(text, asked)
    if first_words is not None:
        return first_words
    rest = _without_leads(said)
    if not rest:
        return _leads_score(said)
    for score in (
        _by_last_words(" ".join(said[-_LAST_WORDS:]), text),
        _by_short_answer(" ".join(rest), said, text, asked),
        _by_clause(" ".join(rest), asked),
        _by_endings(" ".join(said[-_LAST_WORDS:]), " ".join(rest[-_LAST_WORDS:])),
        _by_subject(" ".join(rest), asked),
    ):
        if score is not None:
            return score
    is_question = text.rstrip().endswith("?") or _QUESTION.match(" ".join(rest))
    ends_in_mark = text.rstrip().endswith((".", "!"))
    return COMPLETE if is_question or ends_in_mark or said[-1] in _ANSWERS else LIKELY


def _first_words_score(text: str, asked: str) -> float | None:
    """Where words that often open a turn are all that was said. A yes is the whole answer to a
    question for it, but seldom to "Is there anything else?"; nor is a plain "no" to any: people
    go on with thanks, or with what they want instead."""
    first_words = _FIRST_WORDS.fullmatch(" ".join(normalized(text)))
    if first_words is None or not asked or text.rstrip().endswith("?"):
        return None
    asked = asked.rstrip()
    was_asked = _YES_OR_NO.search(asked) and not _ANYTHING_ELSE.search(asked)
    return COMPLETE if first_words["answer"] and was_asked else OPENED


def _without_leads(said: Sequence[str]) -> list[str]:
    at = 0
    while at < len(said) and (
        said[at] in _LEADS or (said[at] == "there" and said[at - 1] in ("hi", "hello", "hey"))
    ):
        at += 1
    return list(said[at:])


def _leads_score(said: Sequence[str]) -> float:
    """ "okay so" goes on, "yes" and "hello there" do not."""
    if said[-1] in _HANGING_LEADS or all(word in _FILLERS for word in said):
        return COMPLETE if said[-2:] in (("excuse", "me"), ("mm", "hmm")) else UNLIKELY
    return COMPLETE


def _by_last_words(said: str, text: str) -> float | None:
    """What was left open, and what was meant to be the end."""
    if text.rstrip().endswith((",", "-", "–", "…", "...")):
        return UNLIKELY
    if re.search(r"['’](?:s|m|re|ve|d|ll)\W*$", text) and re.search(rf"\b{_AUXILIARY}$", said):
        return UNLIKELY
    if re.search(r"(?<!is )(?<!was )\b(?:the|my|his|her|our|your) \w+['’]s\W*$", text.lower()):
        return UNLIKELY
    if _CLOSING.search(said):
        return COMPLETE
    if _HOLDS_THE_FLOOR.search(said):
        return UNLIKELY
    repaired = _REPAIRS.match(said)
    if repaired and _without_leads(repaired.group(1).split()):
        before = repaired.group(1).split()[-1]
        return COMPLETE if before in ("am", "so", "very", "said", "say", "really") else UNLIKELY
    return None


def _by_short_answer(rest: str, said: Sequence[str], text: str, asked: str) -> float | None:
    """ "yes I do", "it isn't", and after a yes-or-no question "I do"."""
    if not _SHORT_ANSWER.fullmatch(rest):
        return None
    agreed = any(word in ("yes", "yeah", "yep", "no", "nope", "sure", "okay") for word in said)
    return COMPLETE if agreed or rest.endswith("not") or _YES_OR_NO.search(asked) else UNLIKELY


def _by_clause(rest: str, asked: str) -> float | None:
    """A subordinate clause wants a main clause, unless it is what was asked for."""
    subordinated = _SUBORDINATOR.match(rest)
    if not subordinated or _QUESTION.match(rest) or _CONDITION_ALONE.fullmatch(rest):
        return None
    if _WHENEVER.match(rest) and _ASKS_WHEN.search(asked):
        return None
    clause = rest[subordinated.end() :]
    if rest.startswith("because ") and _ASKS_WHY.search(asked):
        return UNLIKELY if _ONLY_A_SUBJECT.fullmatch(clause) else None
    subject_and_verb = 3 if re.match(rf"{_THE} ", clause) else 2
    main = " ".join(clause.split()[subject_and_verb if re.match(_ANY_SUBJECT, clause) else 1 :])
    return None if _MAIN_CLAUSE.search(main) else UNLIKELY


def _by_endings(said: str, rest: str) -> float | None:
    """The last small words, if the sentence has begun to be one."""
    if _OPENER.fullmatch(rest) or _QUESTION_BEGUN.fullmatch(rest):
        return UNLIKELY
    if _ENDS_WELL.search(said):
        return COMPLETE
    if _DANGLES.search(rest):
        return UNLIKELY
    return UNSURE if _NEGATIVE_AT_THE_END.search(rest) else None


def _by_subject(rest: str, asked: str) -> float | None:
    """ "the driver" wants a verb, unless it is the answer to a question."""
    if not _ONLY_A_SUBJECT.fullmatch(rest):
        return None
    return LIKELY if "?" in asked else UNSURE
