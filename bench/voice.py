"""How soon the embedded voice speaks, what it costs, and how it sounds on the line.

    python -m bench.voice [--json FILE] [--repeats N]

Phrases of one word and up go through the port, as a reply's clauses do. Measured are the time to
the first audio and to the last, the real-time factor, the time and memory that loading takes; of
the audio, its level, its peak, and the silence before and after it. Then sentences are played
back to the embedded speech-to-text, over the telephone band, and the words it gets wrong are
counted: a measure of how easily they are understood. It takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import trio

from adapters.embedded.moonshine import Moonshine
from adapters.embedded.text_to_speech import EmbeddedVoice
from bench.recognition import percentiles
from effects.ports import Clause, Speech
from effects.spoken import clause_of, spoken
from engine.evaluation.words import edits
from states import mulaw

PHRASES = (
    "Sure.",
    "One moment.",
    "Let me check that.",
    "Your package left Memphis this morning.",
    "Your order is due on Thursday, before noon.",
    "I've changed the delivery to Friday between nine and eleven.",
    "Thanks for calling, your package should arrive tomorrow at some time between nine and noon.",
)
SENTENCES = (
    "Order 29340 is a pair of hiking boots.",
    "It left the Memphis depot this morning and is due on Thursday before noon.",
    "You've reached the parcel desk. How can I help?",
    "Shall I hold it at the depot?",
    "Could you read me the order number, please?",
    "I have it here: five one seven eight two six.",
    "Your package was delivered yesterday at 2:30 in the afternoon.",
    "The driver left it with a neighbor at number twelve.",
    "I'm sorry, I didn't catch that. Could you say it again?",
    "It looks like the address is missing an apartment number.",
    "Would you like me to send it out again tomorrow morning?",
    "All right, I've changed the delivery to Friday between nine and eleven.",
    "There's a delay of about two days because of the weather.",
    "You'll get a text message when the driver is on the way.",
    "I can see three parcels on your account. Which one do you mean?",
    "The refund of $42 will be on your card within five business days.",
    "Is there anything else I can do for you today?",
    "We tried to deliver on Monday, but nobody was at home.",
    "That will cost you nine dollars and fifty cents.",
    "Either the gate was locked or the driver could not find the entrance.",
)
QUIET_LINE = mulaw.SILENCE * (300 * mulaw.BYTES_PER_MS)
"""What a listener hears before the voice begins."""
AUDIBLE = 0.01
"""RMS of 5 ms of audio, -40 dBFS: quieter than this is silence."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One phrase as it came out of the port."""

    first_ms: float
    total_ms: float
    audio_ms: float
    before_ms: float
    after_ms: float
    level_dbfs: float
    peak: float


async def synthesize(voice: EmbeddedVoice, text: str) -> tuple[bytes, float, float]:
    """The audio of one clause, and when its first and its last piece came, in ms."""
    send, receive = trio.open_memory_channel[Clause](1)
    send.send_nowait(clause_of(0, text))
    send.close()
    pieces: list[tuple[float, bytes]] = []
    start = time.perf_counter()

    async def speech(piece: Speech) -> None:
        if piece.mulaw:
            pieces.append(((time.perf_counter() - start) * 1000, piece.mulaw))

    await voice.speak(receive, speech)
    return b"".join(audio for _, audio in pieces), pieces[0][0], pieces[-1][0]


