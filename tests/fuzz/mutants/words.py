"""What is heard, understood and written down."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, OnChart, mutant

PLAYOUT = "effects.playout:Playout"
HEARD = "effects.heard"
ACTIONS = "states.actions"

MUTANTS = (
    mutant(
        "history from what was generated",
        "The history holds the words that were composed, not those that were heard.",
        Code(
            f"{PLAYOUT}.heard",
            "text_until(self._clauses, self._heard_position())",
            '" ".join(clause.said.text for clause in self._clauses)',
        ),
    ),
    mutant(
        "history from what was sent",
        "What is still in the carrier's buffer counts as heard.",
        Code(f"{PLAYOUT}._heard_position", "self._sent - round(", "self._sent - 0 * round("),
    ),
    mutant(
        "one word too many",
        "A word that was about to begin counts as heard.",
        Code(
            f"{HEARD}:_words_within",
            "if end > reached:\n            break\n        heard.append(word.written)",
            "heard.append(word.written)\n        if end > reached:\n            break",
        ),
    ),
    mutant(
        "a mark after a clear counts",
        "Marks that come back because the buffer was cleared prove that all was heard.",
        Code(f"{PLAYOUT}._silence", "self._outstanding.clear()", "pass"),
    ),
    mutant(
        "half a clause counts as whole",
        "Of a clause at which the voice failed, all words count as heard.",
        Code(
            f"{HEARD}:text_until",
            "position >= clause.end and clause.whole",
            "position >= clause.end",
        ),
    ),
    mutant(
        "what was heard before a hold is lost",
        "A reply that is dropped while it is held reports nothing.",
        Code(f"{PLAYOUT}.discard", "self._silenced if self.held else None", "None"),
    ),
    mutant(
        "what was heard is written too late",
        "A new reply is asked for before the words heard of the old one are in the history.",
        Code(
            "engine.interpreter:Interpreter._step",
            "records = fold([*records, *self._run(held, CALL)])",
            "self._queue.append((held, CALL))",
        ),
    ),
    mutant(
        "what was heard does not matter",
        "The history does not hold what was heard of an interrupted reply.",
        OnChart("cond: key_was_heard, on: note_heard}", "cond: key_was_heard}"),
    ),
    mutant(
        "the last reply is not in the history",
        "What was heard of a reply that the hang-up cut off is forgotten.",
        Code("engine.session:_close", "call.hear(silenced.reply, silenced.heard)", "pass"),
    ),
    mutant(
        "commit twice",
        "A turn goes into the history twice.",
        OnChart(
            "{event: pause_over, cond: words_stand, target: thinking, on: commit_turn}",
            "{event: pause_over, cond: words_stand, target: thinking, "
            "on: [commit_turn, commit_turn]}",
        ),
    ),
    mutant(
        "retract loses words",
        "A turn that is opened again begins anew.",
        Code(
            f"{ACTIONS}:retract_turn",
            "call.turn.committed = False",
            "call.turn.committed = False\n    call.turn.segments.clear()",
        ),
    ),
    mutant(
        "retract leaves the line",
        "A turn that is opened again stays in the history, and comes into it once more.",
        Code(f"{ACTIONS}:retract_turn", "del call.history[last]", "pass"),
    ),
    mutant(
        "partial taken for final",
        "Words that may still change count as final.",
        Code(
            "states.call:Turn.is_final",
            "all(segment in self.finals for segment in self.segments)",
            "True",
        ),
    ),
    mutant(
        "stale draft",
        "A draft is spoken although it answers other words.",
        Code(
            "states.guards:draft_fits",
            "normalized(call.reply.to_words) == normalized(call.turn.words)",
            "bool(call.reply.to_words)",
        ),
        OnChart(
            "                  - {event: words_changed, target: none} # it answers other words\n",
            "",
        ),
    ),
    mutant(
        "old words for new",
        "A late transcript of a turn that is over begins another turn.",
        Code(
            f"{ACTIONS}:fresh_turn",
            "call.segments_closed |= call.turn.segments.keys()",
            "pass",
        ),
    ),
    mutant(
        "words beyond the limit",
        "What is said after a turn was taken up in mid-speech is only written into its line.",
        Code(f"{ACTIONS}:note_audible", "if turn.mid_speech", "if False"),
    ),
    mutant(
        "sessions mixed up",
        "Words of a speech-to-text session that broke are taken for those of the next.",
        Code(
            "effects.transcribe:_Session.__init__",
            "self._first = ears.next_segment",
            "self._first = 0",
        ),
    ),
    mutant(
        "must is told only",
        "What had to be said and was interrupted is only told to the language model.",
        OnChart("on: [note_heard, queue_rest]", "on: [note_heard, note_unheard]"),
    ),
    mutant(
        "must after a false alarm",
        "What has to be said is said again although it went on after a cough.",
        Code(f"{ACTIONS}:release_output", 'call.unheard = call.owed = ""', "pass"),
    ),
    mutant(
        "must although it was said",
        "What is owed is added to a reply that says it already.",
        Code("effects.compose:_Composer._add_owed", "and owed not in said", ""),
    ),
)
