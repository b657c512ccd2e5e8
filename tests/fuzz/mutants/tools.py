"""Side effects, and how a call ends or goes elsewhere."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, OnChart, mutant

TOOLS = "effects.tools"

MUTANTS = (
    mutant(
        "speculative side effect",
        "A tool that changes something runs before the turn is over.",
        Code(f"{TOOLS}:use_tool", "await draft.committed.wait()", "pass"),
    ),
    mutant(
        "tried again although nobody knows",
        "A side effect that did not answer in time is done again.",
        Code(f"{TOOLS}:_Use._carry_out", "not self.spec.changes and ", ""),
    ),
    mutant(
        "looked up twice",
        "A lookup that goes on although its turn grew is begun anew.",
        Code(
            f"{TOOLS}:_Use.by_errand",
            "if committed.is_set() else None",
            "if self.spec.changes and committed.is_set() else None",
        ),
    ),
    mutant(
        "a side effect dies half-way",
        "An interruption stops a side effect that has begun, and nobody knows of it.",
        Code(
            f"{TOOLS}:use_tool",
            "if use.spec.changes or use.spec.survives:",
            "if use.spec.survives:",
        ),
    ),
    mutant(
        "done and forgotten",
        "What a side effect did after the hang-up is not in the history.",
        Code(
            "engine.interpreter:Interpreter._too_late",
            "note_tool(self.machine.call, event)",
            "pass",
        ),
    ),
    mutant(
        "written down twice",
        "What was done is in the history once for the reply and once for the turn.",
        Code("states.actions:note_audible", "call.reply.tools = []", "pass"),
    ),
    mutant(
        "an answer that was kept is lost",
        "What a lookup found is not kept when its turn grows.",
        Code(
            "states.call:Call.keep_what_was_done",
            "use.changes or (use.survives and self.turn.committed)",
            "use.changes",
        ),
    ),
    mutant(
        "what was done before is forgotten",
        "A side effect of a reply that was given up is not in the history.",
        Code("states.actions:retract_turn", "call.keep_what_was_done()", "call.reply.tools = []"),
    ),
    mutant(
        "ends although the caller goes on",
        "What a reply that was given up asked for happens all the same.",
        Code(
            f"{TOOLS}:_Use._emit_asked",
            "if self._is_wanted:",
            "if True:",
        ),
    ),
    mutant(
        "the end is not taken back",
        "A caller who goes on after the goodbye was asked for is cut off after the next reply.",
        Code(
            "states.actions:_stay", "call.farewell = call.holding = False", "call.holding = False"
        ),
    ),
    mutant(
        "the transfer is not taken back",
        "A caller who goes on is put through after the next reply all the same.",
        Code("states.actions:_stay", 'call.transfer_to = ""', "pass"),
    ),
    mutant(
        "the end is not taken up",
        "The agent asks for the end of the call, and the call goes on.",
        OnChart("      - {event: end_asked, on: note_farewell}\n", ""),
    ),
    mutant(
        "put through twice",
        "The carrier is asked twice to put the caller through.",
        Code(
            "effects.transfer:transfer",
            "await stage.carrier.transfer(stage.call.transfer_to)",
            "await stage.carrier.transfer(stage.call.transfer_to)\n"
            "            await stage.carrier.transfer(stage.call.transfer_to)",
        ),
    ),
)
