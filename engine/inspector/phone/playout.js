// @ts-check
"use strict";
// What the telephone does with the agent's sound until the caller has heard it, as
// adapters/carriers/playout_buffer.py does: sound and marks queue in order, a mark comes back when
// what was sent before it has been heard, and `clear` throws all of it away.
globalThis.antiphon ??= {};

{
  const { RATE_HZ, decode } = antiphon.mulaw;
  const CUSHION_MS = 40; // gathered before sound begins, against frames that come unevenly
  const BUFFERED_MS_MAX = 600_000; // ten minutes, as at Twilio's
  const samples = (/** @type {number} */ ms) => (ms * RATE_HZ) / 1000;

  antiphon.Playout = class {
    /** For a loudspeaker that takes `rate_hz` samples a second. */
    constructor(/** @type {number} */ rate_hz) {
      this._rate_hz = rate_hz;
      this._resampler = new antiphon.Resampler(RATE_HZ, rate_hz);
      /** Frames of the loudspeaker between a sample's being given out and its being heard. */
      this.latency = 0;
      /** How often sound ran out without a mark at its end: frames that were late. */
      this.underruns = 0;
      /** @type {(Float32Array | string)[]} */
      this._queue = []; // sound, or a mark's name
      this._waiting = 0; // samples in the queue
      this._dry = true; // nothing plays: gather a cushion first
      this._since = 0; // when the first of that cushion came
      this._marked = true; // the last that was played is followed by a mark
      this._now = 0; // frames of the loudspeaker so far
      /** @type {{name: string, due: number}[]} */
      this._passed = []; // marks of what is given out and not yet heard
      this._given = 0; // when what was given out last is heard
    }

    /** How much has not begun to play. */
    get buffered_ms() {
      return (this._waiting * 1000) / RATE_HZ;
    }

    /** Queue the agent's sound; false if there is no room for it. */
    add(/** @type {Uint8Array} */ mulaw) {
      if (this._waiting + mulaw.length > samples(BUFFERED_MS_MAX)) return false;
      if (mulaw.length === 0) return true;
      if (this._waiting === 0) this._since = this._now;
      this._queue.push(decode(mulaw));
      this._waiting += mulaw.length;
      return true;
    }

    /** Queue a mark. */
    mark(/** @type {string} */ name) {
      this._queue.push(name);
    }

    /** Throw away what has not begun to play; the marks that come back for it. */
    clear() {
      const queued = this._queue.filter((item) => typeof item === "string");
      const marks = [...this._passed.map(({ name }) => name), ...queued];
      this._queue = [];
      this._waiting = 0;
      this._dry = true;
      this._marked = true;
      this._passed = [];
      return marks;
    }

    /** Write what plays next; the marks whose sound has been heard by now. */
    read(/** @type {Float32Array} */ output) {
      this._now += output.length;
      const heard_at = this._now + this._resampler.delay + this.latency;
      const input = new Float32Array(this._resampler.needed(output.length));
      if (this._take(input, heard_at)) this._given = heard_at;
      this._resampler.process(input, output);
      while (typeof this._queue[0] === "string") {
        this._passed.push({ name: /** @type {string} */ (this._queue.shift()), due: this._given });
        this._marked = true;
      }
      let heard = 0;
      while (heard < this._passed.length && this._passed[heard].due <= this._now) heard++;
      return this._passed.splice(0, heard).map(({ name }) => name);
    }

    /** Fill `input` with what is next in the queue and heard by then; whether there was any. */
    _take(/** @type {Float32Array} */ input, /** @type {number} */ heard_at) {
      if (this._dry && !this._cushioned()) return false;
      let filled = 0;
      while (filled < input.length && this._waiting > 0) {
        const first = this._queue[0];
        if (typeof first === "string") {
          this._passed.push({ name: first, due: heard_at });
          this._queue.shift();
          this._marked = true;
          continue;
        }
        const piece = first.subarray(0, input.length - filled);
        input.set(piece, filled);
        filled += piece.length;
        this._waiting -= piece.length;
        this._marked = false;
        if (piece.length < first.length) this._queue[0] = first.subarray(piece.length);
        else this._queue.shift();
      }
      this._dry = filled < input.length;
      if (this._dry && !this._marked && typeof this._queue[0] !== "string") this.underruns++;
      return filled > 0;
    }

    /** Whether enough has come, or long enough ago, to begin. */
    _cushioned() {
      const waited = ((this._now - this._since) * 1000) / this._rate_hz;
      return this._waiting > 0 && (this.buffered_ms >= CUSHION_MS || waited >= CUSHION_MS);
    }
  };
}
