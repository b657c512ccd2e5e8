"""Hunts planted bugs: calls are held with one planted until a law is broken.

The calls are the same for every mutant, in the same order: the scenarios, the telling ones first;
the scenarios with a hang-up or a cancellation at some moment; generated calls; and the same call
twice at once. They are judged by the laws only, not by what the scenarios expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context

from msgspec.structs import replace

from engine.fuzzing.failure import judge
from engine.fuzzing.fresh import each_fresh_call
from engine.fuzzing.silence import silenced
from engine.fuzzing.subject import Subject, default_subject
from engine.simulation.laws import Violation
from engine.simulation.scenario import Injection, Scenario
from engine.simulation.scenario_files import load_scenario
from tests.fuzz.mutants import fallbacks, floor, lifetimes, tools, waits, words
from tests.scenarios.test_scenarios import FILES

MUTANTS = {
    mutant.name: mutant
    for theme in (floor, words, lifetimes, tools, waits, fallbacks)
    for mutant in theme.MUTANTS
}

BUDGET = 1000
"""So many calls are held, at most, until a mutant has escaped."""
PAIRS = 6
STEPS_A_LINE = 3.5
"""A call takes about so many task steps for each line of its journal."""
MOMENTS = (0.3, 0.6, 0.9)
"""Of its steps: when a scenario is disturbed."""
GENERATED = 250


TELLING = """
what_must_be_said_survives_a_cough
noise_that_comes_and_goes_is_a_false_alarm_in_the_end
a_side_effect_that_takes_long_does_not_keep_the_call_open
a_side_effect_of_which_nobody_knows_is_not_tried_again
a_side_effect_that_ends_after_the_caller_went_on_does_not_end_the_call
a_lookup_that_is_done_is_kept_when_the_turn_grows
a_lookup_that_nobody_waits_for_is_void
a_mark_of_a_reply_that_was_held_proves_nothing
a_noise_of_which_nothing_is_said_is_a_false_alarm
a_noise_that_begins_again_keeps_the_agent_silent
a_line_that_dies_in_mid_speech_is_answered
a_slow_tool_is_excused_and_the_caller_is_told_that_it_goes_on
a_caller_who_speaks_over_the_announcement_is_not_put_through
a_caller_who_has_more_to_say_keeps_the_call
a_sentence_that_must_be_said_is_said_once_in_a_reply
an_apology_does_not_wait_for_a_mind_that_goes_on
late_audio_of_an_interrupted_reply_is_never_heard
a_call_that_is_to_end_ends_although_the_goodbye_is_late
a_caller_is_put_through_although_the_announcement_is_late
a_caller_on_hold_is_told_that_the_time_is_up
a_monologue_of_which_nothing_is_understood_is_interrupted
a_reply_to_an_interruption_knows_what_was_heard
a_voice_that_cannot_even_greet_ends_the_call
a_mind_that_always_fails_ends_with_a_goodbye
nobody_is_reassured_while_they_speak
recognition_that_is_gone_while_the_agent_speaks_ends_the_call
recognition_that_is_stuck_gets_what_is_recent
what_must_be_said_may_be_composed_after_the_agent_fell_silent
what_was_said_after_a_cough_is_not_said_again
words_after_recognition_broke_are_new_words
words_that_stay_uncertain_are_answered
a_cough_before_the_answer_only_delays_it
a_backchannel_that_goes_on_for_long_stops_the_agent
a_side_effect_waits_until_the_turn_is_over
a_voice_that_fails_midway_finishes_what_it_has
a_voice_does_not_change_in_mid_sentence
a_late_mind_gets_company
another_voice_begins_the_sentence_again
another_voice_says_what_the_first_could_not
another_mind_answers_when_the_first_does_not
another_recogniser_goes_on_with_the_turn
a_voice_that_was_replaced_and_does_not_stop_is_not_heard
what_a_broken_voice_had_ahead_is_not_heard
""".split()
"""Scenarios that show what few others do: they come first."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A call to hold; ``name`` says which."""

    name: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of hunting a mutant: how many calls were held, and what the last one, ``call``,
    broke; ``law`` is empty if the mutant escaped."""

    mutant: str
    runs: int
    call: str = ""
    law: str = ""
    broken: str = ""
    sane: bool = True
    """Without the mutant, the call that caught it breaks no law."""


def hunt_all(names: Iterable[str], processes: int = 2) -> list[Hunt]:
    """Hunt these mutants, several at a time, each process one after the other."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(pool.map(hunt, names))


