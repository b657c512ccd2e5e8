// @ts-check
"use strict";

/**
 * The picture of the chart, lit: the states that hold, and the last transitions that were taken.
 * The picture names its parts: `state-<id>`, `t<number>` for a transition's line, and arrows with
 * `data-transitions`, or `from-<source>-to-<target>`. What a picture lacks is not lit.
 */
antiphon.Picture = class {
  /** @param {any} host where it goes @param {string} text the SVG; empty where there is none */
  constructor(host, text) {
    this.host = host;
    /** @type {Element[]} */ this.lit = [];
    /** @type {any} */ this.shown = undefined;
    /** @type {Map<string, Element>} */ this.parts = new Map();
    /** @type {Map<string, Element[]>} arrows by the number of a transition */ this.arrows = new Map();
    this.svg = null;
    this.following = false;
    if (text) this.put(text);
    else host.append(antiphon.el("p", "none", "There is no picture of this chart."));
  }

  /** @param {string} text */
  put(text) {
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
    /** @type {any} */
    const svg = document.importNode(parsed.documentElement, true);
    if (svg.nodeName !== "svg") return;
    // Its styles as a sheet of the page: a policy that forbids styles inside markup allows that.
    const styles = [...svg.querySelectorAll("style")].map((one) => {
      one.remove();
      return one.textContent;
    });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles.join("\n"));
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    if (!styles.length) svg.classList.add("plain");
    for (const title of svg.querySelectorAll("title")) title.remove(); // they would be tips everywhere
    for (const part of svg.querySelectorAll("[id]")) this.parts.set(part.id, part);
    for (const arrow of svg.querySelectorAll("[data-transitions]")) {
      for (const number of arrow.dataset.transitions.split(" ")) {
        this.arrows.set(number, [...(this.arrows.get(number) || []), arrow]);
      }
    }
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "The statechart; the states that hold are named above it.");
    this.svg = svg;
    this.host.replaceChildren(svg);
    const box = svg.viewBox.baseVal;
    this.all = { x: box.x, y: box.y, width: box.width, height: box.height };
    this.box = { ...this.all };
    this.handle();
  }

  /** Light what holds at a line of the call. @param {any} call @param {number} index */
  show(call, index) {
    const event = call.eventAt(index);
    if (event === this.shown) return;
    this.shown = event;
    for (const part of this.lit) part.classList.remove("lit", "leaf", "taken");
    this.lit = [];
    if (!event) return;
    const inner = antiphon.innermost(call, event.states);
    for (const id of event.states) this.light("state-" + id, inner.includes(id) ? ["lit", "leaf"] : ["lit"]);
    for (const [number] of event.took || []) {
      const one = call.transition(number);
      if (!one) continue;
      this.light("t" + number, ["taken"]);
      const arrows = this.arrows.get("t" + number) || this.arrows.get(String(number));
      if (arrows) for (const arrow of arrows) this.mark(arrow, ["taken"]);
      else this.light("from-" + one.source + "-to-" + one.target, ["taken"]);
    }
    if (this.following) this.follow();
  }

  /** @param {string} id @param {string[]} classes */
  light(id, classes) {
    const part = this.parts.get(id);
    if (part) this.mark(part, classes);
  }

  /** @param {Element} part @param {string[]} classes */
  mark(part, classes) {
    part.classList.add(...classes);
    this.lit.push(part);
  }

  // --- what of it is seen ---

  /** All of it. */
  whole() {
    if (this.svg) this.look({ ...this.all });
  }

  /** As near as the states that hold and the transition that was taken allow. */
  follow() {
    const parts = this.lit.filter((part) => part.matches(".leaf, .taken"));
    if (!this.svg || !parts.length) return;
    const inverse = this.svg.getScreenCTM().inverse();
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const part of parts) {
      const seen = part.getBoundingClientRect();
      const from = new DOMPoint(seen.left, seen.top).matrixTransform(inverse);
      const to = new DOMPoint(seen.right, seen.bottom).matrixTransform(inverse);
      left = Math.min(left, from.x);
      top = Math.min(top, from.y);
      right = Math.max(right, to.x);
      bottom = Math.max(bottom, to.y);
    }
    const margin = this.all.width / 40;
    this.look({ x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin });
  }

  /** @param {{x: number, y: number, width: number, height: number}} box */
  look(box) {
    this.box = box;
    this.svg.setAttribute("viewBox", [box.x, box.y, box.width, box.height].map((one) => one.toFixed(1)).join(" "));
  }

  /** @param {number} factor below 1 comes closer @param {DOMPoint} [around] */
  zoom(factor, around) {
    if (!this.svg) return;
    const { x, y, width, height } = this.box;
    const bounded = Math.min(Math.max(factor, this.all.width / 40 / width), (1.2 * this.all.width) / width);
    const at = around || new DOMPoint(x + width / 2, y + height / 2);
    this.look({
      x: at.x - (at.x - x) * bounded,
      y: at.y - (at.y - y) * bounded,
      width: width * bounded,
      height: height * bounded,
    });
  }

  /** Wheel and drag. */
  handle() {
    const point = (/** @type {any} */ event) =>
      new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    this.svg.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 400), point(event));
    }, { passive: false });
    /** @type {any} */ let held = null;
    this.svg.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      held = point(event);
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!held) return;
      const now = point(event);
      this.look({ ...this.box, x: this.box.x + held.x - now.x, y: this.box.y + held.y - now.y });
    });
    for (const over of ["pointerup", "pointercancel"]) this.svg.addEventListener(over, () => (held = null));
  }
};

/** The states that hold no other that holds. @param {any} call @param {string[]} states */
antiphon.innermost = function (call, states) {
  const around = new Set(states.map((id) => call.lanes.parents.get(id)));
  return states.filter((id) => !around.has(id));
};
