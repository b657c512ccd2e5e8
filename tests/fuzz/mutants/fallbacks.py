"""Providers that take over from those that fail."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, OnChart, mutant

ACTIONS = "states.actions"
STAGE = "effects.stage"

MUTANTS = (
    mutant(
        "what broke off is not taken back",
        "What was not sent of a sentence that a voice broke off is said before another says it.",
        Code(
            "effects.playout:Playout.take_back",
            "del clause.audio[max(0, sent - clause.start) :]",
            "pass",
        ),
    ),
    mutant(
        "a voice changes in mid-sentence",
        "The voice that takes over begins with the clause that was not finished.",
        Code(f"{STAGE}:Draft.change_voice", "while first > 0 and", "while False and"),
    ),
    mutant(
        "a voice leaves a clause out",
        "The voice that takes over begins with the clause after the one that was not finished.",
        Code(
            f"{STAGE}:Draft.change_voice",
            "self.voicing.first + self.voicing.ended",
            "self.voicing.first + self.voicing.ended + 1",
        ),
    ),
    mutant(
        "two minds speak at once",
        "Of two language models that were asked both are heard.",
        Code(
            "effects.hedge:Hedge.takes",
            "if other != name:\n                scope.cancel()",
            "pass",
        ),
        Code("effects.hedge:Hedge.takes", "return self.winner == name", "return True"),
    ),
    mutant(
        "a voice comes back",
        "The voice that took over is forgotten with the next reply.",
        Code(
            f"{ACTIONS}:begin_draft",
            "call.turn.drafts += 1",
            'call.turn.drafts += 1\n    call.voice = ""',
        ),
    ),
    mutant(
        "a mind comes back",
        "The language model that takes over is not the one that is asked.",
        Code(f"{ACTIONS}:change_mind", "call.mind = event.instead", "pass"),
    ),
    mutant(
        "words heard again are new words",
        "What the recogniser that takes over hears again is added to what was understood.",
        Code(
            "effects.transcribe:_Session.__init__",
            "self._first, self._again = min(unfinished), set(unfinished)",
            "pass",
        ),
    ),
    mutant(
        "a mute recogniser is kept",
        "Speech-to-text that says nothing is waited for, for ever.",
        Code("effects.transcribe:_Patience.edge", "self._limit_ms / 1000", "inf"),
    ),
    mutant(
        "nobody speaks on",
        "A voice could take over, and does not.",
        OnChart(
            "                  - {event: voice_failed, cond: another_voice, target: voiced, "
            "on: change_voice}\n",
            "                  - {event: voice_failed}\n",
        ),
    ),
    mutant(
        "a voice that was given up ends the call",
        "What a voice says after it was given up is taken for a bug.",
        Code(
            f"{STAGE}:Voicing.deliver",
            "with suppress(trio.ClosedResourceError):",
            "if True:",
        ),
    ),
)
