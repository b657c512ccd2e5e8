// @ts-check
"use strict";

(() => {
  /**
   * The list of all that happened. Only the rows in sight exist, so that an hour scrolls like a
   * minute. What a search leaves is found once, when the search changes.
   */
  antiphon.Events = class {
    /** @param {(line: number) => void} choose */
    constructor(choose) {
      this.choose = choose;
      /** @type {any} */ this.call = null;
      /** @type {number[] | null} the lines that are found; null where all are */ this.found = null;
      this.index = -1;
      this.seen = 0;
      /** @type {number | null} where to scroll to when it is painted */ this.wanted = null;
      this.asked = false;
      this.list = antiphon.at("event-list");
      this.rows = antiphon.el("div", "rows");
      this.space = antiphon.el("div", "space");
      this.list.append(this.space, this.rows);
      this.search = antiphon.at("search");
      this.search.addEventListener("input", () => this.find());
      this.list.addEventListener("scroll", () => {
        this.top = this.list.scrollTop;
        this.draw();
      });
      this.list.addEventListener("click", (/** @type {any} */ event) => {
        const row = event.target.closest("[data-line]");
        if (row) this.choose(Number(row.dataset.line));
      });
      // Kept, because to ask for them in mid-frame would have the whole page laid out.
      this.top = 0;
      this.height = 0;
      new ResizeObserver(() => {
        this.height = this.list.clientHeight;
        this.reveal();
      }).observe(this.list);
    }

    /** @param {any} call */
    show(call) {
      this.call = call;
      /** @type {string[]} */ this.texts = [];
      this.index = -1;
      this.wanted = 0;
      this.find();
    }

    /** Lines were added. */
    grown() {
      const text = this.search.value.trim().toLowerCase();
      for (let at = this.seen; at < this.call.lines.length; at += 1) {
        if (this.found && this.textOf(at).includes(text)) this.found.push(at);
      }
      this.seen = this.call.lines.length;
      this.draw();
    }

    /** @param {number} at */
    textOf(at) {
      const line = this.call.lines[at];
      return (this.texts[at] ??= (line.line + " " + antiphon.nameOf(line) + " " + antiphon.gistOf(line)).toLowerCase());
    }

    find() {
      if (!this.call) return;
      this.found = this.search.value.trim() ? [] : null;
      this.seen = 0;
      this.grown();
      this.reveal();
    }

    get count() {
      return this.found ? this.found.length : this.call.lines.length;
    }

    /** The place in the list of the line that is chosen, or of the one before it. */
    get place() {
      return this.found ? antiphon.firstAtLeast(this.found, this.index + 1) - 1 : this.index;
    }

    /** This line is the moment. @param {number} index */
    select(index) {
      if (index === this.index) return;
      this.index = index;
      this.reveal();
    }

    /** The line before or after among those found. @param {number} by */
    stepped(by) {
      if (!this.count) return this.index;
      const exact = !this.found || this.found[this.place] === this.index;
      const place = Math.min(Math.max(this.place + (by < 0 && !exact ? 0 : by), 0), this.count - 1);
      return this.found ? this.found[place] : place;
    }

    reveal() {
      const top = Math.max(0, this.place) * ROW_PX;
      const inSight = top >= this.top + ROW_PX && top <= this.top + this.height - 2 * ROW_PX;
      this.wanted = inSight ? null : Math.max(0, top - this.height / 2);
      this.draw();
    }

    draw() {
      if (this.asked || !this.call || !this.height) return; // nobody sees it
      this.asked = true;
      requestAnimationFrame(() => {
        this.asked = false;
        this.paint();
      });
    }

    paint() {
      const { count, place } = this;
      this.space.style.height = count * ROW_PX + "px";
      if (this.wanted !== null) {
        this.list.scrollTop = this.wanted;
        this.top = Math.min(this.wanted, Math.max(0, count * ROW_PX - this.height));
        this.wanted = null;
      }
      antiphon.at("search-count").textContent = this.found ? count + " found" : count + " lines";
      const from = Math.max(0, Math.floor(this.top / ROW_PX) - 2);
      const to = Math.min(count, from + Math.ceil(this.height / ROW_PX) + 4);
      this.rows.style.transform = "translateY(" + from * ROW_PX + "px)";
      const rows = [];
      for (let at = from; at < to; at += 1) rows.push(this.row(at, at === place));
      this.rows.replaceChildren(...rows);
      const active = place >= from && place < to ? "event-" + place : "";
      this.list.setAttribute("aria-activedescendant", active);
    }

    /** @param {number} at @param {boolean} selected */
    row(at, selected) {
      const index = this.found ? this.found[at] : at;
      const line = this.call.lines[index];
      const row = antiphon.el("div", "row kind-" + line.line,
        antiphon.el("span", "when", antiphon.clock(antiphon.timeOf(line))),
        antiphon.el("span", "name", antiphon.nameOf(line)),
        antiphon.el("span", "gist", antiphon.gistOf(line)));
      row.id = "event-" + at;
      row.dataset.line = String(index);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(selected));
      row.setAttribute("aria-setsize", String(this.count));
      row.setAttribute("aria-posinset", String(at + 1));
      return row;
    }
  };

  const ROW_PX = 22;
})();
