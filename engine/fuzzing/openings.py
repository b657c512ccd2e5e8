"""How generated calls begin.

Chance hardly ever leads a call to a caller who is on hold, or to an answering machine. So calls
begin in many places of the chart, each reached as shortly as can be, and chance goes on from
there. What an opening does not say is left to chance too.
"""

from __future__ import annotations

from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Recognition,
    Scenario,
    Spare,
    Voice,
    Wire,
)
from states.settings import Settings

QUESTION = Act(at=1.0, say="where is my parcel")
LONG = "It left Memphis this morning. It should be with you on Thursday, before noon."
GREETING = "Hello, this is the parcel desk. How can I help you today?"
PASSED_ON = Answer(says="I am putting you through.", asks=Asks(tool="pass_on"))
FINISHED = Answer(says="It was nice to talk to you.", asks=Asks(tool="finish"))
HOLD = Act(at=1.0, say="hang on a second")
MACHINE = Act(at=0.6, say="please leave a message after the tone", during=1.6)
SLOW = Settings(reply_ms=1500, acknowledge_ms=5000)


def _opening(*caller: Act, answer: Answer | None = None, **rest: object) -> Scenario:
    answers = [answer] if answer else []
    return Scenario(says="", caller=list(caller), answers=answers, **rest)  # type: ignore[arg-type]


