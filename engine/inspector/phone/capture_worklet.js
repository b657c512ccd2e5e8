// @ts-check
"use strict";
// The microphone's end: samples of the audio context in, µ-law frames of 20 ms out, each posted
// to the page as it is complete.

{
  const { RATE_HZ, FRAME_BYTES, encode } = antiphon.mulaw;

  registerProcessor(
    "antiphon-capture",
    class extends AudioWorkletProcessor {
      constructor() {
        super();
        this._resampler = new antiphon.Resampler(sampleRate, RATE_HZ);
        this._made = new Float32Array(512);
        this._frame = new Float32Array(FRAME_BYTES);
        this._filled = 0;
        this._quiet = new Float32Array(128);
      }

      process(/** @type {Float32Array[][]} */ [channels]) {
        // An input without a channel is a microphone that was unplugged: time goes on all the same.
        const input = channels[0] ?? this._quiet;
        const made = this._made.subarray(0, this._resampler.process(input, this._made));
        for (let from = 0; from < made.length; ) {
          const piece = made.subarray(from, from + FRAME_BYTES - this._filled);
          this._frame.set(piece, this._filled);
          this._filled += piece.length;
          from += piece.length;
          if (this._filled === FRAME_BYTES) this._post();
        }
        return true;
      }

      _post() {
        const codes = new Uint8Array(FRAME_BYTES);
        encode(this._frame, codes);
        this.port.postMessage(codes, [codes.buffer]);
        this._filled = 0;
      }
    },
  );
}
