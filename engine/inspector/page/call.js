// @ts-check
"use strict";

/**
 * One call: its journal lines in order, and what holds at each of them. Everything is found by
 * binary search, and a live call grows by a line at a time.
 *
 * A line's time is not quite rising in a journal (an event happens a little before it is written
 * down). The order of the lines is the truth, so `at` is the latest time so far.
 */
antiphon.Call = class {
  /** @param {any} view what the service or the report says of a call */
  constructor(view) {
    this.summary = view.call;
    this.journal = view.journal;
    this.chart = view.chart;
    this.matches = view.matches_chart;
    this.turns = view.turns;
    this.laws = view.laws;
    this.judged = view.judged;
    this.troubles = view.troubles;
    this.sound = view.sound && antiphon.soundOf(view.sound);
    this.live = view.call.outcome === "live";
    /** @type {any[]} */ this.lines = [];
    /** @type {number[]} */ this.at = [];
    /** @type {number[]} the last event that moved the chart, for each line; -1 before the first */
    this.eventOf = [];
    this.lanes = new antiphon.Lanes(this);
    for (const line of view.lines) this.add(line);
    this.lanes.setTurns(this.turns);
    this.lanes.setLaws(this.laws);
  }

  /** Take in the next line. @param {any} line */
  add(line) {
    const index = this.lines.length;
    const before = index ? this.at[index - 1] : 0;
    this.lines.push(line);
    this.at.push(Math.max(before, antiphon.timeOf(line)));
    const moved = line.line === "event" && line.states && line.states.length;
    this.eventOf.push(moved ? index : index ? this.eventOf[index - 1] : -1);
    this.lanes.add(line, index);
  }

  /** The end of what there is. */
  get endMs() {
    return this.at.length ? this.at[this.at.length - 1] : 0;
  }

  /** The last line at a moment, -1 before the first. @param {number} ms */
  lineAt(ms) {
    return antiphon.firstAtLeast(this.at, ms + 1e-6) - 1;
  }

  /** The event by which the chart stands as it does at a line. @param {number} index */
  eventAt(index) {
    const at = index < 0 ? -1 : this.eventOf[index];
    return at < 0 ? null : this.lines[at];
  }

  /** The states at a line. @param {number} index @returns {string[]} */
  statesAt(index) {
    const event = this.eventAt(index);
    return event ? event.states : [];
  }

  /** The transition of the chart with a number, if it is the chart of the call.
   * @param {number} number */
  transition(number) {
    return this.matches ? this.chart.transitions[number] : undefined;
  }

  /** Whether an event took a transition with an action. @param {any} line @param {string} action */
  does(line, action) {
    return (line.took || []).some((/** @type {any} */ [number]) => {
      const one = this.transition(number);
      return one !== undefined && one.actions.includes(action);
    });
  }
};

/** When a line happened. @param {any} line */
antiphon.timeOf = function (line) {
  switch (line.line) {
    case "event": return line.event.at_ms;
    case "note": return line.note.at_ms;
    case "effect":
    case "end": return line.at_ms;
    default: return 0;
  }
};

/** A line's name, for lists. @param {any} line */
antiphon.nameOf = function (line) {
  switch (line.line) {
    case "event": return line.event.event;
    case "note": return line.note.note;
    case "effect": return line.effect + " " + line.phase;
    default: return line.line;
  }
};

/** What is worth reading in a line, beside its name. @param {any} line */
antiphon.gistOf = function (line) {
  switch (line.line) {
    case "head": return line.agent.name + ", chart " + line.chart;
    case "end": return line.outcome + ": " + line.reason;
    case "effect": return line.state + (line.reason ? ": " + line.reason : "");
    case "event": return gist(line.event, ["event", "at_ms"]);
    case "note": return gist(line.note, ["note", "at_ms"]);
    default: return "";
  }
  /** @param {any} values @param {string[]} known */
  function gist(values, known) {
    const said = values.text ?? values.heard;
    if (said) return "“" + said + "”" + (values.final === false ? " …" : "");
    return Object.entries(values)
      .filter(([key, value]) => !known.includes(key) && value !== "" && value !== false)
      .map(([key, value]) => key + " " + value)
      .join(", ");
  }
};

/** The peaks of a recording, each side with coarser and coarser ones of it, so that any zoom
 * reads about one pair for a pixel. @param {any} sound */
antiphon.soundOf = function (sound) {
  /** @param {string} base64 */
  const side = (base64) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const levels = [new Int8Array(bytes.buffer)];
    while (levels[levels.length - 1].length > 256) {
      const fine = levels[levels.length - 1];
      const coarse = new Int8Array(2 * Math.ceil(fine.length / 4));
      for (let at = 0; at < coarse.length; at += 2) {
        coarse[at] = Math.min(fine[2 * at], fine[2 * at + 2] ?? 0);
        coarse[at + 1] = Math.max(fine[2 * at + 1], fine[2 * at + 3] ?? 0);
      }
      levels.push(coarse);
    }
    return levels;
  };
  return { stepMs: sound.step_ms, caller: side(sound.caller), agent: side(sound.agent) };
};
