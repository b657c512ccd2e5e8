"""How the voice ended: pitch movement and lengthening, as they come over a telephone line."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from effects.prosody import LONGEST_SAMPLES, Ending, ending
from states import mulaw
from states.endpointing import Contour

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"
RATE = mulaw.SAMPLE_RATE_HZ
FORMANTS = {"ah": (700, 1200, 2500), "ee": (300, 2200, 3000), "oh": (450, 900, 2400)}
SPEAKERS_HZ = (110, 140, 180, 240)

Samples = NDArray[np.float32]


def band_limited(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a telephone line passes."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples))


def on_the_line(samples: NDArray[np.float64], *, noise_db: float = -40) -> Samples:
    """Band-limited, with noise so far below the voice, and µ-law coded."""
    noise = band_limited(np.random.default_rng(1).normal(size=len(samples)))
    level = np.sqrt(np.mean(samples**2)) * 10 ** (noise_db / 20) / np.sqrt(np.mean(noise**2))
    heard = band_limited(samples) + level * noise
    return mulaw.to_float(mulaw.from_float((0.3 * heard / np.abs(heard).max()).astype(np.float32)))


def sung(pitch_hz: NDArray[np.float64], vowel: str = "ah") -> NDArray[np.float64]:
    """A vowel that follows a pitch given for each sample: its harmonics under its formants."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    sound = np.zeros(len(pitch_hz))
    for harmonic in range(1, 50):
        hz = harmonic * pitch_hz
        gain = sum(1 / (1 + ((hz - formant) / 90) ** 2) for formant in FORMANTS[vowel])
        sound += np.where(hz < 3800, gain, 0) * np.sin(harmonic * phase)
    return sound


