// @ts-check
"use strict";
// What the inspector shows of the call beside the telephone: its chart in a frame, and the state
// of the floor and the latest latency from its stream of events. Where no inspector is served,
// there is a telephone alone.
globalThis.antiphon ??= {};

{
  const FLOOR = ["idle", "listening", "thinking", "speaking", "interrupted", "ended"];
  const CAN_BE_SHOWN_MS = 1000; // after which a call is known, although the agent said nothing

  const element = (/** @type {string} */ id) =>
    /** @type {HTMLElement} */ (document.getElementById(id));

  antiphon.Beside = class {
    constructor() {
      this._served = fetch("/inspect", { method: "HEAD" }).then(
        ({ ok }) => ok,
        () => false,
      );
      void this._served.then((served) => {
        element("no-inspector").hidden = served;
        element("no-call").hidden = !served;
      });
      /** @type {EventSource | null} */
      this._events = null;
      this._shown = "";
    }

    /** A call has begun: link to it. */
    begin(/** @type {string} */ call_id) {
      this.end();
      this._show_state("");
      this._show_why(null);
      this._show_latency(null);
      this._call_id = call_id;
      this._later = setTimeout(() => void this.show(), CAN_BE_SHOWN_MS);
    }

    /** The engine knows the call: show its chart. */
    async show() {
      clearTimeout(this._later);
      const id = this._call_id ?? "";
      if (!(await this._served) || this._shown === id || id !== this._call_id) return;
      this._shown = id;
      const link = /** @type {HTMLAnchorElement} */ (element("inspector"));
      link.href = `/inspect?id=${id}`;
      link.hidden = false;
      const frame = /** @type {HTMLIFrameElement} */ (element("chart"));
      frame.src = `/inspect?id=${id}&only=chart`;
      frame.hidden = false;
      element("no-call").hidden = true;
      this._follow(id);
    }

    _follow(/** @type {string} */ id) {
      const events = new EventSource(`/inspect/live?id=${id}&after=0`);
      events.addEventListener("line", ({ data }) => {
        const { line } = JSON.parse(data);
        const floor = FLOOR.find((state) => line.states?.includes(state));
        if (!floor || floor === this._floor) return;
        const stopped = this._floor === "speaking" && line.event.event !== "played_out";
        if (stopped) this._show_why(line);
        this._show_state(floor);
      });
      events.addEventListener("turns", ({ data }) => {
        const answered = JSON.parse(data).filter(({ latency_ms }) => latency_ms != null);
        this._show_latency(answered.at(-1)?.latency_ms ?? null);
      });
      events.addEventListener("over", () => events.close());
      this._events = events;
    }

    /** The call is over; what there was to see of it stays. */
    end() {
      clearTimeout(this._later);
      this._events?.close();
      this._events = null;
    }

    _show_state(/** @type {string} */ state) {
      this._floor = state;
      element("floor").textContent = state || "–";
      element("floor").dataset.floor = state;
    }

    /** The transition by which the agent stopped, as the chart names it, and what was asked. */
    _show_why(/** @type {any} */ line) {
      const taken = line?.took?.map(([number, event]) => `t${number} on ${event}`) ?? [];
      const asked = line?.guards?.map(([guard, held]) => `${guard}: ${held ? "yes" : "no"}`) ?? [];
      element("why").textContent = line ? `Why: ${[...taken, ...new Set(asked)].join(", ")}` : "";
    }

    _show_latency(/** @type {number | null} */ latency_ms) {
      element("latency").textContent = latency_ms === null ? "–" : `${Math.round(latency_ms)} ms`;
    }
  };
}
