"""What begins and ends: effects, timers, closing, and calls beside each other."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, Shared, mutant

INTERPRETER = "engine.interpreter:Interpreter"

MUTANTS = (
    mutant(
        "late events are not dropped",
        "What an effect emits after it was stopped reaches the chart.",
        Code("engine.interpreter:Running.emit", "if self.scope.cancel_called:", "if False:"),
    ),
    mutant(
        "stopped before its first step",
        "An effect that was started and stopped at once runs anyway.",
        Code(
            f"{INTERPRETER}._perform",
            "if running.scope.cancel_called:\n            coroutine",
            "if False:\n            coroutine",
        ),
    ),
    mutant(
        "timer not cancelled",
        "A timer fires although its state was left.",
        Code(
            f"{INTERPRETER}._stop",
            "running.scope.cancel()",
            'if not running.effect.endswith("timer"):\n        running.scope.cancel()',
        ),
    ),
    mutant(
        "sound overtakes what is leaving",
        "Sound does not wait until what was stopped is over.",
        Code(
            f"{INTERPRETER}.settled",
            "while self._leaving:",
            "await trio.lowlevel.checkpoint()\n    while False:",
        ),
    ),
    mutant(
        "waits for ever for what is leaving",
        "Sound waits for an effect that ignores its cancellation for as long as it likes.",
        Code(
            f"{INTERPRETER}.settled",
            "running.left_ms + EXIT_MS - self._now_ms()",
            "EXIT_MS",
        ),
    ),
    mutant(
        "unshielded closing",
        "Who cancels a call also cancels its closing.",
        Code(
            f"{INTERPRETER}.close",
            "trio.move_on_after(within_ms / 1000, shield=True)",
            "trio.move_on_after(within_ms / 1000)",
        ),
    ),
    mutant(
        "unshielded hang-up",
        "A call that is cancelled is not hung up, and its journal has no end.",
        Code("engine.session:_close", "/ 1000, shield=True)", "/ 1000)"),
    ),
    mutant(
        "closing without bound",
        "Closing waits for a side effect for as long as it takes.",
        Code(
            f"{INTERPRETER}.close",
            "trio.move_on_after(within_ms / 1000, shield=True)",
            "trio.CancelScope(shield=True)",
        ),
    ),
    mutant(
        "effects outlive the call",
        "Closing does not stop what the states have started.",
        Code(
            f"{INTERPRETER}.close",
            "for running in self._running.pop(state):\n            self._stop(running)",
            "self._running.pop(state)",
        ),
    ),
    mutant(
        "sound after the end",
        "What is in the air when the call ends goes on while it closes.",
        Code("engine.session:_close", "silenced = playout.discard()", "silenced = None"),
    ),
    mutant(
        "marks shared by all calls",
        "The marks that are out are those of the whole process.",
        Shared("effects.playout:OUT"),
        Code(
            "effects.playout:Playout.__init__",
            "self._outstanding: dict[str, _Outstanding] = {}",
            "self._outstanding = OUT",
        ),
    ),
    mutant(
        "side effects shared by all calls",
        "What one call has done counts as done in another.",
        Shared("effects.tools:DONE"),
        Code("effects.tools:_Use.by_errand", "stage.errands.get(intent)", "DONE.get(intent)"),
        Code(
            "effects.tools:_Use.by_errand",
            "stage.errands[intent] = errand",
            "DONE[intent] = errand",
        ),
    ),
    mutant(
        "dead line is speech",
        "A caller whose frames stop coming is taken to speak for ever.",
        Code("effects.hear:hear", "if edge is not None:", "if False:"),
    ),
)
