// @ts-check
"use strict";

/** Follows a live call: each line of its journal as it is written. It only listens. */
antiphon.Live = class {
  /** @param {any} call @param {string} id
   * @param {{line: () => void, turns: () => void, over: () => void}} told */
  constructor(call, id, told) {
    this.call = call;
    this.id = id;
    this.told = told;
    this.closed = false;
    /** @type {number} how far the clock of the call is behind ours (ms), at the least */
    this.behind = Infinity;
    this.listen();
  }

  listen() {
    const after = this.call.lines.length;
    this.source = new EventSource("/inspect/live?id=" + encodeURIComponent(this.id) + "&after=" + after);
    this.source.addEventListener("line", (/** @type {any} */ event) => {
      const line = JSON.parse(event.data).line;
      this.call.add(line);
      this.behind = Math.min(this.behind, performance.now() - antiphon.timeOf(line));
      this.told.line();
    });
    this.source.addEventListener("turns", (/** @type {any} */ event) => {
      this.call.turns = JSON.parse(event.data);
      this.call.lanes.setTurns(this.call.turns);
      this.told.turns();
    });
    this.source.addEventListener("over", () => {
      this.close();
      this.told.over();
    });
    // Taken up where it broke off: by itself it would begin again where it began.
    this.source.addEventListener("error", () => {
      if (this.closed) return;
      this.source.close();
      setTimeout(() => this.closed || this.listen(), 1000);
    });
  }

  /** What time it is in the call, about. */
  get now() {
    return Math.max(this.call.endMs, this.behind === Infinity ? 0 : performance.now() - this.behind);
  }

  close() {
    this.closed = true;
    this.source.close();
  }
};
