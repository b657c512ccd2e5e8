"""Whisper beside Moonshine: what each makes of real callers, when, and for how much work.

    python -m bench.vendors_whisper [whisper] [moonshine]

The recordings of ``../shared/audio`` are played in real time through the ears of a call into
Whisper tiny.en (``scripts/setup whisper``) and into Moonshine, as in :mod:`bench.recognition`.
Without them there is nothing to measure. Each takes about three minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import psutil
import trio

from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.silero.vad import SileroVad
from adapters.whisper.local import LocalWhisper
from bench.recognition import AFTER_MS, AUDIO, Clip, Hearing, hear, load_clips
from bench.report import Figure, at_most, finish, spread, this_machine
from effects.ports import ProviderRefused, SpeechToText

RECOGNISERS: dict[str, Callable[[], SpeechToText]] = {
    "whisper": LocalWhisper,
    "moonshine": EmbeddedSpeechToText,
}


async def measure(names: Sequence[str] = ()) -> list[Figure]:
    """Play all clips to the recognisers of these names, or to both; nothing where there are no
    clips or no model."""
    if not (AUDIO / "index.json").is_file():
        print(f"skipped: there are no recordings at {AUDIO}")
        return []
    clips, figures = load_clips([]), []
    for name, recogniser in RECOGNISERS.items():
        if not names or name in names:
            try:
                figures += await _figures(name, recogniser(), clips)
            except ProviderRefused as refused:
                print(f"skipped: {refused}")
    return figures


async def _figures(name: str, recogniser: SpeechToText, clips: Sequence[Clip]) -> list[Figure]:
    process = psutil.Process()
    rss_before, began = process.memory_info().rss, time.perf_counter()
    async with recogniser, SileroVad() as vad:
        loaded_s = time.perf_counter() - began
        busy_before = sum(process.cpu_times()[:2])
        hearings = [await hear(clip, vad, recogniser) for clip in clips]
        busy_s = sum(process.cpu_times()[:2]) - busy_before
        rss_mb = (process.memory_info().rss - rss_before) / 1e6
    played_s = sum(len(clip.audio) / 8000 + AFTER_MS / 1000 for clip in clips)
    finals = [ms for hearing in hearings for ms in hearing.final_after_offset_ms]
    lags = [ms for hearing in hearings for ms in hearing.partial_lag_ms]
    annotated = [hearing for hearing in hearings if hearing.annotated]
    digits = [hearing for hearing in hearings if hearing.digits]
    cpu = 100 * busy_s / played_s
    return [
        _errors(f"{name}: word errors, annotated clips", annotated),
        _errors(f"{name}: word errors, all clips", hearings),
        _errors(f"{name}: digit errors", digits),
        *spread(f"{name}: final text after the Offset", finals, "ms"),
        *spread(f"{name}: partial text behind the sound", lags, "ms"),
        at_most(f"{name}: CPU of one caller", cpu, "% of a core", None, "pauses included"),
        at_most(f"{name}: memory", rss_mb, "MB", None, "with the voice detector"),
        at_most(f"{name}: loading", loaded_s, "s", None),
    ]


def _errors(name: str, hearings: Sequence[Hearing]) -> Figure:
    said = sum(len(hearing.said.split()) for hearing in hearings)
    wrong = sum(hearing.errors for hearing in hearings)
    return at_most(name, 100 * wrong / max(1, said), "%", None, f"{wrong} of {said} words")


def main() -> None:
    """Measure, save and show."""
    parser = argparse.ArgumentParser(description="Whisper beside Moonshine.")
    parser.add_argument("names", nargs="*", help="only these: whisper, moonshine")
    arguments = parser.parse_args()
    finish("vendors_whisper", this_machine(), trio.run(measure, arguments.names))


if __name__ == "__main__":
    main()