def broken_unplanted(runs: int, processes: int = 2) -> list[str]:
    """What the engine without any mutant breaks in as many of the same calls."""
    shares = [(share, runs, processes) for share in range(processes)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return [says for found in pool.map(_broken_in, shares) for says in found]


@silenced()
def _broken_in(share: tuple[int, int, int]) -> list[str]:
    first, runs, step = share
    return [
        f"{trial.name}: {violation}"
        for trial in islice(trials(), first, runs, step)
        for violation in held(trial, default_subject())
    ]


@silenced()
def hunt(name: str) -> Hunt:
    """Plant one mutant, and hold calls until a law is broken or the budget is spent."""
    mutant, runs = MUTANTS[name], 0
    for trial in islice(trials(), BUDGET):
        runs += 1
        with mutant.planted() as subject:
            broken = held(trial, subject)
        if broken:
            first = broken[0]
            sane = not held(trial, default_subject())
            return Hunt(name, runs, trial.name, first.law, first.says, sane)
    return Hunt(name, runs)


def held(trial: Trial, subject: Subject) -> Sequence[Violation]:
    """Hold the call of a trial; returns what it broke."""
    failure = judge(trial.scenario, subject)
    return failure.violations if failure else ()


def trials() -> Iterator[Trial]:
    """All calls, in order: of each kind some, again and again."""
    kinds = [(3, _alone()), (2, _disturbed()), (2, _generated()), (1, _twice())]
    while kinds:
        for kind in tuple(kinds):
            many, those = kind
            some = list(islice(those, many))
            yield from some
            if len(some) < many:
                kinds.remove(kind)


@cache
def _scenarios() -> tuple[tuple[str, Scenario], ...]:
    """The telling ones, and then the others, those first in which the caller does little."""
    loaded = {path.stem: load_scenario(path) for path in FILES}
    telling = [(name, loaded.pop(name)) for name in TELLING]
    others = sorted(loaded.items(), key=lambda one: (len(one[1].caller), one[1].ends_at))
    return (*telling, *others)


def _alone() -> Iterator[Trial]:
    return (Trial(name, scenario) for name, scenario in _scenarios())


def _twice() -> Iterator[Trial]:
    for name, scenario in _scenarios()[:PAIRS]:
        yield Trial(f"{name}, twice at once", replace(scenario, beside=scenario))


def _disturbed() -> Iterator[Trial]:
    for moment in MOMENTS:
        for name, scenario in _scenarios():
            step = max(1, round(_steps(name, scenario) * moment))
            for does in ("hang_up", "cancel"):
                injections = [*scenario.injections, Injection(step=step, does=does)]
                disturbed = replace(scenario, injections=injections)
                yield Trial(f"{name}, {does} after step {step}", disturbed)


_counted: dict[str, int] = {}


def _steps(name: str, scenario: Scenario) -> int:
    """About how many task steps a call takes, without any mutant."""
    if name not in _counted:
        _counted[name] = round(len(default_subject().hold(scenario).lines) * STEPS_A_LINE)
    return _counted[name]


def _generated() -> Iterator[Trial]:
    for number, scenario in enumerate(generated(), start=1):
        yield Trial(f"generated call {number}", scenario)


@cache
def generated() -> tuple[Scenario, ...]:
    """Calls that nobody thought of, the same each time."""
    made: list[Scenario] = []
    each_fresh_call(default_subject(), 0, GENERATED, made.append)
    return tuple(made)


def in_lines(hunts: Iterable[Hunt]) -> Iterator[str]:
    """What came of the hunts, a line each."""
    for hunt in hunts:
        yield f"{hunt.law or 'none':4} {hunt.runs:5} calls  {hunt.mutant}: {hunt.broken}"
