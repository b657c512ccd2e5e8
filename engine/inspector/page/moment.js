// @ts-check
"use strict";

(() => {
  /** What holds at a moment, in words: the states, the line of the journal, the transitions that
   * were taken with the guards that were asked. */
  antiphon.Moment = class {
    /** @param {any} host */
    constructor(host) {
      this.host = host;
      /** @type {any} */ this.shown = null;
    }

    /** @param {any} call @param {number} index */
    show(call, index) {
      const key = call.lines[index];
      if (key === this.shown && key) return;
      this.shown = key;
      const event = call.eventAt(index);
      const parts = [];
      if (index < 0) parts.push(antiphon.el("p", "none", "Nothing has happened yet."));
      else parts.push(this.line(call.lines[index]));
      if (event) {
        parts.push(this.states(call, event.states));
        if (event !== call.lines[index]) {
          const name = antiphon.el("span", "name", event.event.event);
          parts.push(antiphon.el("h3", "", "Last event: ", name, " at " + antiphon.clock(event.event.at_ms)));
        }
        parts.push(this.taken(call, event), this.guards(event));
      }
      this.host.replaceChildren(...parts.filter((one) => one !== null));
    }

    /** @param {any} line */
    line(line) {
      const kind = antiphon.el("span", "kind kind-" + line.line, line.line);
      const name = antiphon.el("b", "", antiphon.nameOf(line));
      const head = antiphon.el("div", "what", kind, name, antiphon.el("span", "when", antiphon.clock(antiphon.timeOf(line))));
      const values = line.line === "event" ? line.event : line.line === "note" ? line.note : line;
      const facts = antiphon.el("dl", "facts");
      const known = ["event", "note", "line", "at_ms", "agent", "settings", "history"];
      const said = line.line === "event" ? { ...values, by: line.by, words: line.words, endpoint: line.endpoint } : values;
      for (const [key, value] of Object.entries(said)) {
        if (known.includes(key) || value === "" || value === null || value === undefined) continue;
        facts.append(antiphon.el("dt", "", key), antiphon.el("dd", "", String(value)));
      }
      return antiphon.el("div", "line", head, facts);
    }

    /** @param {any} call @param {string[]} states */
    states(call, states) {
      const inner = antiphon.innermost(call, states);
      const list = antiphon.el("ul", "states");
      for (const id of inner) {
        const path = states.filter((other) => other !== id && call.lanes.within(id, other));
        list.append(antiphon.el("li", "in-" + (path.find((one) => FLOOR.has(one)) || (FLOOR.has(id) ? id : "other")),
          antiphon.el("span", "path", path.slice(1).map((one) => one + " › ").join("")), antiphon.el("b", "", id)));
      }
      return list;
    }

    /** @param {any} call @param {any} event */
    taken(call, event) {
      const took = event.took || [];
      if (!took.length) return antiphon.el("p", "none", "No transition was taken.");
      const list = antiphon.el("ol", "taken-list");
      for (const [number, name] of took) {
        const one = call.transition(number);
        const item = antiphon.el("li", "", one ? this.shower("t" + number) : antiphon.el("span", "number", "t" + number), " ");
        if (one) {
          item.append(one.source + (one.target ? " → " + one.target : " stays"), " on ", antiphon.el("b", "", name));
          if (one.guard) item.append(antiphon.el("span", "guard", " [" + one.guard + "]"));
          if (one.actions.length) item.append(antiphon.el("span", "does", " / " + one.actions.join(", ")));
        } else item.append("on ", antiphon.el("b", "", name));
        list.append(item);
      }
      return list;
    }

    /** A button that shows a transition on the chart. @param {string} id */
    shower(id) {
      const button = antiphon.el("button", "number", id);
      button.type = "button";
      button.title = "Show it on the chart";
      button.addEventListener("click", () => {
        antiphon.page.picture.reveal(id);
        antiphon.at("chart").scrollIntoView({ block: "nearest" });
      });
      return button;
    }

    /** @param {any} event */
    guards(event) {
      const asked = event.guards || [];
      if (!asked.length) return null;
      const list = antiphon.el("ul", "guards");
      /** @type {Map<string, number>} several transitions may ask the same */
      const times = new Map();
      for (const [name, held] of asked) {
        const key = name + (held ? " yes" : " no");
        times.set(key, (times.get(key) || 0) + 1);
      }
      for (const [key, count] of times) {
        const [name, value] = key.split(" ");
        list.append(antiphon.el("li", value, name + " ", antiphon.el("b", "", value), count > 1 ? " ×" + count : null));
      }
      return antiphon.el("div", "", antiphon.el("h3", "", "Guards, as asked"), list);
    }
  };

  const FLOOR = new Set(["idle", "listening", "thinking", "speaking", "interrupted", "ended"]);
})();