def glide(begin_hz: float, semitones_per_s: float, *, seconds: float = 0.35) -> NDArray[np.float64]:
    """Level for half a second, then a glide to the end."""
    still = np.zeros(RATE // 2)
    moving = np.arange(round(seconds * RATE)) / RATE * semitones_per_s
    return np.asarray(begin_hz * 2 ** (np.concatenate((still, moving)) / 12))


@pytest.mark.parametrize("noise_db", [-40, -15])
@pytest.mark.parametrize("vowel", FORMANTS)
@pytest.mark.parametrize("pitch_hz", SPEAKERS_HZ)
@pytest.mark.parametrize(("slope", "contour"), [(-18, "falling"), (0, "level"), (20, "rising")])
def test_glides_are_told_apart(
    slope: float, contour: Contour, pitch_hz: float, vowel: str, noise_db: float
) -> None:
    """For low and high voices, whose fundamental the line does not pass, with any vowel and with
    noise; the slope is near the true one."""
    found = ending(on_the_line(sung(glide(pitch_hz, slope), vowel), noise_db=noise_db))
    assert found.contour == contour
    assert found.slope_st_per_s == pytest.approx(slope, abs=5)


def test_the_drift_of_all_speech_is_level() -> None:
    """Three semitones a second down is how speech goes on, not how it ends."""
    assert ending(on_the_line(sung(glide(120, -3)))).contour == "level"


def test_a_drawn_out_level_end_holds_the_floor() -> None:
    """ "I was driving dooown": the last syllable is long, and level."""
    found = ending(on_the_line(syllables([100, 110, 100, 420])))
    assert found.contour == "level"
    assert found.lengthening > 2


def test_even_syllables_are_not_lengthened() -> None:
    """Their last is as the rest."""
    assert 0.7 < ending(on_the_line(syllables([150] * 5))).lengthening < 1.4


def test_a_single_syllable_has_nothing_to_compare_with() -> None:
    """Its lengthening is said to be 1."""
    assert ending(on_the_line(sung(glide(120, -15)))).lengthening == 1.0


def syllables(lengths_ms: list[int]) -> NDArray[np.float64]:
    """Level syllables of these lengths with unvoiced consonants of 70 ms between them."""
    consonant = np.random.default_rng(2).normal(size=RATE * 70 // 1000) * 0.02
    parts: list[NDArray[np.float64]] = []
    for length_ms in lengths_ms:
        vowel = sung(np.full(RATE * length_ms // 1000, 130.0))
        parts += [consonant, vowel / np.abs(vowel).max()]
    return np.concatenate(parts)


def test_silence_after_the_voice_does_no_harm() -> None:
    """The pause is known some time after the last sound."""
    voice = on_the_line(sung(glide(120, -18)))
    late = np.concatenate((voice, mulaw.to_float(mulaw.SILENCE * 2400)))
    assert ending(late).contour == "falling"
    assert ending(late).slope_st_per_s == pytest.approx(ending(voice).slope_st_per_s, abs=2)


def test_only_the_end_counts() -> None:
    """What came before the last second and a half neither matters nor costs anything."""
    voice = on_the_line(sung(glide(200, 20, seconds=1.2)))[-LONGEST_SAMPLES:]
    before = on_the_line(np.random.default_rng(3).normal(size=20 * RATE))
    assert ending(np.concatenate((before, voice))) == ending(voice)


def tone(*hz: float) -> Samples:
    at_s = np.arange(RATE) / RATE
    sound = 0.2 * np.sum([np.sin(2 * np.pi * f * at_s) for f in hz], axis=0)
    return mulaw.to_float(mulaw.from_float(sound.astype(np.float32)))


@pytest.mark.parametrize(
    "hz",
    [(697, 1209), (941, 1477), (852, 1336), (350, 440), (480, 620), (1100,), (2100,)],
    ids=["key 1", "key #", "key 8", "dialling", "busy", "fax calls", "fax answers"],
)
def test_tones_are_no_voice(hz: tuple[float, ...]) -> None:
    """Two tones have a common period, as a voice has, but no voice is so thin."""
    assert ending(tone(*hz)) == Ending("unknown")


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_no_voice(seed: int) -> None:
    """White, and as a line colours it."""
    noise = np.random.default_rng(seed).normal(size=RATE) * 0.1
    assert ending(noise.astype(np.float32)).contour == "unknown"
    assert ending(band_limited(noise).astype(np.float32)).contour == "unknown"


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 8000])
def test_silence_is_no_voice(samples: int) -> None:
    """Nor is next to nothing."""
    assert ending(np.zeros(samples, np.float32)) == Ending("unknown")


def test_too_little_voice_tells_nothing() -> None:
    """80 ms of a voice in a second of silence have no melody."""
    voice = on_the_line(sung(np.full(RATE * 80 // 1000, 130.0)))
    silence = np.zeros(RATE // 2, np.float32)
    assert ending(np.concatenate((silence, voice, silence))).contour == "unknown"


@given(arrays(np.float32, st.integers(0, 3000), elements=st.floats(width=32)))
def test_it_never_raises(samples: Samples) -> None:
    """Whatever is passed in, NaN and infinity included; what comes out can be written down."""
    found = ending(samples)
    assert np.isfinite(found.slope_st_per_s)
    assert np.isfinite(found.lengthening)


# --- recorded callers -----------------------------------------------------------------------

recorded = pytest.mark.skipif(not AUDIO.is_dir(), reason="there are no recordings at ../shared")


def until(name: str, end_s: float | None = None) -> Samples:
    """The second of a recording before a time, or before its end, as the telephone codes it."""
    with wave.open(str(AUDIO / f"{name}.wav")) as recording:
        pcm = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
    end = len(pcm) if end_s is None else round(end_s * RATE)
    return mulaw.to_float(mulaw.from_pcm16(pcm[max(0, end - RATE) : end]))


@recorded
@pytest.mark.parametrize(
    "name", ["df_230pm", "df_book_a_room", "df_half_an_hour", "df_mountain_view", "df_today"]
)
def test_recorded_answers_fall(name: str) -> None:
    """People who answer a question end on a fall."""
    assert ending(until(name)).contour == "falling"


@recorded
@pytest.mark.parametrize(("name", "end_s"), [("dograh_vad", 4.58), ("dograh_vad", 6.91)])
def test_recorded_hesitations_are_level(name: str, end_s: float) -> None:
    """A caller who stops in mid-sentence to think stays level."""
    assert ending(until(name, end_s)).contour == "level"


@recorded
def test_a_recorded_unfinished_sentence_rises() -> None:
    """A reader cut off at a comma was on the way up."""
    assert ending(until("librivox_0880", 2.88)).contour == "rising"
