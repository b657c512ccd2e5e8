"""What the caller wants done to an order: the wish, the proposal, the consent, the results.

A tool with a side effect is called in one place, :func:`consent`, and there only if the caller
has heard the sentence that names the change and has said a clear yes to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from adapters.embedded import wording
from adapters.embedded.order_store import HELD
from adapters.embedded.orders import CHANGE_DELIVERY, FIND_ORDER, HOLD_PARCEL
from adapters.embedded.phrases import Intent
from adapters.embedded.spoken_numbers import spell
from adapters.embedded.talk import Question, Step, Talk, call, next_question, offer, say
from adapters.embedded.understanding import Meaning
from adapters.embedded.wording import Order, Wish
from effects.ports import Message, ToolCall

_WITH_A_YES = {Intent.YES, Intent.THANKS, Intent.GREET, Intent.CHANGE, Intent.HOLD, Intent.GOODBYE}


def wish_of(meaning: Meaning, earlier: Wish | None) -> Wish | None:
    """What the caller wants done; day and time complete an earlier wish for another day."""
    if Intent.HOLD in meaning.intents:
        return Wish(hold=True)
    if Intent.CHANGE not in meaning.intents:
        return None
    refused = Intent.NO in meaning.intents and not (meaning.day or meaning.time)
    if earlier is None or earlier.hold or refused:
        return Wish(hold=False, day=meaning.day, time=meaning.time)
    return Wish(hold=False, day=meaning.day or earlier.day, time=meaning.time or earlier.time)


def take_wish(talk: Talk, meaning: Meaning) -> Step | None:
    """A wish is kept until there is an order, and then proposed."""
    wish = wish_of(meaning, talk.wish)
    nothing_more = talk.question is Question.MORE and Intent.NO in meaning.intents
    if wish is None or (nothing_more and not wish.hold and not wish.day):
        return None  # "anything else?" "not today"
    if talk.order is None:
        text, question = next_question(talk)
        return say(talk, f"I can do that. {text}", question, wish=wish)
    return propose(talk, talk.order, wish)


def propose(talk: Talk, order: Order, wish: Wish) -> Step:
    """Ask for consent to a wish, or say why it cannot be granted."""
    if wish.hold and order.status == HELD:
        text = f"It is there already. {wording.story(order)} {wording.MORE}"
        return say(talk, text, Question.MORE)
    if not (order.can_hold if wish.hold else order.can_change_delivery):
        what = "hold it at the depot" if wish.hold else "change its delivery day"
        text = f"I am sorry. The parcel {order.last_event}, so I cannot {what}. {wording.MORE}"
        return say(talk, text, Question.MORE)
    if not wish.hold and not wish.day:
        return say(talk, wording.WHICH_DAY, Question.DAY, wish=wish)
    same_time = wish.time in ("", order.delivery_time)
    if not wish.hold and wish.day == order.delivery_day and same_time:
        due = wording.when(order.delivery_day, order.delivery_time)
        text = f"That is the plan already: it is due {due}. {wording.MORE}"
        return say(talk, text, Question.MORE)
    key = wording.essence(order, wish)
    return say(talk, wording.proposal(order, wish), Question.CONFIRM, key=key, wish=wish)


def consent(talk: Talk, meaning: Meaning) -> Step | None:
    """A clear yes, and nothing but a yes, to a change that was named and heard: do it."""
    if not _is_clear_yes(talk, meaning) or not talk.yes_answers_key:
        return None
    if talk.question is Question.RETRY and talk.failed is not None:
        return talk, replace(talk.failed, call_id=f"call_{talk.calls + 1}")
    if talk.question is not Question.CONFIRM or talk.order is None or talk.wish is None:
        return None
    arguments = {"order_number": talk.order.number}
    if talk.wish.hold:
        return call(talk, HOLD_PARCEL, arguments)
    arguments["day"] = talk.wish.day
    if talk.wish.time:
        arguments["time"] = talk.wish.time
    return call(talk, CHANGE_DELIVERY, arguments)


def _is_clear_yes(talk: Talk, meaning: Meaning) -> bool:
    if Intent.YES not in meaning.intents or not meaning.intents <= _WITH_A_YES:
        return False
    same_wish = wish_of(meaning, talk.wish) in (None, talk.wish)
    return meaning.nothing_else and same_wish


def tell(talk: Talk, order: Order, opening: str = "") -> Step:
    """Say where the parcel is and what can be done."""
    text, question = offer(order)
    return say(talk, f"{opening}{wording.story(order)} {text}", question)


# --- tool results ---------------------------------------------------------------------------


def take_result(talk: Talk, message: Message) -> Step:
    """Answer a tool result. One that is an error, or makes no sense, is never guessed at."""
    try:
        result = json.loads(message.text)
    except ValueError:
        result = None
    if message.call is None or not isinstance(result, dict) or "error" in result:
        return _failed(talk, message.call)
    if message.call.name == FIND_ORDER:
        return _found(talk, message.call, result)
    return _changed(talk, message.call, result)


def _failed(talk: Talk, failed: ToolCall | None) -> Step:
    what = "I could not look that up"
    if failed is not None and failed.name != FIND_ORDER:
        what = "I cannot tell whether that went through"
    text = f"I am sorry, {what}. {wording.TRY_AGAIN}"
    talk = replace(talk, failed=failed, looked_up=True)
    return say(talk, text, Question.RETRY, key=wording.TRY_AGAIN, wish=talk.wish)


def _found(talk: Talk, lookup: ToolCall, result: Mapping[str, object]) -> Step:
    if result.get("found") is False:
        text = f"I cannot find order {spell(talk.number)}. Could you say the five digits again?"
        talk = replace(talk, looked_up=True, order=None)
        return say(talk, text, Question.NUMBER, wish=talk.wish)
    order = Order.from_result(result)
    if order is None:
        return _failed(talk, lookup)
    talk = replace(talk, number=order.number, looked_up=True, order=order)
    if talk.wish is not None:
        return propose(talk, order, talk.wish)
    return tell(talk, order, "Thanks. ")


def _changed(talk: Talk, change: ToolCall, result: Mapping[str, object]) -> Step:
    order = Order.from_result(result)
    if result.get("done") is True and order is not None:
        done = wording.done(order, change.name == HOLD_PARCEL)
        talk = replace(talk, order=order, failed=None)
        return say(talk, f"{done} {wording.MORE}", Question.MORE, key=done)
    reason = result.get("reason")
    if result.get("done") is not False or not isinstance(reason, str):
        return _failed(talk, change)
    text = f"I am sorry, {reason}. What would you like instead?"
    return say(talk, text, Question.OFFER)
