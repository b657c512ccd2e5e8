"""What a call's recording says of turn-taking: what the caller heard is what counts.

Times are seconds of the call. An utterance truly begins and ends with its sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.twilio.recording import CallRecord, Stretch
from engine.evaluation.plan import Planned

COLLISION_S = 0.2
"""An agent who begins that soon after the caller did not know of it: no cut-off."""
AFTERMATH_S = 1.0
"""An agent who falls silent that long after a backchannel or a cough did so because of it."""
RESUMED_S = 2.0
"""A reply that goes on within that time was broken off."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an utterance that wants an answer.

    ``latency_ms`` runs from the end of the caller's voice to the first sound of the agent; None
    if the agent cut the caller off, still had the floor, or did not answer.
    """

    step: int
    latency_ms: float | None = None
    cut_off: bool = False
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What came of a sound into the agent's reply. ``silent_ms`` is when the agent fell silent,
    from the beginning of the sound; None if it did not. ``wrong`` says whether that is a missed
    barge-in or a false interruption. ``tried`` is false where the agent was not speaking."""

    step: int
    tried: bool
    silent_ms: float | None = None
    wrong: bool = False


@dataclass(slots=True)
class TurnTaking:
    """All that is measured of one call."""

    answers: list[Answer] = field(default_factory=list)
    interruptions: list[Disturbance] = field(default_factory=list)
    noises: list[Disturbance] = field(default_factory=list)
    """Backchannels and coughs."""

    @property
    def notes(self) -> list[str]:
        """What went wrong, and what could not be tried, step by step."""
        found = [(a.step, "the caller was cut off") for a in self.answers if a.cut_off]
        found += [(a.step, "no answer") for a in self.answers if a.unanswered]
        found += [(d.step, "the agent did not yield") for d in self.interruptions if d.wrong]
        found += [(d.step, "the agent fell silent for nothing") for d in self.noises if d.wrong]
        found += [
            (d.step, "the agent was not speaking then")
            for d in [*self.interruptions, *self.noises]
            if not d.tried
        ]
        return [f"step {step}: {note}" for step, note in sorted(found)]


def measure(planned: Sequence[Planned], record: CallRecord) -> TurnTaking:
    """Derive the measures of one call. Utterances that the call did not get to are left out."""
    measures = TurnTaking()
    for number, (what, said) in enumerate(zip(planned, record.said, strict=False)):
        following = record.said[number + 1 :]
        until_s = following[0].start_s if following else float("inf")
        if what.wants_answer:
            measures.answers.append(_answer(what, said, until_s, record.heard))
        if what.kind == "interruption":
            measures.interruptions.append(_interruption(what, said, record))
        if what.kind in ("backchannel", "cough"):
            measures.noises.append(_noise(what, said, until_s, record))
    return measures


def _answer(what: Planned, said: Stretch, until_s: float, heard: Sequence[Stretch]) -> Answer:
    begun = [reply.start_s for reply in heard]
    if any(said.start_s + COLLISION_S < at_s < said.end_s for at_s in begun):
        return Answer(what.step, cut_off=True)
    if any(reply.start_s <= said.end_s < reply.end_s for reply in heard):
        return Answer(what.step)  # it has never stopped: no beginning to measure to
    first_s = next((at_s for at_s in begun if said.end_s <= at_s < until_s), None)
    if first_s is None:
        return Answer(what.step, unanswered=True)
    return Answer(what.step, latency_ms=_ms(first_s - said.end_s))


def _reply_at(at_s: float, heard: Sequence[Stretch]) -> int | None:
    """The number of the reply that is being heard then."""
    return next((n for n, reply in enumerate(heard) if reply.start_s <= at_s < reply.end_s), None)


def _interruption(what: Planned, said: Stretch, record: CallRecord) -> Disturbance:
    number = _reply_at(said.start_s, record.heard)
    if number is None:
        return Disturbance(what.step, tried=False)
    cleared_s = _cleared_s(said.start_s, record.heard[number], record.clears)
    silent_s = (record.heard[number].end_s if cleared_s is None else cleared_s) - said.start_s
    missed = silent_s > what.within_s
    return Disturbance(what.step, True, None if missed else _ms(silent_s), missed)


def _noise(what: Planned, said: Stretch, until_s: float, record: CallRecord) -> Disturbance:
    number = _reply_at(said.start_s, record.heard)
    if number is None:
        return Disturbance(what.step, tried=False)
    reply, rest = record.heard[number], record.heard[number + 1 :]
    cleared_s = _cleared_s(said.start_s, reply, record.clears)
    resumed = bool(rest) and rest[0].start_s < min(reply.end_s + RESUMED_S, until_s)
    stopped_s = reply.end_s if cleared_s is None and resumed else cleared_s
    if stopped_s is None or stopped_s > min(said.end_s + AFTERMATH_S, until_s):
        return Disturbance(what.step, True)
    return Disturbance(what.step, True, _ms(stopped_s - said.start_s), True)


def _cleared_s(from_s: float, reply: Stretch, clears: Sequence[float]) -> float | None:
    """When a reply was thrown away, if it was: after a clear another may begin so soon that
    there is hardly a silence between."""
    return next((at_s for at_s in clears if from_s <= at_s <= reply.end_s), None)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
