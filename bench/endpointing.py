"""How often callers are cut off, and how long they wait, by how their turn's end is decided.

    python -m bench.endpointing

Recorded clips are the turns of four callers: one speaks as recorded, the others pause for 300,
600 and 900 ms inside each longer sentence, between two words. Their audio goes through the ears,
the embedded speech-to-text, the words turn detector and prosody, in its own time: no load of the
machine changes the figures, and computing takes no time in them. A cut-off is a turn declared
over before its last word; a delay is from the true end of the voice (by its level) to that
decision. The clips lie outside the repository, in ``../shared/audio``; without them there is
nothing to measure and the program says so. It takes about half a minute.

What to bear in mind: the inserted pauses stand in sentences that were spoken fluently, so nothing
in the voice announces them, as it would where a caller hesitates; and some pauses that were
recorded lie between two sentences of one turn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import trio
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from adapters.embedded.moonshine import Hypothesis, Moonshine
from adapters.silero.vad import SileroVad
from bench.recognition import AUDIO, Clip, load_clips, words_of
from bench.report import Figure, at_most, finish, percentile, this_machine
from engine.endpointing import Pause, Stretch, Wait, decide, listen
from states import mulaw
from states.endpointing import Habits, Judgement, pause_ms
from states.settings import Settings

INSERTED_MS = (0, 300, 600, 900)
BETWEEN_TURNS = mulaw.SILENCE * (2500 * mulaw.BYTES_PER_MS)
"""Silence after each turn, in which the agent would answer."""
LEVEL_MS = 20
AUDIBLE_DB = 30
"""The voice ends where it is last louder than its loudest less this."""
GAPS, GAPS_TRIED = 2, 6
FROM_ENDS_MS, APART_MS = 600, 700
"""Pauses are inserted so far from the sentence's ends, and from each other."""
LATE_MS = 200
"""What is declared later than this before the end is at the end: the last sound is a matter of
taste."""

