// @ts-check
"use strict";

(() => {
  /**
   * Paints the timeline on its canvases. Only what is in sight is looked at: the first bar is found
   * by binary search, and where bars are narrower than a pixel, one of them stands for all in it.
   *
   * @typedef {{from: number, to: number, left: number, width: number, now: number}} Sight
   * The time in sight (ms), where it begins on the canvas and how wide that is (pixels), and until
   * when there is anything.
   */

  const RULER_PX = 22;
  const LABEL_FONT = "11px system-ui, sans-serif";
  const CHAR_PX = 6;
  const MS_STEPS = [10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 18e5];

  /** The colour of each kind of bar: a custom property of the page. */
  const COLOURS = {
    speech: "caller", key: "caller-strong", partial: "faint", final: "caller",
    natural: "good", acceptable: "fair", slow: "slow", broken: "bad", none: "faint",
    asked: "model-faint", tokens: "model", dropped: "off", clause: "model-strong", hedge: "slow-strong",
    composed: "model-faint", heard: "agent", sent: "agent-faint", cut: "agent", mark: "agent-strong",
    clear: "bad-strong", running: "effect", done: "effect", cancelled: "off", abandoned: "slow",
    failed: "bad", unknown: "slow", law: "bad-strong", takeover: "slow-strong",
    "in listening": "caller", "in thinking": "fair", "in speaking": "agent", "in interrupted": "bad",
  };
  /** Kinds that are drawn as if unfinished. */
  const HOLLOW = new Set(["dropped", "cancelled"]);

  /** Kinds of points that leave room for a label above them. */
  const LOW = new Set(["partial", "mark", "clause"]);

  antiphon.RULER_PX = RULER_PX;

  /** The colours as the page has them now. */
  antiphon.colours = function () {
    const style = getComputedStyle(document.documentElement);
    const read = (/** @type {string} */ name) => style.getPropertyValue("--" + name).trim();
    /** @type {any} */
    const colours = { ink: read("ink"), dim: read("dim"), line: read("line"), back: read("panel"), bad: read("bad-strong"), other: read("faint") };
    colours.wave = { caller: read("caller-strong"), agent: read("agent-strong") };
    for (const [kind, name] of Object.entries(COLOURS)) colours[kind] = read(name);
    return colours;
  };

  /** @param {any} canvas @param {number} width @param {number} height */
  antiphon.sized = function (canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = width + "px";
      canvas.style.height = height + "px";
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = LABEL_FONT;
    context.textBaseline = "middle";
    return context;
  };

  /** Where a time is on the canvas. @param {Sight} sight @param {number} ms */
  antiphon.xOf = function (sight, ms) {
    return sight.left + ((ms - sight.from) / (sight.to - sight.from)) * sight.width;
  };

  /** @param {any} canvas @param {Sight} sight @param {any} colours */
  antiphon.paintRuler = function (canvas, sight, colours) {
    const width = sight.left + sight.width;
    const context = antiphon.sized(canvas, width, RULER_PX);
    context.fillStyle = colours.back;
    context.fillRect(0, 0, width, RULER_PX);
    const span = sight.to - sight.from;
    const step = MS_STEPS.find((one) => (one / span) * sight.width >= 74) || 36e5;
    context.fillStyle = colours.dim;
    context.strokeStyle = colours.line;
    context.beginPath();
    for (let ms = Math.max(0, Math.ceil(sight.from / step) * step); ms <= sight.to; ms += step) {
      const x = Math.round(antiphon.xOf(sight, ms)) + 0.5;
      context.moveTo(x, RULER_PX - 6);
      context.lineTo(x, RULER_PX);
      const text = tick(ms, step);
      if (x + 3 + text.length * CHAR_PX < width) context.fillText(text, x + 3, RULER_PX / 2);
    }
    context.moveTo(0, RULER_PX - 0.5);
    context.lineTo(width, RULER_PX - 0.5);
    context.stroke();
  };

  /** @param {number} ms @param {number} step */
  function tick(ms, step) {
    const digits = step >= 1000 ? 0 : step >= 100 ? 1 : 2;
    if (step < 60000 && ms < 60000) return (ms / 1000).toFixed(digits) + " s";
    const seconds = ((ms % 60000) / 1000).toFixed(digits);
    return Math.floor(ms / 60000) + ":" + seconds.padStart(digits ? digits + 3 : 2, "0");
  }

  /** All lanes, from top to bottom. @param {any} canvas @param {any[]} lanes @param {Sight} sight
   * @param {any} colours @param {number[]} laws when laws were broken, rising */
  antiphon.paintLanes = function (canvas, lanes, sight, colours, laws) {
    const width = sight.left + sight.width;
    const height = antiphon.heightOf(lanes);
    const context = antiphon.sized(canvas, width, height);
    context.clearRect(0, 0, width, height);
    let top = 0;
    for (const lane of lanes) {
      context.save();
      context.beginPath();
      context.rect(sight.left, top, sight.width, lane.height);
      context.clip();
      lane.layers.forEach((/** @type {any} */ bars, /** @type {number} */ layer) => {
        paintBars(context, bars, lane, top, layer, sight, colours);
        if (!layer && lane.peaks) paintWave(context, lane, top, sight, colours.wave[lane.group]);
      });
      context.restore();
      context.fillStyle = colours.dim;
      context.fillText(lane.name, 8, top + lane.height / 2 + 0.5, sight.left - 12);
      context.fillStyle = colours.line;
      context.fillRect(0, top + lane.height, width, 1);
      top += lane.height + 1;
    }
    context.fillStyle = colours.bad;
    for (let at = antiphon.firstAtLeast(laws, sight.from); at < laws.length && laws[at] <= sight.to; at += 1) {
      context.fillRect(antiphon.xOf(sight, laws[at]) - 0.5, 0, 1.5, height);
    }
  };

  /** @param {any[]} lanes */
  antiphon.heightOf = function (lanes) {
    return lanes.reduce((sum, lane) => sum + lane.height + 1, 0);
  };

  /** @param {any} context @param {any} bars @param {any} lane @param {number} top
   * @param {number} layer @param {Sight} sight @param {any} colours */
  function paintBars(context, bars, lane, top, layer, sight, colours) {
    const msPerPx = (sight.to - sight.from) / sight.width;
    const pad = lane.height > 16 ? 2 : 1;
    const height = lane.height - 2 * pad;
    let at = antiphon.firstAtLeast(bars.reach, sight.from);
    while (at < bars.bars.length && bars.starts[at] < sight.to) {
      const bar = bars.bars[at];
      const x = antiphon.xOf(sight, bar.start);
      const end = antiphon.xOf(sight, Math.min(bar.end, sight.now));
      const colour = colours[bar.kind] || colours.other;
      if (layer || bar.end === bar.start) {
        const nextX = at + 1 < bars.starts.length ? antiphon.xOf(sight, bars.starts[at + 1]) : Infinity;
        if (nextX - x > 7) point(context, bar, x, top + pad, height, colour, layer);
        else {
          const low = LOW.has(bar.kind) ? 0.6 : 0;
          context.fillStyle = colour;
          context.fillRect(Math.round(x), Math.round(top + pad + height * low), 1, Math.round(height * (1 - low)));
        }
      } else {
        // Whole pixels: a rectangle between two costs several times as much.
        const seenX = Math.round(Math.max(x, sight.left - 4));
        const wide = Math.max(1, Math.round(Math.min(end, sight.left + sight.width + 4)) - seenX);
        context.fillStyle = colour;
        if (HOLLOW.has(bar.kind) && wide > 3) {
          context.globalAlpha = 0.3;
          context.fillRect(seenX, top + pad, wide, height);
          context.globalAlpha = 1;
          context.strokeStyle = colour;
          context.strokeRect(seenX + 0.5, top + pad + 0.5, wide - 1, height - 1);
        } else context.fillRect(seenX, top + pad, wide - (wide > 4 ? 1 : 0), height);
        if (bar.kind === "cut") {
          context.fillStyle = colours.bad;
          context.fillRect(Math.round(end) - 3, top + pad, 3, height);
        }
      }
      if (!layer && lane.height > 16) label(context, bars, at, lane, top, x, end, sight, colours.ink);
      at = next(bars, at, end - x < 1 ? bar.start + msPerPx : -Infinity, msPerPx);
    }
  }

  /** As much of a bar's label as there is room for until the next bar.
   * @param {any} context @param {any} bars @param {number} at @param {any} lane @param {number} top
   * @param {number} x @param {number} end @param {Sight} sight @param {string} colour */
  function label(context, bars, at, lane, top, x, end, sight, colour) {
    const right = sight.left + sight.width;
    const nextX = at + 1 < bars.starts.length ? antiphon.xOf(sight, bars.starts[at + 1]) : right;
    const from = Math.max(x, sight.left) + (end - x < 8 ? 7 : 4);
    const room = Math.min(lane.spills ? right : end, nextX, right) - from - 2;
    if (room < 20) return;
    context.fillStyle = colour;
    context.fillText(fitting(bars.bars[at].label, room), from, top + (lane.height > 30 ? 10 : lane.height / 2 + 0.5));
  }

  /** The bar to draw after one. After one that is narrower than a pixel it is the first that begins
   * in another, but for a long one that begins in the same.
   * @param {any} bars @param {number} at @param {number} beyond @param {number} msPerPx */
  function next(bars, at, beyond, msPerPx) {
    if (beyond === -Infinity || !(bars.starts[at + 1] < beyond)) return at + 1;
    const after = antiphon.firstAtLeast(bars.starts, beyond, at + 1);
    const last = bars.bars[after - 1];
    return after - 1 > at && last.end - last.start >= msPerPx ? after - 1 : after;
  }

  /** @param {any} context @param {any} bar @param {number} x @param {number} y @param {number} height
   * @param {string} colour @param {number} layer */
  function point(context, bar, x, y, height, colour, layer) {
    context.fillStyle = colour;
    if (LOW.has(bar.kind)) {
      context.fillRect(Math.round(x), Math.round(y + height * 0.6), 1, Math.round(height * 0.4));
    } else if (layer && bar.kind === "final") {
      context.fillRect(Math.round(x) - 1, y, 2, height);
    } else if (bar.kind === "key") {
      context.fillText(bar.label, x - 3, y + height / 2);
    } else {
      const size = Math.min(5, height / 2);
      context.beginPath();
      context.moveTo(x, y + height / 2 - size);
      context.lineTo(x + size, y + height / 2);
      context.lineTo(x, y + height / 2 + size);
      context.lineTo(x - size, y + height / 2);
      context.fill();
    }
  }

  /** @param {any} context @param {any} lane @param {number} top @param {Sight} sight
   * @param {string} colour */
  function paintWave(context, lane, top, sight, colour) {
    const msPerPx = (sight.to - sight.from) / sight.width;
    let level = 0;
    while (level < lane.peaks.length - 1 && lane.stepMs * 2 ** level < msPerPx) level += 1;
    const peaks = lane.peaks[level];
    const stepMs = lane.stepMs * 2 ** level;
    const middle = top + lane.height * 0.66; // below the labels
    const scale = (lane.height * 0.31) / 128;
    const last = Math.min(peaks.length / 2, Math.ceil(sight.to / stepMs));
    const wide = Math.max(1, Math.ceil(stepMs / msPerPx));
    context.fillStyle = colour;
    for (let at = Math.max(0, Math.floor(sight.from / stepMs)); at < last; at += 1) {
      const low = Math.max(-128, peaks[2 * at] * 1.6);
      const high = Math.min(128, peaks[2 * at + 1] * 1.6);
      if (high - low < 3) continue;
      const x = Math.round(antiphon.xOf(sight, at * stepMs));
      context.fillRect(x, Math.round(middle - high * scale), wide, Math.max(1, Math.round((high - low) * scale)));
    }
  }

  /** As much of a text as fits. @param {string} text @param {number} px */
  function fitting(text, px) {
    const chars = Math.floor(px / CHAR_PX);
    return text.length <= chars ? text : chars > 2 ? text.slice(0, chars - 1) + "…" : "";
  }
})();
