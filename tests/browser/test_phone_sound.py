"""What the browser's phone does to sound: companding, resampling, framing, playing out."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from states.mulaw import SAMPLE_RATE_HZ, SILENCE, from_float, from_pcm16, to_float
from tests.browser.phone_kit import serving_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATES_HZ = (16_000, 44_100, 48_000, 96_000)
LEVEL = 0.5
QUANTUM = 128  # samples that a browser renders at once

CAPTURE = """async ([rate, seconds, frequency, level]) => {
  const context = new OfflineAudioContext(1, rate * seconds, rate);
  for (const name of ["mulaw", "resampler", "capture_worklet"]) {
    await context.audioWorklet.addModule(`/phone/${name}.js`);
  }
  const tone = new OscillatorNode(context, { frequency });
  const capture = new AudioWorkletNode(context, "antiphon-capture", { numberOfOutputs: 0 });
  tone.connect(new GainNode(context, { gain: level })).connect(capture);
  tone.start();
  const frames = [];
  const whole = Math.floor((8000 * seconds - 24) / 160);
  const all = new Promise((resolve, reject) => {
    capture.port.onmessage = ({ data }) => frames.push([...data]) === whole && resolve(frames);
    setTimeout(() => reject(new Error(`${frames.length} frames of ${whole}`)), 20000);
  });
  await context.startRendering();
  return await all;
}"""

# Messages to a worklet come when they come: rendering waits until it says that it took them.
PLAY = """async ([rate, seconds, steps]) => {
  const context = new OfflineAudioContext(1, rate * seconds, rate);
  const telling = `
    const register = registerProcessor;
    globalThis.registerProcessor = (name, kind) => register(name, class extends kind {
      _take(data) {
        super._take(data);
        this.port.postMessage({ kind: "taken" });
      }
    });`;
  await context.audioWorklet.addModule(URL.createObjectURL(
    new Blob([telling], { type: "text/javascript" })));
  for (const name of ["mulaw", "resampler", "playout", "playout_worklet"]) {
    await context.audioWorklet.addModule(`/phone/${name}.js`);
  }
  const playout = new AudioWorkletNode(context, "antiphon-playout", { numberOfInputs: 0 });
  playout.connect(context.destination);
  const told = [];
  let taken = () => {};
  playout.port.onmessage = ({ data }) => data.kind === "taken" ? taken() : told.push(data);
  for (const [at, ...messages] of steps) {
    void context.suspend(at).then(async () => {
      for (const message of messages) {
        const done = new Promise((resolve) => (taken = resolve));
        const mulaw = Uint8Array.from(atob(message.mulaw ?? ""), (each) => each.charCodeAt(0));
        playout.port.postMessage({ ...message, mulaw });
        await done;
      }
      await context.resume();
    });
  }
  const rendered = await context.startRendering();
  return { samples: [...rendered.getChannelData(0)], told };
}"""

DRIVE = """([rate, steps]) => {
  const playout = new antiphon.Playout(rate);
  const output = new Float32Array(128);
  const story = [];
  for (const [what, value] of steps) {
    if (what === "add") playout.add(new Uint8Array(8 * value));
    if (what === "mark") playout.mark(value);
    if (what === "latency") playout.latency = value;
    if (what === "clear") story.push(["cleared", playout.buffered_ms, playout.clear()]);
    if (what === "play") {
      for (let n = 0; n < Math.round((value * rate) / 128000); n++) {
        for (const name of playout.read(output)) story.push(["heard", name]);
      }
      const loud = output.some((sample) => Math.abs(sample) > 0.5);
      story.push([loud ? "sound" : "silence", playout.buffered_ms, playout.underruns]);
    }
  }
  return story;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """The phone's page, with the classes of its worklets loaded into it as well."""
    with serving_files() as url:
        page = browser.new_page()
        page.goto(f"{url}/phone")
        for name in ("resampler", "playout"):
            page.add_script_tag(url=f"{url}/phone/{name}.js")
        yield page
        page.close()


def tone(frequency_hz: float, ms: float, rate_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.float32]:
    at_s = np.arange(round(rate_hz * ms / 1000)) / rate_hz
    return (LEVEL * np.sin(2 * np.pi * frequency_hz * at_s)).astype(np.float32)


def captured(page: Page, rate_hz: int, frequency_hz: float, level: float = LEVEL) -> bytes:
    """A second of a tone, through the capture worklet at that rate."""
    frames: list[list[int]] = page.evaluate(CAPTURE, [rate_hz, 1, frequency_hz, level])
    assert {len(frame) for frame in frames} == {160}
    return b"".join(bytes(frame) for frame in frames)


def level_at(samples: NDArray[np.float32], rate_hz: int, frequency_hz: float) -> float:
    """The amplitude of one frequency (a multiple of 10 Hz) in the middle of a second."""
    middle = samples[rate_hz // 10 : rate_hz // 10 + rate_hz // 2].astype(np.float64)
    at_s = np.arange(len(middle)) / rate_hz
    return float(2 * abs(np.mean(middle * np.exp(-2j * np.pi * frequency_hz * at_s))))


def message(kind: str, mulaw: bytes = b"", name: str = "") -> dict[str, str]:
    return {"kind": kind, "mulaw": base64.b64encode(mulaw).decode(), "name": name}


# --- µ-law ----------------------------------------------------------------------------------


def test_each_sample_gets_the_code_it_gets_in_the_engine(page: Page) -> None:
    """Both ends compand by the same rule: all 16-bit samples, on 14 bits, and what is too loud."""
    samples = np.arange(-32767, 32768)
    inside = ((samples + 0.5 * np.sign(samples)) / 32767).tolist()
    codes = page.evaluate(
        """(samples) => {
          const codes = new Uint8Array(samples.length);
          antiphon.mulaw.encode(Float32Array.from(samples), codes);
          return [...codes];
        }""",
        [*inside, 2.0, -2.0],
    )
    assert bytes(codes) == from_pcm16(np.append(samples, [32767, -32767]).astype(np.int16))


def test_each_code_gets_the_sample_it_gets_in_the_engine(page: Page) -> None:
    """All 256 codes."""
    every = bytes(range(256))
    samples = page.evaluate("(codes) => [...antiphon.mulaw.decode(codes)]", list(every))
    assert samples == to_float(every).tolist()


# --- the microphone -------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_arrives_as_it_was(page: Page, rate_hz: int) -> None:
    """Whatever the rate of the audio context, a tone keeps its frequency and its level."""
    for frequency_hz in (300, 1000, 3300):
        heard = to_float(captured(page, rate_hz, frequency_hz))
        assert level_at(heard, SAMPLE_RATE_HZ, frequency_hz) == pytest.approx(LEVEL, rel=0.02)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_nothing_above_the_telephones_band_folds_into_it(page: Page, rate_hz: int) -> None:
    """6 kHz, which would be heard at 2 kHz, is gone: 60 dB down and more."""
    heard = to_float(captured(page, rate_hz, 6000))
    assert level_at(heard, SAMPLE_RATE_HZ, 2000) < LEVEL / 1000


def test_silence_stays_silence(page: Page) -> None:
    """A frame of nothing is a frame of µ-law zeros."""
    assert set(captured(page, 44_100, 1000, level=0)) == set(SILENCE)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_long_call_does_not_drift(page: Page, rate_hz: int) -> None:
    """After two minutes, brought 128 at a time, there is exactly one sample for each 125 µs, but
    for the 3 ms that the filter looks ahead."""
    made = page.evaluate(
        """([rate, seconds]) => {
          const resampler = new antiphon.Resampler(rate, 8000);
          const output = new Float32Array(512);
          let made = 0;
          for (let left = rate * seconds; left > 0; left -= 128) {
            made += resampler.process(new Float32Array(Math.min(left, 128)), output);
          }
          return made;
        }""",
        [rate_hz, 120],
    )
    assert 120 * SAMPLE_RATE_HZ - made in (24, 25)


# --- the loudspeaker ------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_agents_sound_is_played_as_it_was_sent(page: Page, rate_hz: int) -> None:
    """A tone keeps its frequency and level; there is no image of it above 4 kHz."""
    sound = from_float(tone(1000, 1000))
    played = page.evaluate(PLAY, [rate_hz, 1, [[0, message("audio", sound)]]])
    samples = np.array(played["samples"], np.float32)
    assert level_at(samples, rate_hz, 1000) == pytest.approx(LEVEL, rel=0.02)
    assert level_at(samples, rate_hz, 7000) < LEVEL / 1000


def test_clear_silences_at_once_and_brings_the_marks_back(page: Page) -> None:
    """Of 400 ms, 300 are played when `clear` comes: the mark in the middle came back when it was
    heard, the one at the end comes back now, and 7 ms later there is silence."""
    half = from_float(tone(1000, 200))
    played = page.evaluate(
        PLAY,
        [
            48_000,
            1,
            [
                [
                    0,
                    message("audio", half),
                    message("mark", name="middle"),
                    message("audio", half),
                    message("mark", name="end"),
                ],
                [0.3, message("clear")],
            ],
        ],
    )
    told = [one for one in played["told"] if one["kind"] != "buffer"]
    assert told[0] == {"kind": "heard", "marks": ["middle"]}
    assert told[1]["kind"] == "cleared"
    assert told[1]["marks"] == ["end"]
    assert told[1]["dropped_ms"] == pytest.approx(100, abs=5)
    loud = np.abs(np.array(played["samples"])) > 0.01
    assert loud[: round(0.3 * 48_000)].any()
    assert not loud[round(0.307 * 48_000) :].any()


def driven(page: Page, *steps: tuple[str, Any], rate_hz: int = 16_000) -> list[list[Any]]:
    """The story of a playout: 8 ms a quantum, and the agent's sound is as loud as can be."""
    story: list[list[Any]] = page.evaluate(DRIVE, [rate_hz, [list(step) for step in steps]])
    return story


def test_marks_come_back_in_order_when_they_were_heard(page: Page) -> None:
    """Each after the sound before it; one behind the other where nothing is between."""
    story = driven(
        page,
        *[("add", 100), ("mark", "a"), ("mark", "b"), ("add", 100), ("mark", "c")],
        *[("play", 88), ("play", 24), ("play", 88), ("play", 24)],
    )
    words = [entry[0] if entry[0] != "heard" else entry[1] for entry in story]
    assert words == ["sound", "a", "b", "sound", "sound", "c", "silence"]


def test_a_mark_behind_nothing_comes_back_at_once(page: Page) -> None:
    """As at the carrier's."""
    assert driven(page, ("mark", "a"), ("play", 8))[0] == ["heard", "a"]


def test_a_mark_waits_for_a_slow_loudspeaker(page: Page) -> None:
    """What the browser and the loudspeaker add is waited for; `clear` does not wait."""
    slow = [("latency", 1600), ("add", 80), ("mark", "a"), ("play", 160)]  # 100 ms at 16 kHz
    assert driven(page, *slow) == [["silence", 0, 0]]
    assert driven(page, *slow, ("play", 32))[1] == ["heard", "a"]
    assert driven(page, *slow, ("clear", None))[1] == ["cleared", 0, ["a"]]


def test_a_little_is_gathered_before_sound_begins(page: Page) -> None:
    """40 ms, or what there is after 40 ms: frames may come unevenly."""
    assert [entry[0] for entry in driven(page, ("add", 40), ("play", 8))] == ["sound"]
    story = driven(page, ("add", 20), ("play", 32), ("play", 16))
    assert [entry[0] for entry in story] == ["silence", "sound"]


def test_sound_that_is_late_leaves_silence_and_is_counted(page: Page) -> None:
    """It goes on with a new cushion. What ends with a mark was not late."""
    story = driven(page, ("add", 80), ("play", 120), ("add", 80), ("mark", "a"), ("play", 160))
    assert story == [["silence", 0, 1], ["heard", "a"], ["silence", 0, 1]]


def test_the_buffer_has_room_for_ten_minutes(page: Page) -> None:
    """As at the carrier's: what is more is not taken, and nothing that was is lost."""
    story = driven(page, ("add", 600_000), ("add", 1), ("clear", None))
    assert story == [["cleared", 600_000, []]]
