"""The figures of a number of calls held side by side, from what was recorded of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.silero.vad import SileroVad
from bench.calls import TappedCall
from bench.measures import (
    Answered,
    Remembered,
    added_ms,
    answers,
    first_from,
    played_replies,
    remembered,
)
from bench.reference import NoStore, onsets_detected, replay_call, spoken_by
from bench.report import Figure, at_least, at_most, percentile, spread
from bench.scripted import INTERRUPTS, LETTER_MS, LONG_ANSWER, cycle, scripted_desk
from engine.journal import AnyLine, End, read_journal
from engine.turns import Turns
from states import mulaw
from states.settings import Settings

EARLY_S = 0.1
"""The voice detector may date an onset that much too early: it judges whole windows."""

STAGES = ("endpoint", "mind", "voice", "playout")


@dataclass
class Round:
    """What was recorded of calls held side by side. Of the engine: CPU seconds, seconds that
    its core was taken by other programs, memory grown; of the telephones: CPU seconds."""

    calls: list[TappedCall]
    cpu_s: float
    waited_s: float
    grown_kb: float
    wall_s: float
    phones_s: float
    readings: dict[str, float] = field(default_factory=dict)

    @property
    def call_minutes(self) -> float:
        """How long the calls lasted, all together."""
        return sum(call.seconds for call in self.calls) / 60


@dataclass
class Comparison:
    """One call beside the same call in virtual time, and its journal."""

    real: list[Answered]
    ideal: list[Answered]
    detected: list[float | None]
    """When the voice detector says that each utterance began, in seconds."""
    lines: list[AnyLine]
    remembered: list[Remembered]

    @property
    def stages(self) -> Iterator[dict[str, float]]:
        """The stages of its turns, and of each what is left of the latency at the telephone."""
        latencies = [answered.latency_ms for answered in self.real]
        records = [turn for turn in Turns.of(self.lines).records if turn.stages]
        if len(records) != len(latencies):
            return  # a turn was split or lost: nothing says which belongs to which
        for latency_ms, record in zip(latencies, records, strict=True):
            if latency_ms is not None and record.latency_ms is not None:
                yield record.stages | {"detector and wire": latency_ms - record.latency_ms}

    @property
    def interruptions(self) -> list[tuple[Answered, Answered, float | None]]:
        """The utterances spoken into a reply: as it was, in virtual time, as detected."""
        every = list(zip(self.real, self.ideal, self.detected, strict=True))
        return every[INTERRUPTS :: len(cycle())]


def compare(call: TappedCall, folder: Path, vad: SileroVad) -> Comparison:
    """Hold one call again in virtual time and put the two side by side."""
    said, record = call.record.said, call.record
    info, messages = spoken_by(call.sent, call.began_at)
    reference = replay_call(info, messages, scripted_desk(NoStore(), vad))
    onsets = onsets_detected(messages, vad.stream())
    (journal,) = folder.glob(f"*-{info.call_id}.jsonl")
    lines = list(read_journal(journal))
    end = lines[-1]
    assert isinstance(end, End), "the call was closed, so its journal is whole"
    played = mulaw.from_pcm16(record.recording.samples()[:, 1].copy())
    return Comparison(
        real=answers(said, call.arrived("media"), call.arrived("clear")),
        ideal=answers(said, reference.audio, reference.clears),
        detected=[first_from(onsets, one.start_s - EARLY_S, one.end_s) for one in said],
        lines=lines,
        remembered=remembered(played_replies(played), end.history, LONG_ANSWER, LETTER_MS),
    )


def figures_of(size: int, held: Round, folder: Path, vad: SileroVad) -> list[Figure]:
    """All figures of one size. Takes a while: every call is held again, in virtual time."""
    compared = [compare(call, folder, vad) for call in held.calls]
    figures = [
        *_turn_figures(compared),
        *_floor_figures(compared),
        *_history_figures(compared),
        *_cost_figures(held),
    ]
    named = f"{size} call" + ("s" if size > 1 else "")
    return [_renamed(figure, f"{named}: {figure.name}") for figure in figures]


def _renamed(figure: Figure, name: str) -> Figure:
    return Figure(
        name=name,
        value=figure.value,
        unit=figure.unit,
        budget=figure.budget,
        at_least=figure.at_least,
        within=figure.within,
        how=figure.how,
    )


def _turn_figures(compared: Sequence[Comparison]) -> list[Figure]:
    turns = [turn for one in compared for turn in one.real]
    added = [
        late
        for one in compared
        for late in added_ms([t.audio_s for t in one.real], [t.audio_s for t in one.ideal])
    ]
    latencies = [turn.latency_ms for turn in turns if turn.latency_ms is not None]
    stages = [turn for one in compared for turn in one.stages]
    return [
        at_least("turns answered", 100 * len(latencies) / len(turns), "%", 100.0),
        *spread("engine-added", added, "ms", (2.0, 10.0), "against the call in virtual time"),
        *spread(
            "speech to audio",
            latencies,
            "ms",
            (330.0, 450.0),
            "true end of speech to first audio at the telephone",
        ),
        *(
            at_most(
                f"of that {stage}, p{percent}",
                percentile([turn[stage] for turn in stages], percent),
                "ms",
                None,
            )
            for stage in (*STAGES, "detector and wire")
            for percent in (50, 95)
        ),
    ]


def _floor_figures(compared: Sequence[Comparison]) -> list[Figure]:
    barge_in_ms = Settings().barge_in_ms
    cuts = [cut for one in compared for cut in one.interruptions]
    stopped = [(real, at_s) for real, _, at_s in cuts if real.clear_s is not None]
    beyond = [late for real, _ in stopped if (late := real.yielded_ms(barge_in_ms)) is not None]
    detector = [(at_s - real.said.start_s) * 1000 for real, at_s in stopped if at_s is not None]
    added = added_ms([real.clear_s for real, _, _ in cuts], [ideal.clear_s for _, ideal, _ in cuts])
    return [
        at_least("interruptions that stopped it", 100 * len(stopped) / len(cuts), "%", 100.0),
        *spread(
            "onset to clear, beyond barge-in",
            beyond,
            "ms",
            (None, 40.0),
            f"true onset of speech to clear at the telephone, less {barge_in_ms} ms",
        ),
        *spread("of that the detector's onset", detector, "ms", how="later than the true one"),
        *spread("engine-added to clear", added, "ms", how="against the call in virtual time"),
    ]


def _history_figures(compared: Sequence[Comparison]) -> list[Figure]:
    cut = [reply for one in compared for reply in one.remembered]
    if not cut:
        return []
    exact = 100 * sum(reply.exact for reply in cut) / len(cut)
    true = 100 * sum(reply.true for reply in cut) / len(cut)
    counted = f"{len(cut)} interrupted replies"
    return [
        at_least(
            "history exactly as heard",
            exact,
            "%",
            98.0,
            f"{counted}, to the word and the 20 ms frame",
        ),
        at_most("history but for the word at the cut", true, "%", None, counted),
    ]


def _cost_figures(held: Round) -> list[Figure]:
    per_minute = held.cpu_s / held.call_minutes
    late = held.readings
    return [
        at_most("CPU of a call", per_minute / 0.6, "% of a core", 1.0, "all of the conversation"),
        at_most("CPU of a call-minute", per_minute, "s", 0.6),
        at_most(
            "memory of a call",
            held.grown_kb / len(held.calls),
            "kB",
            300.0 if len(held.calls) > 1 else None,
            "peak of resident memory above that after a first call",
        ),
        at_most("event loop late, p50", late["loop_late_p50_ms"], "ms", None),
        at_most("event loop late, p95", late["loop_late_p95_ms"], "ms", None),
        at_most("event loop late, longest", late["loop_late_max_ms"], "ms", None),
        at_most(
            "core taken by others",
            100 * held.waited_s / held.wall_s,
            "%",
            None,
            "of the time, the engine was ready and another program had its core",
        ),
        at_most("the telephones' own CPU", 100 * held.phones_s / held.wall_s, "% of a core", None),
    ]
