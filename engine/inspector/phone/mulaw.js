// @ts-check
"use strict";
// G.711 µ-law at 8 kHz: the same codes as states/mulaw.py, which the tests hold this against.
// Loaded by the page and by the audio worklets.
globalThis.antiphon ??= {};

{
  const BIAS = 132;
  const CLIP = 32635;

  /** The code of one 16-bit sample (the companding rule of ITU-T G.711, on 14 bits). */
  const code = (/** @type {number} */ sample) => {
    const magnitude = Math.min(Math.abs(sample), CLIP) + BIAS;
    const exponent = 24 - Math.clz32(magnitude);
    const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
  };

  const SAMPLES = Float32Array.from({ length: 256 }, (_, index) => {
    const bits = ~index & 0xff;
    const magnitude = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 7)) - BIAS;
    return (bits & 0x80 ? -magnitude : magnitude) / 32768;
  });

  antiphon.mulaw = {
    RATE_HZ: 8000,
    FRAME_BYTES: 160, // 20 ms, as carriers send it

    /** Samples in [-1, 1] (clipped outside) to codes; `codes` is as long as `samples`. */
    encode(/** @type {Float32Array} */ samples, /** @type {Uint8Array} */ codes) {
      for (let n = 0; n < samples.length; n++) {
        codes[n] = code(Math.trunc(Math.max(-1, Math.min(1, samples[n])) * 32767));
      }
    },

    /** Codes to samples in [-1, 1). */
    decode(/** @type {Uint8Array} */ codes) {
      return Float32Array.from(codes, (each) => SAMPLES[each]);
    },
  };
}
