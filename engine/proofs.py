"""What walking a chart proves, and what it finds.

**Proved**, of every situation a call can reach, with every guard taken both ways:

- Nothing in the structure keeps a state from being entered or a transition from being taken.
- `hung_up` ends the call (once it was answered, which is the first that happens to any).
- No step raises events for ever.
- *No silent trap*: while the call is live, something is bound to happen on the floor without
  the caller, and by such happenings alone the call can come to its end. Bound to happen is:
  a timer of the floor that has not fired since its state was entered; while the caller
  makes a sound, that it lasts (`barge_in_timer`, `backchannel_timer`) or that it ends; that a
  reply whose voice runs and has not failed becomes audible; and that what is audible is
  played out. The last two need output that is not held, and a floor that moves on
  whatever the guards say. The limits of the whole call do not count, nor does anything that
  is run outside the floor: they would make the proof trivial. That a timer is ignored is
  allowed once, as it then is over, and something else has to be bound to happen.

**Assumed**: effects emit what :mod:`engine.origins` says, and keep their own limits (a language
model that is silent fails after ``first_token_ms``, a voice after ``first_audio_ms``, a mark
that is lost is waited for ``mark_grace_ms``); actions raise and hold what is said there.

**Not proved**: anything that hangs on the values of guards. A guard is taken both ways even
where the call's data allow one only. So a situation may be walked that no call reaches (what
is proved of all holds for it too), a transition may be dead because its guard never holds, and
the end of a call may need guards that never come true together. Nor are times compared: a wait
of an hour is a wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.chart import State
from engine.findings import Finding, error
from engine.origins import ENDS_IN_TIME, LAST_WORDS, VOICES, raised_events
from engine.situations import Happening, Situation, Situations
from states.timers import TIMERS

SOUND_TIMERS = ("barge_in_timer", "retract_timer", "backchannel_timer")
"""Waits that go on only while the caller makes a sound."""


def findings(situations: Situations, known: frozenset[int]) -> list[Finding]:
    """All that walking finds, but for transitions ``known`` (by number) to be dead, and for
    :func:`restless` steps: where one is, the walk has not seen everything."""
    return [
        *unreachable(situations),
        *never_taken(situations, known),
        *survives_hang_up(situations),
        *traps(situations),
    ]


def unreachable(situations: Situations) -> Iterator[Finding]:
    """States that no call ever enters."""
    chart = situations.chart
    seen = {state for one in situations.reached for state in one.configuration}
    for state in chart.states.values():
        outermost = state.parent is None or state.parent.id in seen
        if state.id not in seen and outermost:
            yield error(
                chart,
                state.line,
                f"no call ever enters the state '{state.id}'",
                "give some transition it as its target, or remove it",
            )


def never_taken(situations: Situations, known: frozenset[int]) -> Iterator[Finding]:
    """Transitions that no call ever takes, but for those ``known`` (by number) to be dead."""
    chart = situations.chart
    seen = {state for one in situations.reached for state in one.configuration}
    happens: dict[str, set[str]] = defaultdict(set)
    for situation in situations.reached:
        events = {happening.event for happening in situations.happenings(situation)}
        for state in situation.configuration:
            happens[state] |= events
    raised = raised_events(chart)
    for transition in chart.transitions:
        if transition.number in situations.taken | known or transition.source not in seen:
            continue
        dead = f"'{transition.event}' of '{transition.source}' is never taken"
        if transition.event in happens[transition.source] | raised:
            reason, to_do = "something else always comes first", "move it forward, or remove it"
        else:
            reason, to_do = "it cannot happen there", "run the effect that emits it, or remove it"
        yield error(chart, transition.line, f"{dead}: {reason}", to_do)


def restless(situations: Situations) -> list[Finding]:
    """Steps that need not come to rest."""
    return [
        error(
            situations.chart,
            transition.line,
            f"'{transition.event}' of '{transition.source}' raises events for ever",
            "break the circle: what its actions raise leads back to it",
        )
        for _, transition in sorted(situations.restless.items())
    ]


def survives_hang_up(situations: Situations) -> Iterator[Finding]:
    """States in which a call can go on after the caller has hung up."""
    walker = situations.walker
    found = [
        situation
        for situation, before in situations.reached.items()
        if before is not None
        and not walker.is_over(situation.configuration)
        and not all(
            walker.is_over(after.configuration)
            for _, after in situations.follow(situation, Happening("hung_up"))
        )
    ]
    nearest = _one_for_each_spot(situations, found)
    if nearest:
        names = ", ".join(f"'{_spot(situations, one).id}'" for one in nearest)
        yield error(
            situations.chart,
            _spot(situations, nearest[0]).line,
            f"the call does not end on 'hung_up' in {names}{_how(situations, nearest[0])}",
            "let the outermost state around it go to a final state on it, without a guard",
        )


def traps(situations: Situations) -> Iterator[Finding]:
    """Where both sides can be silent for ever."""
    live = [one for one in situations.reached if _is_live(situations, one)]
    stuck = [one for one in live if not promises(situations, one)]
    for situation in _one_for_each_spot(situations, stuck):
        state = _spot(situations, situation)
        yield error(
            situations.chart,
            state.line,
            f"'{state.id}' is a silent trap: nothing but the caller moves the floor"
            f"{_because(situation)}{_how(situations, situation)}",
            "run a timer there and go on when it fires"
            + (", or release the output on the way" if situation.held else ""),
        )
    if stuck:
        return
    can_end = _that_can_end(situations, live)
    endless = _one_for_each_spot(situations, [one for one in live if one not in can_end])
    if endless:
        spot = _spot(situations, endless[0])
        others = "".join(f", '{_spot(situations, one).id}'" for one in endless[1:])
        yield error(
            situations.chart,
            spot.line,
            f"a call that the caller has forgotten goes on for ever in '{spot.id}'{others}"
            f"{_how(situations, endless[0])}",
            "let one of the waits lead to a final state",
        )


def promises(situations: Situations, situation: Situation) -> list[list[Happening]]:
    """What is bound to happen on the floor without the caller: of each list, one thing."""
    running = list(situations.running(situation))
    promised = [
        [Happening(LAST_WORDS[one.effect], one)]
        for one in running
        if one.effect in TIMERS and situations.in_floor(one.state)
    ]
    promised += [
        [Happening(event, one) for event in ENDS_IN_TIME[one.effect]]
        for one in running
        if one.effect in ENDS_IN_TIME and situations.in_floor(one.state)
    ]
    if any(one.effect == "hear" for one in running):
        promised += [
            [Happening(LAST_WORDS[one.effect], one), Happening("speech_ended")]
            for one in running
            if one.effect in SOUND_TIMERS and situations.in_floor(one.state)
        ]
    if any(one.effect == "play" for one in running) and not situation.held:
        promised += [[Happening(event)] for event in _bound_to_be_played(situations, situation)]
    return [
        happenings
        for happenings in promised
        if all(one.ends or _moves_floor(situations, situation, one) for one in happenings)
    ]


def _bound_to_be_played(situations: Situations, situation: Situation) -> list[str]:
    chart = situations.chart
    invoked = {effect for state in situation.configuration for effect in chart.states[state].invoke}
    if not invoked.intersection(VOICES):
        return []
    if situation.audible:
        return ["played_out"]
    failed = any(one.effect in (*VOICES, "compose") for one in situation.over)
    return [] if failed else ["audio_started"]


def _moves_floor(situations: Situations, situation: Situation, happening: Happening) -> bool:
    """Whether something leaves a state of the floor, whatever the guards say."""
    outcomes = [outcome for outcome, _ in situations.follow(situation, happening)]
    return bool(outcomes) and all(
        any(situations.in_floor(state) for state in outcome.left) for outcome in outcomes
    )


def _that_can_end(situations: Situations, live: list[Situation]) -> set[Situation]:
    """The situations from which what is bound to happen can lead to the end of the call."""
    before: dict[Situation, list[Situation]] = defaultdict(list)
    for situation in live:
        for happenings in promises(situations, situation):
            for happening in happenings:
                for _, after in situations.follow(situation, happening):
                    before[after].append(situation)
    found = {one for one in before if situations.walker.is_over(one.configuration)}
    fresh = list(found)
    while fresh:
        for situation in before[fresh.pop()]:
            if situation not in found:
                found.add(situation)
                fresh.append(situation)
    return found


# --- how it is told ---


def _is_live(situations: Situations, situation: Situation) -> bool:
    floor = situations.floor
    return floor is not None and floor.id in situation.configuration


def _spot(situations: Situations, situation: Situation) -> State:
    """The state by which a situation is told: the innermost of the floor, or of all."""
    on_floor = [state for state in situation.configuration if situations.in_floor(state)]
    return situations.chart.states[(on_floor or situation.configuration)[-1]]


def _one_for_each_spot(situations: Situations, found: list[Situation]) -> list[Situation]:
    nearest: dict[str, Situation] = {}
    for situation in found:
        nearest.setdefault(_spot(situations, situation).id, situation)
    return list(nearest.values())


def _because(situation: Situation) -> str:
    reasons = sorted(f"{one.effect} is over" for one in situation.over)
    reasons += ["the output is held"] if situation.held else []
    return f" once {' and '.join(reasons)}" if reasons else ""


def _how(situations: Situations, situation: Situation) -> str:
    path = situations.path_to(situation)
    return f" (for instance after {', '.join(path)})" if path else ""
