// @ts-check
"use strict";

/**
 * What the timeline draws: bars and points, in lanes.
 *
 * @typedef {{start: number, end: number, kind: string, label: string, line: number}} Bar
 * A bar's `end` is Infinity while it lasts; a point begins and ends at once. `line` is where it
 * comes from in the journal.
 */

/** Bars of a kind, by their beginning. @type {any} */
antiphon.Bars = class {
  constructor() {
    /** @type {Bar[]} */ this.bars = [];
    /** @type {number[]} */ this.starts = [];
    /** @type {number[]} how far the bars up to here reach: it only rises, so it can be searched */
    this.reach = [];
  }

  /** @param {number} start @param {number} end @param {string} kind @param {string} label
   * @param {number} line @returns {Bar} */
  add(start, end, kind, label, line) {
    const bar = { start, end, kind, label, line };
    let at = this.bars.length;
    while (at > 0 && this.starts[at - 1] > start) at -= 1;
    this.bars.splice(at, 0, bar);
    this.starts.splice(at, 0, start);
    this.reckon(at);
    return bar;
  }

  /** It is over. @param {Bar} bar @param {number} end @param {string} [kind] */
  close(bar, end, kind) {
    bar.end = Math.max(bar.start, end);
    if (kind) bar.kind = kind;
    this.reckon(this.bars.lastIndexOf(bar));
  }

  /** @param {number} from */
  reckon(from) {
    this.reach.length = this.bars.length;
    for (let at = from; at < this.bars.length; at += 1) {
      this.reach[at] = Math.max(at ? this.reach[at - 1] : -Infinity, this.bars[at].end);
    }
  }

  /** The bar at a moment, or one within `slackMs` of it. @param {number} ms @param {number} slackMs */
  near(ms, slackMs) {
    let best = null;
    let gap = slackMs;
    const from = antiphon.firstAtLeast(this.reach, ms - slackMs);
    for (let at = from; at < this.bars.length && this.starts[at] <= ms + slackMs; at += 1) {
      const bar = this.bars[at];
      const off = Math.max(bar.start - ms, ms - bar.end, 0);
      if (off <= gap) {
        best = bar;
        gap = off;
      }
    }
    return best;
  }
};

/** One line of the timeline. `layers` are drawn one over the other. @type {any} */
antiphon.Lane = class {
  /** @param {string} name @param {number} height @param {string} group @param {number} [layers] */
  constructor(name, height, group, layers) {
    this.name = name;
    this.height = height;
    this.group = group;
    this.layers = Array.from({ length: layers || 1 }, () => new antiphon.Bars());
    /** @type {any} the peaks to draw behind it, by level of detail */
    this.peaks = null;
    this.stepMs = 0;
    /** Whether labels may go on after their bars, as far as there is room. */
    this.spills = false;
  }
};
