"""How well, and how soon, the embedded speech-to-text understands real callers.

    python -m bench.recognition [--json FILE] [--clip NAME ...]

Recorded clips are played in real time, as 20 ms µ-law frames, through the ears of a call (voice
activity, pre-roll, hysteresis) into the recogniser: what comes out is what a call would get, when
it would get it. Measured are the word error rate (of digits also by themselves), the time from
the Offset to the final text, the time of a decode by the length of its audio, and the cost of the
voice detector. The clips lie outside the repository, in ``../shared/audio``; without them there
is nothing to measure and the program says so. It takes about three minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
import trio

from adapters.embedded.moonshine import Hypothesis, Moonshine
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.silero.vad import WINDOW_SAMPLES, SileroVad
from effects.ears import Ears
from effects.ports import Frame, Heard, Offset, SpeechToText
from engine.evaluation.words import edits
from states import mulaw
from states.settings import Settings

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"
FRAME_MS = 20
FRAME_BYTES = FRAME_MS * mulaw.BYTES_PER_MS
AFTER_MS = 1000
"""Silence that is played after each clip, so that its last words are finished."""
LATE_MS = 5000
"""It goes on for this long at most while a final text is still to come."""
LENGTHS_S = (0.5, 1, 2, 4, 8, 16)
REPEATS = 15

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OTHER_WORDS = {"10": "ten", "30": "thirty", "mr": "mister", "p m": "pm"}


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and what is said in it."""

    name: str
    audio: bytes
    words: list[str]
    annotated: bool


@dataclass(slots=True)
class Hearing:
    """What one clip came to. Times are in milliseconds of the clip; how far behind the sound a
    partial text is, is its lag."""

    name: str
    said: str
    text: str = ""
    errors: int = 0
    digits: int = 0
    digit_errors: int = 0
    annotated: bool = True
    partials: list[tuple[int, str]] = field(default_factory=list)
    finals: list[tuple[int, str]] = field(default_factory=list)
    final_after_offset_ms: list[float] = field(default_factory=list)
    partial_lag_ms: list[float] = field(default_factory=list)


def words_of(text: str) -> list[str]:
    """The words of a text without case and punctuation, with numerals spelled out."""
    text = re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("p.m", "pm"))
    text = re.sub(r"\b2 30\b", "two thirty", " ".join(text.split()))
    for written, spoken in OTHER_WORDS.items():
        text = re.sub(rf"\b{written}\b", spoken, text)
    return re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", text).split()


def load_clips(only: Sequence[str]) -> list[Clip]:
    """The recordings in the index, or those of these names."""
    clips = []
    for entry in json.loads((AUDIO / "index.json").read_text()):
        name = Path(entry["file"]).stem
        if only and name not in only:
            continue
        with wave.open(str(AUDIO / entry["file"])) as recording:
            samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
        annotated = entry["transcript_status"] == "annotated"
        clips.append(
            Clip(name, mulaw.from_pcm16(samples), words_of(entry["transcript"]), annotated)
        )
    return clips


async def hear(clip: Clip, vad: SileroVad, recogniser: SpeechToText) -> Hearing:
    """Play one clip, in real time, to a call's ears, and write down what is understood."""
    ears = Ears(vad.stream(), Settings())
    hearing = Hearing(clip.name, " ".join(clip.words), annotated=clip.annotated)
    offsets: list[float] = []
    start = trio.current_time()

    def heard(words: Heard) -> None:
        now_ms = (trio.current_time() - start) * 1000
        if words.final:
            hearing.finals.append((round(now_ms), words.text))
            hearing.final_after_offset_ms.append(now_ms - offsets[words.segment])
        else:
            hearing.partials.append((round(now_ms), words.text))
            hearing.partial_lag_ms.append(now_ms - words.through_ms)

    with ears.listen(gated=True) as sound:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recogniser.transcribe, sound, heard)
            audio = clip.audio + mulaw.SILENCE * (LATE_MS * mulaw.BYTES_PER_MS)
            least_ms = len(clip.audio) / mulaw.BYTES_PER_MS + AFTER_MS
            for at in range(0, len(audio) - FRAME_BYTES + 1, FRAME_BYTES):
                at_ms = at / mulaw.BYTES_PER_MS
                if at_ms >= least_ms and len(hearing.finals) == len(offsets):
                    break
                await trio.sleep_until(start + (at_ms + FRAME_MS) / 1000)
                edges = ears.frame(Frame(audio[at : at + FRAME_BYTES], at_ms))
                now_ms = (trio.current_time() - start) * 1000
                offsets.extend(now_ms for edge in edges if isinstance(edge, Offset))
            nursery.cancel_scope.cancel()
    score(clip, hearing)
    return hearing


