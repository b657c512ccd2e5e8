// @ts-check
"use strict";
// From one sampling rate to another: a low-pass filter, looked at between its samples.
// Both rates are integers, so the position in the input is a fraction that is counted and not
// added up: a call may last for days and is not one sample late. The filter (a windowed sinc) passes
// 3.3 kHz of 8 kHz and is 70 dB down at 4.1 kHz, so that nothing folds down into speech and no
// image of it appears above.
globalThis.antiphon ??= {};

{
  const HALF_WIDTH = 24; // samples of the lower rate on either side: 3 ms at 8 kHz
  const CUTOFF = 0.4625; // of the lower rate: 3.7 kHz of 8 kHz
  const BETA = 6.8; // of the Kaiser window: 70 dB
  const LINE = 4096; // input samples that one call may bring, at most

  const divisor = (/** @type {number} */ a, /** @type {number} */ b) => {
    while (b) [a, b] = [b, a % b];
    return a;
  };

  /** The modified Bessel function of order zero, of which the Kaiser window is made. */
  const bessel = (/** @type {number} */ x) => {
    let sum = 1;
    for (let term = 1, k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
    return sum;
  };

  antiphon.Resampler = class {
    constructor(/** @type {number} */ from_hz, /** @type {number} */ to_hz) {
      const common = divisor(from_hz, to_hz);
      this._phases = to_hz / common;
      this._step = from_hz / common; // an output is `step / phases` inputs after the one before
      const lower = Math.min(from_hz, to_hz);
      this._half = Math.ceil((HALF_WIDTH * from_hz) / lower);
      this._taps = 2 * this._half;
      /** What passes is so much later, in outputs. */
      this.delay = Math.ceil((this._half * to_hz) / from_hz);
      this._filters = this._designed((CUTOFF * lower) / from_hz, (HALF_WIDTH * from_hz) / lower);
      this._line = new Float32Array(this._taps + LINE);
      this._filled = this._half - 1; // silence before the first input
      this._at = 0;
      this._phase = 0;
    }

    /** One filter for each position of an output between two inputs; all have a gain of one. */
    _designed(/** @type {number} */ cutoff, /** @type {number} */ half) {
      const filters = [];
      for (let phase = 0; phase < this._phases; phase++) {
        const filter = new Float32Array(this._taps);
        let sum = 0;
        for (let tap = 0; tap < this._taps; tap++) {
          const distance = tap - (this._half - 1) - phase / this._phases;
          const x = 2 * cutoff * distance * Math.PI;
          const inside = 1 - (distance / half) ** 2;
          const window = inside > 0 ? bessel(BETA * Math.sqrt(inside)) : 0;
          filter[tap] = (x === 0 ? 1 : Math.sin(x) / x) * window;
          sum += filter[tap];
        }
        filters.push(filter.map((weight) => weight / sum));
      }
      return filters;
    }

    /** How many more inputs it takes until `outputs` of them can be made. */
    needed(/** @type {number} */ outputs) {
      const last = this._at + Math.floor((this._phase + (outputs - 1) * this._step) / this._phases);
      return Math.max(0, last + this._taps - this._filled);
    }

    /** Take inputs, write what outputs they make; returns how many those are. */
    process(/** @type {Float32Array} */ input, /** @type {Float32Array} */ output) {
      const line = this._line;
      line.set(input, this._filled);
      this._filled += input.length;
      let made = 0;
      for (; this._at + this._taps <= this._filled && made < output.length; made++) {
        const filter = this._filters[this._phase];
        let sum = 0;
        for (let tap = 0; tap < filter.length; tap++) sum += filter[tap] * line[this._at + tap];
        output[made] = sum;
        this._phase += this._step;
        this._at += Math.floor(this._phase / this._phases);
        this._phase %= this._phases;
      }
      line.copyWithin(0, this._at, this._filled);
      this._filled -= this._at;
      this._at = 0;
      return made;
    }
  };
}
