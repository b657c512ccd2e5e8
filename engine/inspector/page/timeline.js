// @ts-check
"use strict";

/** The timeline: what of the call is in sight, and what the mouse does to it. */
antiphon.Timeline = class {
  /** @param {(ms: number, line: number | null) => void} seek where the user wants to look */
  constructor(seek) {
    this.seek = seek;
    /** @type {any} */ this.call = null;
    this.from = 0;
    this.to = 1;
    this.ms = 0;
    this.now = 0;
    this.effects = true;
    this.asked = false;
    this.canvas = antiphon.at("lanes");
    this.ruler = antiphon.at("ruler");
    this.cursor = antiphon.at("cursor");
    this.scroller = antiphon.at("scroller");
    this.tip = antiphon.at("tip");
    this.handle();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
    // Kept, because to ask for it in mid-frame would have the page laid out.
    this.width = this.scroller.clientWidth;
    new ResizeObserver(() => {
      this.width = this.scroller.clientWidth;
      this.draw();
    }).observe(this.scroller);
    this.restyle();
  }

  /** Another call, all of it in sight. @param {any} call */
  show(call) {
    this.call = call;
    this.now = call.endMs;
    this.whole();
  }

  restyle() {
    this.colours = antiphon.colours();
    this.draw();
  }

  get lanes() {
    return this.call.lanes.all(this.effects);
  }

  get sight() {
    const { width } = this;
    const left = width < 600 ? 74 : 112;
    return { from: this.from, to: this.to, left, width: Math.max(50, width - left), now: this.now };
  }

  // --- what is in sight ---

  whole() {
    this.look(0, Math.max(this.now, 1000) * 1.01);
  }

  /** @param {number} from @param {number} to */
  look(from, to) {
    const most = Math.max(this.now, 1000) * 1.25;
    const span = Math.min(Math.max(to - from, 40), most);
    this.from = Math.min(Math.max(from, -span * 0.1), Math.max(0, this.now - span * 0.1));
    this.to = this.from + span;
    this.draw();
  }

  /** @param {number} factor below 1 comes closer @param {number} [around] a time that stays where it is */
  zoom(factor, around) {
    const seen = this.ms >= this.from && this.ms <= this.to;
    const at = around ?? (seen ? this.ms : (this.from + this.to) / 2);
    const share = (at - this.from) / (this.to - this.from);
    const span = Math.max(40, (this.to - this.from) * factor);
    this.look(at - share * span, at - share * span + span);
  }

  /** @param {number} ms */
  pan(ms) {
    this.look(this.from + ms, this.to + ms);
  }

  /** Put the cursor at a moment. @param {number} ms @param {boolean} [seen] whether to bring it into sight */
  point(ms, seen) {
    this.ms = ms;
    const span = this.to - this.from;
    if (seen && (ms < this.from || ms > this.to)) this.look(ms - span * 0.4, ms + span * 0.6);
    this.place();
  }

  /** The end of a call that goes on stays in sight. @param {number} now @param {boolean} following */
  grown(now, following) {
    const wasWhole = this.from <= 0 && this.to >= this.now;
    this.now = now;
    const span = Math.max(this.to - this.from, 8000);
    if (following && wasWhole && now < 20000) this.look(0, Math.max(now * 1.05, 8000));
    else if (following) this.look(now - Math.min(span, 20000) * 0.9, now + Math.min(span, 20000) * 0.1);
    else this.draw();
  }

  // --- drawing ---

  /** At the next frame, once. */
  draw() {
    if (this.asked || !this.call) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const { call, sight } = this;
    const laws = call.lanes.laws.layers[0].starts;
    antiphon.paintRuler(this.ruler, sight, this.colours);
    antiphon.paintLanes(this.canvas, this.lanes, sight, this.colours, laws);
    this.place();
  }

  /** The cursor is an element of its own: to move it paints nothing. */
  place() {
    const sight = this.sight;
    const x = antiphon.xOf(sight, this.ms);
    this.cursor.hidden = x < sight.left - 1 || x > sight.left + sight.width + 1;
    this.cursor.style.transform = "translateX(" + x.toFixed(1) + "px)";
    this.cursor.setAttribute("aria-valuemax", String(Math.round(this.now)));
    this.cursor.setAttribute("aria-valuenow", String(Math.round(this.ms)));
    this.cursor.setAttribute("aria-valuetext", antiphon.clock(this.ms));
  }

  // --- mouse, pen, finger ---

  /** @param {{clientX: number}} event */
  msAt(event) {
    const sight = this.sight;
    const x = event.clientX - this.canvas.getBoundingClientRect().left - sight.left;
    return sight.from + (x / sight.width) * (sight.to - sight.from);
  }

  /** The lane and the bar under the mouse. @param {{clientX: number, clientY: number}} event */
  under(event) {
    let y = event.clientY - this.canvas.getBoundingClientRect().top;
    const lane = y < 0 ? undefined : this.lanes.find((/** @type {any} */ one) => (y -= one.height + 1) < 0);
    if (!lane) return { lane: null, bar: null };
    const slack = (4 * (this.to - this.from)) / this.sight.width;
    for (const bars of [...lane.layers].reverse()) {
      const bar = bars.near(this.msAt(event), slack);
      if (bar) return { lane, bar };
    }
    return { lane, bar: null };
  }

  handle() {
    const stage = antiphon.at("stage");
    /** @type {any} */ let held = null;
    stage.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (!this.call || event.button) return;
      const scrubs = event.target === this.ruler || event.target === this.cursor;
      held = { x: event.clientX, from: this.from, to: this.to, scrubs, moved: scrubs };
      stage.setPointerCapture(event.pointerId);
      if (scrubs) this.scrub(event);
    });
    stage.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!this.call) return;
      if (!held) return this.hover(event);
      held.moved ||= Math.abs(event.clientX - held.x) > 4;
      if (held.scrubs) this.scrub(event);
      else if (held.moved) {
        const ms = ((held.x - event.clientX) / this.sight.width) * (held.to - held.from);
        this.look(held.from + ms, held.to + ms);
      }
    });
    stage.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
      if (held && !held.moved) {
        const { bar } = this.under(event);
        this.seek(bar ? this.call.at[bar.line] ?? bar.start : this.bounded(this.msAt(event)), bar ? bar.line : null);
      }
      held = null;
    });
    stage.addEventListener("pointercancel", () => (held = null));
    stage.addEventListener("pointerleave", () => (this.tip.hidden = true));
    stage.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      const overNames = event.clientX - this.canvas.getBoundingClientRect().left < this.sight.left;
      if (!this.call || overNames) return; // there the wheel scrolls
      event.preventDefault();
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.pan((sideways / this.sight.width) * (this.to - this.from));
      } else this.zoom(Math.exp(event.deltaY / 300), this.msAt(event));
    }, { passive: false });
  }

  /** @param {number} ms */
  bounded(ms) {
    return Math.min(Math.max(ms, 0), this.now);
  }

  /** @param {PointerEvent} event */
  scrub(event) {
    this.seek(this.bounded(this.msAt(event)), null);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const { lane, bar } = event.target === this.canvas ? this.under(event) : { lane: null, bar: null };
    this.tip.hidden = !bar;
    if (!bar || !lane) return;
    const lasts = bar.end === Infinity ? ", goes on" : bar.end > bar.start ? ", " + antiphon.took(bar.end - bar.start) : "";
    this.tip.replaceChildren(
      antiphon.el("b", "", lane.name + (bar.kind.startsWith("in ") ? "" : ": " + bar.kind)),
      antiphon.el("span", "when", antiphon.clock(bar.start) + lasts),
      antiphon.el("div", "", bar.label),
    );
    const around = antiphon.at("timeline").getBoundingClientRect();
    const x = Math.min(event.clientX - around.left + 12, around.width - this.tip.offsetWidth - 8);
    const below = event.clientY - around.top + 16;
    const fits = below + this.tip.offsetHeight < around.height;
    this.tip.style.left = Math.max(4, x) + "px";
    this.tip.style.top = (fits ? below : event.clientY - around.top - this.tip.offsetHeight - 8) + "px";
  }
};