async def utter(voice: EmbeddedVoice, text: str) -> Utterance:
    """Synthesize one phrase and look at the sound of it."""
    audio, first_ms, total_ms = await synthesize(voice, text)
    samples = mulaw.to_float(audio)
    windows = samples[: len(samples) // 40 * 40].reshape(-1, 40)
    rms = np.sqrt(np.mean(windows**2, axis=1))
    loud = np.flatnonzero(rms > AUDIBLE)
    return Utterance(
        first_ms,
        total_ms,
        mulaw.duration_ms(audio),
        float(loud[0] * 5),
        float((len(rms) - 1 - loud[-1]) * 5),
        float(20 * np.log10(np.sqrt(np.mean(rms[loud] ** 2)))),
        float(np.abs(samples).max()),
    )


async def timings(voice: EmbeddedVoice, repeats: int) -> dict[str, dict[str, float]]:
    """How long each phrase takes, in ms."""
    table: dict[str, dict[str, float]] = {}
    for phrase in PHRASES:
        runs = [await utter(voice, phrase) for _ in range(repeats)]
        first = percentiles([run.first_ms for run in runs])
        total = percentiles([run.total_ms for run in runs])
        table[f"{len(phrase.split())} words"] = {
            "first_p50": first["p50"],
            "first_p95": first["p95"],
            "total_p50": total["p50"],
            "total_p95": total["p95"],
            "audio": round(float(np.mean([run.audio_ms for run in runs]))),
            "real_time_factor": round(
                sum(run.total_ms for run in runs) / sum(run.audio_ms for run in runs), 3
            ),
        }
    return table


async def sound(voice: EmbeddedVoice) -> dict[str, dict[str, float]]:
    """Silence, level and peak over all sentences: the least, the middle and the most."""
    runs = [asdict(await utter(voice, sentence)) for sentence in SENTENCES]
    table = {}
    for name in ("before_ms", "after_ms", "level_dbfs", "peak"):
        least, middle, most = np.percentile([run[name] for run in runs], [0, 50, 100])
        table[name] = {
            "least": round(float(least), 2),
            "middle": round(float(middle), 2),
            "most": round(float(most), 2),
        }
    return table


def words_of(text: str) -> list[str]:
    """The words of a text as they are said, so that "29340" and "two nine…" are the same."""
    # As the recogniser writes a time, and "to-morrow".
    text = re.sub(r"\b(\d)\.(\d\d)\b", r"\1:\2", re.sub(r"\bto-", "to", text))
    return re.findall(r"[a-z']+", spoken(text).lower())


async def understood(voice: EmbeddedVoice, repeats: int) -> dict[str, object]:
    """The word error rate of the speech-to-text on what the voice says."""
    ears = await trio.to_thread.run_sync(Moonshine.load)
    wrong = total = 0
    mistakes = []
    for sentence in SENTENCES:
        for _ in range(repeats):
            audio, _, _ = await synthesize(voice, sentence)
            text = ears.decode(QUIET_LINE + audio).words(mulaw.duration_ms(audio))
            errors = edits(words_of(sentence), words_of(text))
            wrong, total = wrong + errors, total + len(words_of(sentence))
            if errors:
                mistakes.append(f"{sentence} → {text}")
    return {"word_error_rate": round(wrong / total, 4), "words": total, "mistakes": mistakes}


async def measure(repeats: int) -> dict[str, object]:
    """Everything, one thing after the other."""
    process = psutil.Process()
    rss_before = process.memory_info().rss
    start = time.perf_counter()
    async with EmbeddedVoice() as voice:
        load_ms = (time.perf_counter() - start) * 1000
        figures: dict[str, object] = {
            "load_ms": round(load_ms),
            "loaded_mb": round((process.memory_info().rss - rss_before) / 1e6),
            "phrases_ms": await timings(voice, repeats),
            "sound": await sound(voice),
        }
        figures["used_mb"] = round((process.memory_info().rss - rss_before) / 1e6)
        figures["understood"] = await understood(voice, 3)
    return figures


def report(name: str, value: object) -> None:
    """One figure, or a table of them, on the terminal."""
    if isinstance(value, dict):
        print(f"{name}:")
        for row, figures in value.items():
            print(f"  {row:12} {figures}")
    else:
        print(f"{name}: {value}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Latency, cost and sound of the embedded voice.")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--repeats", type=int, default=20, help="times that a phrase is said")
    options = parser.parse_args(arguments)
    figures = trio.run(measure, options.repeats)
    for name, value in figures.items():
        report(name, value)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
