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
      /** @type {string | null} where calls are that are older than all of these */ this.next = null;
      antiphon.at("calls-older").addEventListener("click", () => this.older());
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
        const newest = JSON.parse(text);
        const last = newest.at(-1)?.file || "";
        const older = this.calls.filter((call) => call.file && call.file < last);
        this.calls = [...newest, ...older];
        if (!older.length) this.next = nextOf(answer);
        this.draw();
      } catch (error) {
        antiphon.at("calls-note").textContent = "No list of calls: " + error.message;
      }
    }

    /** The page of calls before the oldest of these. */
    async older() {
      const answer = this.next && (await fetch(this.next));
      if (!answer || !answer.ok) return;
      this.next = nextOf(answer);
      this.calls.push(...(await answer.json()));
      this.draw();
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
      antiphon.at("calls-older").hidden = !this.next;
      this.select(this.chosen);
      if (focused) antiphon.at("call-list").querySelector('[data-id="' + CSS.escape(focused) + '"]')?.focus();
    }

    /** @param {any} call */
    item(call) {
      const button = antiphon.el("button", "call",
        antiphon.el("span", "top",
          antiphon.el("b", "", call.call_id.slice(-6)),
          call.outcome === "live" ? antiphon.el("span", "live", "live") : null,
          antiphon.el("time", "", antiphon.date(call.started))),
        antiphon.el("span", "under", told(call)),
        antiphon.el("span", "flags", ...call.flags.map((/** @type {string} */ flag) => antiphon.el("i", flag, FLAGS[flag] || flag))));
      button.type = "button";
      button.dataset.id = call.call_id;
      button.addEventListener("click", () => this.choose(call.call_id));
      return button;
    }
  };

  const REFRESH_MS = 3000;

  /** A call in a line, whose parts stay together where it is broken. @param {any} call */
  function told(call) {
    const worst = Math.max(0, ...call.latencies_ms);
    const facts = [call.agent, call.state || call.outcome];
    if (call.duration_ms) facts.push(antiphon.took(call.duration_ms));
    facts.push(call.turns + (call.turns === 1 ? " turn" : " turns"));
    if (worst) facts.push("worst " + Math.round(worst) + " ms");
    return facts.map((fact) => fact.replaceAll(" ", "\u00a0")).join(" · ");
  }

  /** What comes after an answer, by its Link header. @param {Response} answer */
  function nextOf(answer) {
    return /<([^>]*)>; *rel="next"/.exec(answer.headers.get("link") || "")?.[1] ?? null;
  }

  /** @type {any} */
  const FLAGS = { slow: "slow", interrupted: "interrupted", false_alarm: "false alarm", failed: "failed" };
})();
