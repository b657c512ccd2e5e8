"""What the parcel desk says next: a pure function of the conversation so far.

Nothing is remembered between replies. :func:`answer` folds the messages, oldest first, into a
:class:`Talk`, working out at each caller line and each tool result what the desk answers; the
last of these answers is the reply. So a conversation that was interrupted, replayed or cut
short gives the same answer wherever it is computed.

Agent lines hold only what the caller heard. They matter in one place: a yes counts as consent
only if the last thing heard was the sentence that names the change. A proposal that was cut
off before it said the day, or a "yes" to "Are you still there?", changes nothing; the proposal
is put again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from adapters.embedded import wording
from adapters.embedded.changes import consent, propose, take_result, take_wish, tell, wish_of
from adapters.embedded.orders import FIND_ORDER
from adapters.embedded.phrases import Intent
from adapters.embedded.spoken_numbers import ORDER_DIGITS
from adapters.embedded.talk import Question, Step, Talk, call, forget_order, next_question, say
from adapters.embedded.understanding import Meaning, understand
from adapters.embedded.wording import Wish
from effects.ports import Message, ToolCall

Rule = Callable[[Talk, Meaning], Step | None]


def answer(messages: Sequence[Message]) -> str | ToolCall:
    """The reply, or the tool to call, after the last caller line or tool result.

    Pure: the same messages always give the same answer.
    """
    talk = Talk()
    reply: str | ToolCall = f"Hello. {wording.WHAT_I_CAN_DO} {wording.ASK_NUMBER}"
    for message in messages:
        if message.role == "caller":
            talk, reply = _hear(talk, message.text)
        elif message.role == "tool":
            talk, reply = take_result(talk, message)
        elif message.call is not None:
            talk = replace(talk, calls=talk.calls + 1)
        elif message.text.strip() != wording.TAKE_YOUR_TIME:  # asks nothing, so voids nothing
            talk = replace(talk, heard=f"{talk.heard} {message.text}")
    return reply


def _hear(talk: Talk, words: str) -> Step:
    meaning = understand(words, awaited=talk.awaited)
    for rule in _RULES:
        step = rule(talk, meaning)
        if step is not None:
            return step
    return _puzzled(talk)


# --- order numbers --------------------------------------------------------------------------


def _number(talk: Talk, meaning: Meaning) -> Step | None:
    """Digits begin, go on with, replace or correct an order number."""
    if meaning.fix is not None and talk.number:
        fixed = meaning.fix.applied_to(talk.number)
        if fixed:
            return _try_number(talk, meaning, fixed)
        text = "I am not sure which digit you mean. Could you say all five digits?"
        return say(forget_order(talk), text, Question.NUMBER, wish=talk.wish)
    if not meaning.digits or (talk.awaited == 0 and len(meaning.digits) < 3):
        return None
    if talk.order is not None and talk.order.number == meaning.digits and meaning.intents:
        return None  # only named again: "yes, two nine three four zero"
    return _try_number(talk, meaning, _put_together(talk, meaning))


def _put_together(talk: Talk, meaning: Meaning) -> str:
    """The number so far with the new digits, unless the caller is saying it from the start."""
    kept, new = talk.number, meaning.digits
    if talk.looked_up or len(kept) >= ORDER_DIGITS or Intent.NO in meaning.intents:
        return new
    said_again = len(kept) > 1 and new == kept
    from_the_start = len(kept + new) > ORDER_DIGITS and (
        len(new) == ORDER_DIGITS or new.startswith(kept)
    )
    return new if said_again or from_the_start else kept + new


def _try_number(talk: Talk, meaning: Meaning, number: str) -> Step:
    """Look a whole number up; ask for the rest, or again, otherwise. An order found before is
    put aside at once, so that nothing said from here on is done to it by mistake."""
    same_order = talk.order is None or talk.order.number == number
    earlier = talk.wish if same_order else None
    wish = wish_of(meaning, earlier) or earlier
    talk = replace(forget_order(talk), wish=wish)
    if len(number) > ORDER_DIGITS:
        return say(talk, wording.too_many(number), Question.NUMBER, wish=wish)
    talk = replace(talk, number=number)
    if len(number) < ORDER_DIGITS:
        return say(talk, wording.missing_digits(number), Question.NUMBER, wish=wish)
    return _look_up(talk)


def _look_up(talk: Talk) -> Step:
    return call(talk, FIND_ORDER, {"order_number": talk.number})


def _due_lookup(talk: Talk, meaning: Meaning) -> Step | None:
    """A number whose result never came is looked up before anything else is answered."""
    if not talk.lookup_is_due or Intent.GOODBYE in meaning.intents:
        return None
    return _look_up(replace(talk, wish=wish_of(meaning, talk.wish) or talk.wish))


def _other_number(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.RESTART not in meaning.intents:
        return None
    return say(forget_order(talk), f"All right. {wording.ASK_NUMBER}", Question.NUMBER)


def _number_is_lost(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.LOST_NUMBER not in meaning.intents or talk.order is not None:
        return None
    text = f"I can only find a parcel by its order number. {wording.TAKE_YOUR_TIME}"
    return say(talk, text, Question.NUMBER, wish=talk.wish)


# --- the conversation itself ----------------------------------------------------------------


def _repeat(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.REPEAT not in meaning.intents:
        return None
    text = talk.reply or talk.heard.strip() or wording.ASK_NUMBER
    return say(talk, text, talk.question, key=talk.key, wish=talk.wish)


def _person(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.PERSON not in meaning.intents:
        return None
    text, question = next_question(talk)
    text = f"I am the automatic parcel desk. {wording.PERSON_HOURS} {text}"
    return say(talk, text, question, wish=talk.wish)


def _wait(talk: Talk, meaning: Meaning) -> Step | None:
    """Waiting leaves everything as it is: what was asked is still asked."""
    return (talk, wording.TAKE_YOUR_TIME) if Intent.WAIT in meaning.intents else None


def _untold(talk: Talk, meaning: Meaning) -> Step | None:
    """A change that was made while the caller went on with their yes, so that they have not heard
    of it, is told before anything else is answered."""
    if talk.question is not Question.MORE or not talk.key or talk.heard.strip():
        return None
    return say(talk, talk.reply, talk.question, key=talk.key)


def _track(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.TRACK not in meaning.intents:
        return None
    if talk.order is not None:
        return tell(talk, talk.order)
    text, question = next_question(talk)
    return say(talk, f"I can look. {text}", question)


def _yes(talk: Talk, meaning: Meaning) -> Step | None:
    """A yes that is not consent: ask what it leaves open."""
    if Intent.YES not in meaning.intents or Intent.NO in meaning.intents:
        return None
    if talk.question is Question.RETRY:
        return say(talk, wording.TRY_AGAIN, Question.RETRY, key=wording.TRY_AGAIN, wish=talk.wish)
    if talk.question is Question.MORE:
        return say(talk, "What else can I do for you?", Question.OPEN)
    if talk.question is Question.OFFER and talk.order is not None:
        if talk.order.can_hold:
            text = "Which would you like: another delivery day, or to hold it at the depot?"
            return say(talk, text, Question.OFFER)
        return say(talk, wording.WHICH_DAY, Question.DAY, wish=Wish(hold=False))
    return None


def _no(talk: Talk, meaning: Meaning) -> Step | None:
    if Intent.NO not in meaning.intents:
        return None
    if talk.question is Question.CONFIRM and Intent.YES in meaning.intents:
        return None  # neither a yes nor a no: the proposal is put again
    if talk.question is Question.CONFIRM:
        text = "All right, nothing has changed. What would you like instead?"
        return say(talk, text, Question.OFFER)
    if talk.question in (Question.OFFER, Question.DAY):
        return say(talk, f"All right, it stays as it is. {wording.MORE}", Question.MORE)
    if talk.question is Question.NUMBER and talk.number and not talk.looked_up:
        text = f"Let us start again. {wording.ASK_NUMBER}"
        return say(forget_order(talk), text, Question.NUMBER, wish=talk.wish)
    return say(talk, f"All right. {wording.MORE}", Question.MORE)


def _goodbye(talk: Talk, meaning: Meaning) -> Step | None:
    closing = talk.question is Question.MORE and meaning.intents & {Intent.NO, Intent.THANKS}
    if Intent.GOODBYE not in meaning.intents and (not closing or Intent.YES in meaning.intents):
        return None
    unchanged = "All right, nothing has changed. " if talk.question is Question.CONFIRM else ""
    return say(talk, unchanged + wording.GOODBYE, Question.OPEN)


def _small_talk(talk: Talk, meaning: Meaning) -> Step | None:
    """Greetings, thanks, "customer support", a bare yes: friendly, then back to the matter."""
    if not meaning.intents:
        return None
    if talk.question is Question.CONFIRM and talk.wish is not None and talk.order is not None:
        return propose(talk, talk.order, talk.wish)
    if Intent.THANKS in meaning.intents:
        return say(talk, f"You are welcome. {wording.MORE}", Question.MORE)
    opening = ""
    if Intent.SUPPORT in meaning.intents:
        opening = "This is parcel support. "
    elif Intent.GREET in meaning.intents:
        opening = "Hello. "
    text, question = next_question(talk)
    return say(talk, opening + text, question, wish=talk.wish)


def _puzzled(talk: Talk) -> Step:
    """Not understood: say what can be done, and the second time in a row offer a person."""
    if talk.lookup_is_due:
        return _look_up(talk)
    times = talk.puzzled + 1
    sorry = "Sorry, I did not understand that."
    if times > 1:
        sorry = f"Sorry, I still did not understand. For a person: {wording.PERSON_HOURS}"
    if talk.question is Question.CONFIRM and talk.wish is not None and talk.order is not None:
        key = wording.essence(talk.order, talk.wish)
        text = f"{sorry} {wording.proposal(talk.order, talk.wish)}"
        return say(talk, text, Question.CONFIRM, key=key, wish=talk.wish, puzzled=times)
    ask, question = next_question(talk)
    if times == 1:
        sorry = f"{sorry} {wording.WHAT_I_CAN_DO}"
    if times > 1 or talk.order is None or question is Question.DAY:
        sorry = f"{sorry} {ask}"
    return say(talk, sorry, question, wish=talk.wish, puzzled=times)


# The first rule with something to say decides.
_RULES: tuple[Rule, ...] = (
    _number,
    _repeat,
    _person,
    _other_number,
    consent,
    _due_lookup,
    take_wish,
    _untold,
    _number_is_lost,
    _track,
    _goodbye,
    _wait,
    _yes,
    _no,
    _small_talk,
)
