// @ts-check
"use strict";
// The loudspeaker's end: takes the agent's sound, marks and clears from the page, plays them, and
// posts the marks that were heard, and ten times a second how much is waiting.

{
  const TOLD_MS = 100;

  registerProcessor(
    "antiphon-playout",
    class extends AudioWorkletProcessor {
      constructor() {
        super();
        this._playout = new antiphon.Playout(sampleRate);
        this._told = 0;
        this.port.onmessage = ({ data }) => this._take(data);
      }

      _take(/** @type {{kind: string, mulaw: Uint8Array, name: string, latency_s: number}} */ data) {
        const playout = this._playout;
        if (data.kind === "audio") playout.add(data.mulaw);
        else if (data.kind === "mark") playout.mark(data.name);
        else if (data.kind === "latency") playout.latency = Math.round(data.latency_s * sampleRate);
        else if (data.kind === "clear") {
          const dropped_ms = playout.buffered_ms;
          this.port.postMessage({ kind: "cleared", dropped_ms, marks: playout.clear() });
          this._tell();
        }
      }

      _tell() {
        const { buffered_ms, underruns } = this._playout;
        this.port.postMessage({ kind: "buffer", buffered_ms, underruns });
        this._told = currentTime;
      }

      process(/** @type {Float32Array[][]} */ _, /** @type {Float32Array[][]} */ [[output]]) {
        const marks = this._playout.read(output);
        if (marks.length) this.port.postMessage({ kind: "heard", marks });
        if ((currentTime - this._told) * 1000 >= TOLD_MS) this._tell();
        return true;
      }
    },
  );
}