SETTINGS = Settings()
POLICIES: dict[str, Wait] = {
    "fixed 300 ms": lambda judgement, habits: 300,
    "fixed 500 ms": lambda judgement, habits: 500,
    "fixed 800 ms": lambda judgement, habits: 800,
    "words": lambda judgement, habits: pause_ms(
        Judgement(judgement.completeness), Habits(), SETTINGS
    ),
    "words + prosody": lambda judgement, habits: pause_ms(judgement, Habits(), SETTINGS),
    "words + prosody + habits": lambda judgement, habits: pause_ms(judgement, habits, SETTINGS),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A clip, where its voice ends, and where pauses can be put into it."""

    clip: Clip
    voice_ends_ms: float
    gaps_ms: list[float]


@dataclass(frozen=True, slots=True)
class Turn:
    """One clip as a turn of a call, in milliseconds of its audio; ``asked`` is what it answers."""

    begin_ms: float
    voice_ends_ms: float
    end_ms: float
    asked: str


@dataclass(slots=True)
class Tally:
    """What one way of deciding came to."""

    turns: int = 0
    pauses: int = 0
    cut_offs: int = 0
    turns_cut: int = 0
    delays_ms: list[float] = field(default_factory=list)

    def add(self, turn: Turn, pauses: Sequence[Pause]) -> None:
        """Count one turn."""
        inside = [pause for pause in pauses if pause.at_ms < turn.voice_ends_ms - LATE_MS]
        cuts = sum(pause.delay_ms is not None for pause in inside)
        self.turns += 1
        self.pauses += len(inside)
        self.cut_offs += cuts
        self.turns_cut += cuts > 0
        ends = [p.at_ms + p.delay_ms for p in pauses[len(inside) :] if p.delay_ms is not None]
        self.delays_ms += [end - turn.voice_ends_ms for end in ends[-1:]]


class CachedModel:
    """Decodes each stretch of audio once: the callers say the same."""

    def __init__(self, model: Moonshine) -> None:
        self._model = model
        self._known: dict[bytes, Hypothesis] = {}

    def decode(self, mulaw: bytes, before: Hypothesis | None = None) -> Hypothesis:
        """As :meth:`Moonshine.decode`."""
        if mulaw not in self._known:
            self._known[mulaw] = self._model.decode(mulaw, before)
        return self._known[mulaw]


# --- callers --------------------------------------------------------------------------------


def levels_db(audio: bytes) -> NDArray[np.float64]:
    """The level of each 20 ms of µ-law audio."""
    size = LEVEL_MS * mulaw.BYTES_PER_MS
    samples = mulaw.to_float(audio)[: len(audio) // size * size].astype(np.float64)
    power = np.square(samples.reshape(-1, size)).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-9)))


def voice_ms(audio: bytes, stretches: Sequence[Stretch]) -> tuple[float, float]:
    """Where the voice begins and ends, by its level, within what the voice detector heard: some
    recordings have noises after it."""
    levels = levels_db(audio)
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - AUDIBLE_DB) * LEVEL_MS
    loud = loud[loud < stretches[-1].voice_ended_ms]
    return float(loud[0]), float(loud[-1] + LEVEL_MS)


def gaps_ms(clip: Clip, voice: tuple[float, float], model: CachedModel) -> list[float]:
    """The quietest moments inside a sentence that lie between two words: up to there, the
    recogniser hears the sentence's beginning."""
    begin_ms, end_ms = voice
    levels = levels_db(clip.audio)
    found: list[float] = []
    tried = 0
    for index in np.argsort(levels, kind="stable"):
        at_ms = (float(index) + 0.5) * LEVEL_MS
        inside = begin_ms + FROM_ENDS_MS <= at_ms <= end_ms - FROM_ENDS_MS
        if not inside or any(abs(at_ms - other) < APART_MS for other in found):
            continue
        if len(found) == GAPS or tried == GAPS_TRIED:
            break
        tried += 1
        heard = words_of(model.decode(clip.audio[: round(at_ms) * mulaw.BYTES_PER_MS]).text)
        if heard and heard == clip.words[: len(heard)] and len(heard) < len(clip.words):
            found.append(at_ms)
    return sorted(found)


def with_pauses(audio: bytes, gaps: Sequence[float], length_ms: int) -> bytes:
    """The clip with silence at its gaps."""
    cuts = [0, *(round(at_ms) * mulaw.BYTES_PER_MS for at_ms in gaps), len(audio)]
    silence = mulaw.SILENCE * (length_ms * mulaw.BYTES_PER_MS)
    return silence.join(audio[a:b] for a, b in pairwise(cuts))


def call_of(sentences: Sequence[Sentence], length_ms: int) -> tuple[bytes, list[Turn]]:
    """One caller's audio: all sentences, one after the other, and where each lies in it."""
    audio, turns = b"", []
    for sentence in sentences:
        begin_ms = mulaw.duration_ms(audio)
        audio += with_pauses(sentence.clip.audio, sentence.gaps_ms, length_ms) + BETWEEN_TURNS
        ends_ms = begin_ms + sentence.voice_ends_ms + length_ms * len(sentence.gaps_ms)
        asked = asked_before(sentence.clip)
        turns.append(Turn(begin_ms, ends_ms, mulaw.duration_ms(audio), asked))
    return audio, turns


def asked_before(clip: Clip) -> str:
    """A clip of digits answers a question for so many; what the others answer is not known."""
    digits = "zero one two three four five six seven eight nine".split()
    if all(word in digits for word in clip.words):
        return f"What is your {len(clip.words)} digit number?"
    return ""


# --- measuring ------------------------------------------------------------------------------


def tally(calls: Sequence[tuple[list[Stretch], list[Turn]]], wait: Wait) -> Tally:
    """Decide all turns of all callers one way."""
    total = Tally()
    for stretches, turns in calls:
        habits = Habits()
        for turn in turns:
            said = [s for s in stretches if turn.begin_ms <= s.voice_ended_ms < turn.end_ms]
            pauses = decide(said, asked=turn.asked, habits=habits, settings=SETTINGS, wait=wait)
            total.add(turn, pauses)
    return total


async def hear_callers() -> dict[int, tuple[list[Stretch], list[Turn]]]:
    """What is heard of each caller, by the length of their inserted pauses."""
    kinds = {e["file"].removesuffix(".wav"): e["kind"] for e in _index()}
    clips = [clip for clip in load_clips([]) if kinds[clip.name] != "dialogue"]  # two people
    model = CachedModel(Moonshine.load())
    callers = {}
    async with SileroVad() as vad:
        sentences = []
        for clip in clips:
            alone = await listen(clip.audio + BETWEEN_TURNS, vad.stream(), model, SETTINGS)
            voice = voice_ms(clip.audio, alone)
            sentences.append(Sentence(clip, voice[1], gaps_ms(clip, voice, model)))
        for length_ms in INSERTED_MS:
            audio, turns = call_of(sentences, length_ms)
            callers[length_ms] = await listen(audio, vad.stream(), model, SETTINGS), turns
    return callers


def _index() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads((AUDIO / "index.json").read_text())
    return entries


def figures_of(name: str, total: Tally) -> list[Figure]:
    """One way of deciding, as figures."""
    percent = 100 * total.cut_offs / max(1, total.pauses)
    turns = 100 * total.turns_cut / max(1, total.turns)
    delays = total.delays_ms
    return [
        at_most(f"{name}: cut-offs", percent, "%", None, f"of {total.pauses} pauses in a turn"),
        at_most(f"{name}: turns cut off", turns, "%", None, f"of {total.turns} turns"),
        at_most(f"{name}: delay, p50", percentile(delays, 50), "ms", None, "after the voice"),
        at_most(f"{name}: delay, p95", percentile(delays, 95), "ms", None, "after the voice"),
    ]


def table_of(callers: dict[int, tuple[list[Stretch], list[Turn]]]) -> Table:
    """Each way of deciding for each caller: cut-offs of pauses, and the delay."""
    table = Table(title="cut-offs of pauses, delay p50 and p95 in ms", title_justify="left")
    table.add_column("decided by")
    for length_ms in callers:
        table.add_column(f"+ {length_ms} ms" if length_ms else "as recorded", justify="right")
    for name, wait in POLICIES.items():
        cells = []
        for caller in callers.values():
            one = tally([caller], wait)
            p50, p95 = (percentile(one.delays_ms, p) for p in (50, 95))
            cells.append(f"{one.cut_offs}/{one.pauses} {p50:4.0f} {p95:4.0f}")
        table.add_row(name, *cells)
    return table


def main() -> None:
    """Measure and print; see the module's docstring."""
    if not (AUDIO / "index.json").is_file():
        print(f"skipped: there are no recordings at {AUDIO}")
        return
    machine = this_machine()
    callers = trio.run(hear_callers)
    Console(highlight=False, width=100).print(table_of(callers))
    figures = [
        figure
        for name, wait in POLICIES.items()
        for figure in figures_of(name, tally(list(callers.values()), wait))
    ]
    finish("endpointing", machine, figures)


if __name__ == "__main__":
    main()
