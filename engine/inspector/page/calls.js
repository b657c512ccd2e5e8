// @ts-check
"use strict";

(() => {
  /** The list of calls, live ones first, and what it is filtered by. A report has none. */
  antiphon.Calls = class {
    /** @param {(id: string) => void} choose */
    constructor(choose) {
      this.choose = choose;
      /** @type {any[]} */ this.calls = [];
      this.chosen = "";
      this.told = "";
      /** @type {Set<string>} */ this.filters = new Set();
      for (const [flag, name] of Object.entries(FLAGS)) {
        const button = antiphon.el("button", "", name);
        button.type = "button";
        antiphon.press(button, false);
        button.addEventListener("click", () => {
          if (!this.filters.delete(flag)) this.filters.add(flag);
          antiphon.press(button, this.filters.has(flag));
          this.draw();
        });
        antiphon.at("call-filters").append(button);
      }
    }

    /** Ask for the list, now and every few seconds while somebody looks. */
    async watch() {
      await this.refresh();
      setInterval(() => document.hidden || this.refresh(), REFRESH_MS);
    }

    async refresh() {
      try {
        const answer = await fetch("/inspect/calls");
        if (!answer.ok) throw new Error("the service answers " + answer.status);
        const text = await answer.text();
        antiphon.at("calls-note").textContent = "";
        if (text === this.told) return;
        this.told = text;
        this.calls = JSON.parse(text);
        this.draw();
      } catch (error) {
        antiphon.at("calls-note").textContent = "No list of calls: " + error.message;
      }
    }

    /** @param {string} id */
    select(id) {
      this.chosen = id;
      for (const one of antiphon.at("call-list").querySelectorAll("button")) {
        one.toggleAttribute("aria-current", one.dataset.id === id);
      }
    }

    draw() {
      const focused = /** @type {any} */ (document.activeElement)?.dataset?.id;
      const shown = this.calls.filter((call) => [...this.filters].every((flag) => call.flags.includes(flag)));
      antiphon.at("call-list").replaceChildren(...shown.map((call) => antiphon.el("li", "", this.item(call))));
      if (!shown.length) antiphon.at("calls-note").textContent = this.calls.length ? "No call is like that." : "No calls yet.";
      else antiphon.at("calls-note").textContent = "";
      this.select(this.chosen);
      if (focused) antiphon.at("call-list").querySelector('[data-id="' + CSS.escape(focused) + '"]')?.focus();
    }

    /** @param {any} call */
    item(call) {
      const worst = Math.max(0, ...call.latencies_ms);
      const button = antiphon.el("button", "call",
        antiphon.el("span", "top",
          antiphon.el("b", "", call.call_id.slice(-6)),
          call.outcome === "live" ? antiphon.el("span", "live", "live") : antiphon.el("span", "", antiphon.took(call.duration_ms)),
          antiphon.el("time", "", antiphon.date(call.started))),
        antiphon.el("span", "under", call.agent + " · " + (call.state || call.outcome) + " · " + call.turns
          + (call.turns === 1 ? " turn" : " turns") + (worst ? " · worst " + Math.round(worst) + " ms" : "")),
        antiphon.el("span", "flags", ...call.flags.map((/** @type {string} */ flag) => antiphon.el("i", flag, FLAGS[flag] || flag))));
      button.type = "button";
      button.dataset.id = call.call_id;
      button.addEventListener("click", () => this.choose(call.call_id));
      return button;
    }
  };

  const REFRESH_MS = 3000;
  /** @type {any} */
  const FLAGS = { slow: "slow", interrupted: "interrupted", false_alarm: "false alarm", failed: "failed" };
})();
