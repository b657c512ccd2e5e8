// @ts-check
"use strict";

(() => {
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
      this.floor = "";
      this.around = "";
      /** @type {Map<string, any>} where each part is */ this.boxes = new Map();
      this.size = { width: 1, height: 1 };
      new ResizeObserver(() => this.resized()).observe(host);
      this.resting = false;
      /** @type {any} */ this.lighted = undefined;
      /** @type {any} the latest glide */ this.gliding = null;
      this.following = false;
      if (text) this.put(text);
      else host.append(antiphon.el("p", "none", "There is no picture of this chart."));
    }

    /** @param {string} text */
    put(text) {
      // Its styles as a sheet of the page: a policy that forbids styles inside markup allows that.
      /** @type {string[]} */
      const styles = [];
      const bare = text.replace(/<style[^>]*>([^]*?)<\/style>/g, (_, css) => {
        styles.push(css.replaceAll("&gt;", ">"));
        return "";
      });
      const parsed = new DOMParser().parseFromString(bare, "image/svg+xml");
      /** @type {any} */
      const svg = document.importNode(parsed.documentElement, true);
      if (svg.nodeName !== "svg") return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles.join("\n"));
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
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
      this.settle();
      const event = call.eventAt(index);
      if (event === this.shown) return;
      this.shown = event;
      this.light = () => this.lightUp(call, event);
      if (this.resting) return;
      this.light();
      this.resting = true; // a big picture is dear to paint: not at each frame of a scrub
      setTimeout(() => {
        this.resting = false;
        if (this.lighted !== this.shown) this.light();
      }, REST_MS);
    }

    /** @param {any} call @param {any} event the one that led to what holds; null before the first */
    lightUp(call, event) {
      this.lighted = event;
      for (const part of this.lit) part.classList.remove("lit", "leaf", "taken");
      this.lit = [];
      if (!event) return;
      const inner = antiphon.innermost(call, event.states);
      for (const id of event.states) this.markById("state-" + id, inner.includes(id) ? ["lit", "leaf"] : ["lit"]);
      for (const [number] of event.took || []) {
        const one = call.transition(number);
        if (!one) continue;
        this.markById("t" + number, ["taken"]);
        const arrows = this.arrows.get("t" + number) || this.arrows.get(String(number));
        if (arrows) for (const arrow of arrows) this.mark(arrow, ["taken"]);
        else this.markById("from-" + one.source + "-to-" + one.target, ["taken"]);
      }
      this.floor = floorOf(call, inner);
      this.around = call.lanes.parents.get(this.floor) || "";
    }

    /** Follow as soon as nobody scrubs or steps any more: to move a big picture is dear. */
    settle() {
      if (!this.following) return;
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.following && this.follow(), SETTLED_MS);
    }

    resized() {
      this.size = { width: this.host.clientWidth || 1, height: this.host.clientHeight || 1 };
      if (this.following) this.follow();
    }

    /** @param {string} id @param {string[]} classes */
    markById(id, classes) {
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
      if (this.svg) this.glide(this.all);
    }

    /** The state of the floor in the middle, with what is around it, at a size that can be read.
     * Where the size stays, texts need not be laid out again. */
    follow() {
      const leaf = this.floor && this.boxOf("state-" + this.floor);
      const around = this.boxOf("state-" + this.around);
      if (leaf) this.goTo(leaf, around || leaf);
    }

    /** Show a part of the picture, and stay there. @param {string} id */
    reveal(id) {
      const box = this.boxOf(id);
      if (!box) return;
      this.taken();
      this.goTo(box, box);
    }

    /** Have a box in the middle, or a bigger one if that fits. @param {any} box @param {any} bigger */
    goTo(box, bigger) {
      const seen = this.size;
      const width = Math.min(seen.width / READABLE, this.all.width * 1.1);
      const height = (width * seen.height) / seen.width;
      const at = bigger.width < width && bigger.height < height ? bigger : box;
      const inside = (/** @type {number} */ middle, /** @type {number} */ seen, /** @type {number} */ from, /** @type {number} */ all) =>
        seen < all ? Math.min(Math.max(middle - seen / 2, from), from + all - seen) : from + (all - seen) / 2;
      const x = inside(at.x + at.width / 2, width, this.all.x, this.all.width);
      const y = inside(at.y + at.height / 2, height, this.all.y, this.all.height);
      this.glide({ x, y, width, height });
    }

    /** Where a part is in the picture; it never moves. @param {string} id */
    boxOf(id) {
      if (!this.boxes.has(id)) {
        const part = this.parts.get(id);
        const inverse = this.svg && this.svg.getScreenCTM()?.inverse();
        if (!part || !inverse) return null;
        const { left, top, right, bottom } = part.getBoundingClientRect();
        const from = new DOMPoint(left, top).matrixTransform(inverse);
        const to = new DOMPoint(right, bottom).matrixTransform(inverse);
        this.boxes.set(id, { x: from.x, y: from.y, width: to.x - from.x, height: to.y - from.y });
      }
      return this.boxes.get(id);
    }

    /** There in a moment, so that eyes can go along. @param {any} box */
    glide(box) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const mine = (this.gliding = {});
      const from = { ...this.box };
      if (SIDES.every((side) => Math.abs(from[side] - box[side]) < 0.1)) return;
      const began = performance.now();
      const step = () => {
        if (this.gliding !== mine) return;
        const share = still ? 1 : Math.min(1, (performance.now() - began) / GLIDE_MS);
        const eased = 1 - (1 - share) ** 3;
        const between = (/** @type {"x" | "y" | "width" | "height"} */ side) => from[side] + (box[side] - from[side]) * eased;
        this.look({ x: between("x"), y: between("y"), width: between("width"), height: between("height") });
        if (share < 1) requestAnimationFrame(step);
      };
      step();
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

    /** A person looks around: from now on they decide. */
    taken() {
      this.gliding = null;
      this.following = false;
      this.host.dispatchEvent(new Event("taken"));
    }

    /** Wheel and drag. */
    handle() {
      const point = (/** @type {any} */ event) =>
        new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      this.svg.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
        event.preventDefault();
        this.taken();
        this.zoom(Math.exp(event.deltaY / 400), point(event));
      }, { passive: false });
      /** @type {any} */ let held = null;
      this.svg.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
        held = point(event);
        this.taken();
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

  /** @type {("x" | "y" | "width" | "height")[]} */
  const SIDES = ["x", "y", "width", "height"];
  const GLIDE_MS = 220;
  const SETTLED_MS = 90;
  const REST_MS = 50;
  /** Pixels for each unit of the picture, at which its texts can be read. */
  const READABLE = 0.72;

  /** The innermost state of the first region: who may speak. @param {any} call @param {string[]} inner */
  function floorOf(call, inner) {
    const region = call.lanes.regions[0]?.id;
    return inner.find((id) => region && call.lanes.within(id, region)) || inner[0];
  }
})();