def score(clip: Clip, hearing: Hearing) -> None:
    """Count the mistakes of one hearing."""
    hearing.text = " ".join(text for _, text in hearing.finals if text)
    understood = words_of(hearing.text)
    hearing.errors = edits(clip.words, understood)
    if all(word in DIGITS for word in clip.words):
        hearing.digits, hearing.digit_errors = len(clip.words), hearing.errors


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile."""
    p50, p95 = np.percentile(values, [50, 95]) if values else (math.nan, math.nan)
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def decode_times_ms(model: Moonshine, clips: Sequence[Clip]) -> dict[str, dict[str, float]]:
    """How long a decode takes by the length of its audio, with the draft that a growing segment
    gives it and without one."""
    speech = b"".join(clip.audio for clip in clips)
    table: dict[str, dict[str, float]] = {}
    for length_s in LENGTHS_S:
        whole, drafted = [], []
        for start in range(REPEATS):
            size = int(length_s * mulaw.SAMPLE_RATE_HZ)
            audio = speech[start * size : (start + 1) * size] or speech[:size]
            before = model.decode(audio[:-1600])
            whole.append(_timed_ms(model, audio, None))
            drafted.append(_timed_ms(model, audio, before))
        table[f"{length_s:g} s"] = {
            "whole_p50": percentiles(whole)["p50"],
            "whole_p95": percentiles(whole)["p95"],
            "drafted_p50": percentiles(drafted)["p50"],
            "drafted_p95": percentiles(drafted)["p95"],
        }
    return table


def _timed_ms(model: Moonshine, audio: bytes, before: Hypothesis | None) -> float:
    start = time.perf_counter()
    model.decode(audio, before)
    return (time.perf_counter() - start) * 1000


def window_times_us(vad: SileroVad, clips: Sequence[Clip]) -> dict[str, float]:
    """How long the voice detector takes for one window of 32 ms."""
    stream, times = vad.stream(), []
    speech = mulaw.to_float(b"".join(clip.audio for clip in clips))
    for at in range(0, len(speech) - WINDOW_SAMPLES, WINDOW_SAMPLES):
        start = time.perf_counter()
        stream.probability(speech[at : at + WINDOW_SAMPLES])
        times.append((time.perf_counter() - start) * 1e6)
    return percentiles(times)


async def measure(clips: Sequence[Clip]) -> dict[str, object]:
    """Everything, one clip after the other."""
    process = psutil.Process()
    rss_before = process.memory_info().rss
    model: list[Moonshine] = []

    def load() -> Moonshine:
        model.append(Moonshine.load())
        return model[0]

    started = time.perf_counter()
    async with EmbeddedSpeechToText(load) as recogniser, SileroVad() as vad:
        loaded_ms = (time.perf_counter() - started) * 1000
        busy_before, hearings = sum(process.cpu_times()[:2]), []
        for clip in clips:
            hearings.append(await hear(clip, vad, recogniser))
            print_hearing(hearings[-1])
        played_s = sum(len(clip.audio) / 8000 + AFTER_MS / 1000 for clip in clips)
        busy_s = sum(process.cpu_times()[:2]) - busy_before
        rss_after = process.memory_info().rss
        return {
            "load_ms": round(loaded_ms),
            "rss_mb": round((rss_after - rss_before) / 1e6),
            "cpu_share_of_a_core": round(busy_s / played_s, 3),
            **summary(hearings),
            "decode_ms": decode_times_ms(model[0], clips),
            "vad_window_us": window_times_us(vad, clips),
            "clips": [asdict(hearing) for hearing in hearings],
        }


def summary(hearings: Sequence[Hearing]) -> dict[str, object]:
    """Error rates and latency over all clips."""

    def rate(chosen: Sequence[Hearing]) -> float:
        said = sum(len(hearing.said.split()) for hearing in chosen)
        return round(sum(hearing.errors for hearing in chosen) / max(1, said), 3)

    digits = [hearing for hearing in hearings if hearing.digits]
    return {
        "word_error_rate_annotated": rate([hearing for hearing in hearings if hearing.annotated]),
        "word_error_rate_all": rate(hearings),
        "digit_error_rate": rate(digits),
        "words": sum(len(hearing.said.split()) for hearing in hearings),
        "digits": sum(hearing.digits for hearing in digits),
        "final_after_offset_ms": percentiles(
            [ms for hearing in hearings for ms in hearing.final_after_offset_ms]
        ),
    }


def print_hearing(hearing: Hearing) -> None:
    """One clip as it went: what was said, and what was understood when."""
    print(f"\n{hearing.name}: {hearing.said}   [{hearing.errors} wrong]")
    for at_ms, text in hearing.partials:
        print(f"  {at_ms:6d} ms  … {text}")
    for (at_ms, text), after_ms in zip(hearing.finals, hearing.final_after_offset_ms, strict=True):
        print(f"  {at_ms:6d} ms  = {text or '(nothing)'}   {after_ms:.0f} ms after its offset")


def main() -> None:
    """Measure and print; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Accuracy and latency of speech-to-text.")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--clip", action="append", default=[], help="only this clip")
    arguments = parser.parse_args()
    if not (AUDIO / "index.json").is_file():
        print(f"skipped: there are no recordings at {AUDIO}")
        return
    clips = load_clips(arguments.clip)
    if not clips:
        sys.exit(f"no such clip in {AUDIO / 'index.json'}: {', '.join(arguments.clip)}")
    figures = trio.run(measure, clips)
    print()
    for name, value in figures.items():
        if name != "clips":
            print(f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