NOTHING = _opening()
ASKED = (
    _opening(QUESTION),
    _opening(QUESTION, answer=Answer(says=LONG)),
)
ELSEWHERE = (
    _opening(QUESTION, answer=Answer(says=LONG, word_every=0.25)),
    # The caller wants a moment.
    _opening(HOLD),
    _opening(HOLD, settings=Settings(call_limit_ms=8000, call_warning_ms=3000)),
    _opening(HOLD, settings=Settings(hold_ms=2000)),
    _opening(HOLD, Act(at=4.0, say="uh huh", during=0.4)),
    _opening(HOLD, Act(at=5.0, say="back", during=0.2, late=1.8)),
    # A machine takes our call.
    _opening(MACHINE, wire=Wire(outbound=True)),
    _opening(
        Act(at=0.6, say="please leave a message after the tone", late=1.0), wire=Wire(outbound=True)
    ),
    _opening(
        MACHINE,
        Act(at=2.2, sound=True, during=4.0),
        wire=Wire(outbound=True),
        settings=Settings(turn_limit_ms=3000),
    ),
    # Keys.
    _opening(Act(at=1.0, press="1")),
    _opening(Act(at=1.0, press="*")),
    _opening(Act(at=1.0, press="*"), Act(at=1.5, press="#")),
    _opening(Act(at=1.0, sound=True, during=5.0), Act(at=1.5, press="1")),
    _opening(QUESTION, Act(at=1.5, press="1")),
    # A greeting that is protected.
    _opening(
        Act(at=0.1, say="where is my parcel"),
        greeting=GREETING,
        settings=Settings(greeting_protected_ms=5000),
    ),
    _opening(
        Act(at=0.3, say="where is my parcel"),
        greeting=GREETING,
        settings=Settings(greeting_protected_ms=1000),
    ),
    _opening(
        Act(at=0.5, press="5"), greeting=GREETING, settings=Settings(greeting_protected_ms=1000)
    ),
    # The end of the call, or somebody else.
    _opening(QUESTION, answer=PASSED_ON),
    _opening(QUESTION, answer=FINISHED),
    _opening(QUESTION, answer=Answer(asks=PASSED_ON.asks, says="")),
    _opening(QUESTION, answer=Answer(asks=FINISHED.asks, says="")),
    _opening(QUESTION, answer=PASSED_ON, voice=Voice(fault="lost", fault_on="putting")),
    _opening(QUESTION, answer=FINISHED, voice=Voice(fault="lost", fault_on="nice")),
    _opening(
        QUESTION,
        answer=Answer(asks=PASSED_ON.asks, says=PASSED_ON.says, first_token=1.0),
        settings=SLOW,
    ),
    _opening(
        QUESTION,
        answer=Answer(asks=FINISHED.asks, says=FINISHED.says, first_token=1.0),
        settings=SLOW,
    ),
    _opening(
        QUESTION,
        answer=PASSED_ON,
        wire=Wire(transfer_fault="lost"),
        settings=Settings(idle_ms=2000),
    ),
    # The caller says something over the agent, or at its very end.
    _opening(
        Act(at=1.0, say="friday", during=0.6),
        Act(at=2.15, say="yes", during=0.35),
        answer=Answer(says="Is friday right?"),
    ),
    _opening(
        QUESTION,
        Act(at=3.0, say="yeah", during=0.4),
        Act(at=3.4, sound=True, during=2.5),
        answer=Answer(says=LONG),
    ),
    _opening(QUESTION, Act(at=3.0, sound=True, during=0.9), answer=Answer(says=LONG)),
    _opening(
        QUESTION,
        Act(at=3.0, sound=True, during=0.9),
        Act(at=3.8, press="7"),
        answer=Answer(says=LONG),
    ),
    _opening(
        QUESTION,
        Act(at=3.8, sound=True, during=0.9),
        answer=Answer(says=LONG, word_every=0.25, fault="lost", fault_after_words=8),
    ),
    _opening(
        QUESTION,
        Act(at=4.0, sound=True, during=1.0),
        answer=Answer(says=LONG, word_every=0.25),
        voice=Voice(fault="lost", fault_on="Thursday"),
    ),
    # Nothing comes of the reply.
    _opening(
        QUESTION,
        Act(at=6.0, say="where is my parcel"),
        answer=Answer(word_every=2.0),
        settings=Settings(reply_ms=1400, apology_limit=1),
    ),
    _opening(QUESTION, answer=Answer(says="")),
    _opening(QUESTION, answer=Answer(says=""), settings=Settings(apology_limit=0)),
    _opening(QUESTION, voice=Voice(fault="refused"), settings=Settings(apology_limit=1)),
    # The caller goes on and on.
    _opening(
        Act(at=1.0, say="where is my parcel", during=4.0), settings=Settings(turn_limit_ms=2000)
    ),
    _opening(Act(at=1.0, sound=True, during=3.0), settings=Settings(turn_limit_ms=1500)),
    # The time is up.
    _opening(settings=Settings(call_limit_ms=3000, call_warning_ms=2000)),
    _opening(QUESTION, answer=Answer(says=LONG), settings=Settings(call_limit_ms=4000)),
    _opening(
        QUESTION,
        answer=Answer(says=LONG),
        settings=Settings(call_limit_ms=12_000, call_warning_ms=9000),
    ),
    _opening(
        Act(at=1.0, sound=True, during=4.0), settings=Settings(call_limit_ms=2000, goodbye_ms=1000)
    ),
    # Speech-to-text has its own mind.
    _opening(QUESTION, recognition=Recognition(endpoints=True)),
    _opening(QUESTION, recognition=Recognition(endpoint_after=0.3)),
    _opening(
        Act(at=1.0, say="where is my", final="where is my parcel"),
        recognition=Recognition(final_after=0.8),
        settings=Settings(stable_partials=1),
    ),
    _opening(
        QUESTION, answer=Answer(says=LONG), recognition=Recognition(fault="refused", fault_at=3.5)
    ),
    _opening(
        QUESTION,
        Act(at=3.0, sound=True, during=1.5),
        answer=Answer(says=LONG),
        recognition=Recognition(fault="refused", fault_at=4.2),
    ),
    # Somebody takes over.
    _opening(QUESTION, answer=Answer(says=LONG, fault="lost"), spare=Spare(answers=[])),
    _opening(QUESTION, answer=Answer(says=LONG, stalls=True), spare=Spare(answers=[])),
    _opening(
        QUESTION,
        answer=Answer(says=LONG, first_token=1.0),
        spare=Spare(answers=[]),
        settings=Settings(mind_hedge_ms=300),
    ),
    _opening(
        QUESTION, answer=Answer(says=LONG), voice=Voice(fault="lost"), spare=Spare(voice=Voice())
    ),
    _opening(
        QUESTION,
        answer=Answer(says=LONG),
        voice=Voice(fault="lost", fault_on="Thursday", fault_midway=True),
        spare=Spare(voice=Voice()),
    ),
    _opening(
        QUESTION,
        answer=Answer(says=LONG, word_every=0.25),
        voice=Voice(stalls=True, fault_on="before"),
        spare=Spare(voice=Voice()),
    ),
    _opening(
        QUESTION,
        answer=Answer(says=LONG),
        recognition=Recognition(fault="lost", fault_at=1.6),
        spare=Spare(recognition=Recognition()),
    ),
    _opening(
        QUESTION,
        answer=Answer(says=LONG),
        recognition=Recognition(fault="refused", fault_at=2.05, gated=False),
        spare=Spare(recognition=Recognition(gated=False)),
    ),
    _opening(
        QUESTION,
        answer=Answer(says=LONG),
        voice=Voice(fault="refused"),
        spare=Spare(voice=Voice(fault="lost", fault_midway=True)),
    ),
)
