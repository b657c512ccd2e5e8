// @ts-check
"use strict";

(() => {
  /** The turns of a call, each with where its time went; and the laws that were broken. */

  /** How people feel a reply: natural, acceptable, slow up to these; then broken (ms). */
  antiphon.LIMITS_MS = [500, 800, 1500];

  /** @param {any} host @param {any} call @param {(ms: number) => void} seek */
  antiphon.showTurns = function (host, call, seek) {
    if (!call.turns.length) {
      host.replaceChildren(antiphon.el("p", "none", "The caller has not said anything yet."));
      return;
    }
    const most = Math.max(antiphon.LIMITS_MS[2], ...call.turns.map((/** @type {any} */ one) => one.latency_ms || 0));
    const scale = most * 1.05;
    host.replaceChildren(...call.turns.map((/** @type {any} */ turn) => turnOf(turn, scale, seek)));
  };

  /** @param {any} turn @param {number} scaleMs @param {(ms: number) => void} seek */
  function turnOf(turn, scaleMs, seek) {
    const { latency_ms: latencyMs, feeling } = turn;
    const felt = latencyMs === null
      ? antiphon.el("span", "felt none", turn.outcome)
      : antiphon.el("span", "felt " + feeling, Math.round(latencyMs) + " ms " + feeling);
    const head = antiphon.el("button", "turn-head",
      antiphon.el("span", "number", String(turn.number)),
      antiphon.el("span", "words", turn.words ? "“" + turn.words + "”" : "(no words)"), felt);
    head.type = "button";
    head.addEventListener("click", () => seek(turn.committed_ms));
    const item = antiphon.el("article", "turn", head);
    if (latencyMs !== null) item.append(waterfallOf(turn.waterfall, scaleMs, latencyMs));
    const asides = [turn.outcome === "completed" ? "" : turn.outcome];
    if (turn.drafts > 1) asides.push(turn.drafts + " drafts");
    if (turn.tokens_wasted) asides.push(turn.tokens_wasted + " tokens wasted on drafts");
    for (const one of turn.takeovers) asides.push(one.instead + " took over from " + (one.failed || one.port) + ": " + one.reason);
    const told = asides.filter(Boolean).join(" · ");
    if (turn.heard) item.append(antiphon.el("p", "heard", "heard: “" + turn.heard + "”"));
    if (told) item.append(antiphon.el("p", "aside", told));
    return item;
  }

  /** @param {any[]} steps @param {number} scaleMs @param {number} latencyMs */
  function waterfallOf(steps, scaleMs, latencyMs) {
    const list = antiphon.el("ul", "waterfall");
    const share = (/** @type {number} */ ms) => ((100 * ms) / scaleMs).toFixed(2) + "%";
    for (const step of steps) {
      if (step.took_ms < 1) continue;
      const bar = antiphon.el("span", "fill step-" + step.name.replace(" ", "-"));
      bar.style.left = share(step.done_ms - step.took_ms);
      bar.style.width = share(step.took_ms);
      const track = antiphon.el("span", "track", bar);
      for (const limit of antiphon.LIMITS_MS) {
        const mark = antiphon.el("i");
        mark.style.left = share(limit);
        track.append(mark);
      }
      const name = antiphon.el("span", "step", step.name, step.by ? antiphon.el("small", "", " " + step.by) : null);
      list.append(antiphon.el("li", "", name, track, antiphon.el("span", "took", Math.round(step.took_ms) + " ms")));
    }
    list.setAttribute("aria-label", "Where " + Math.round(latencyMs) + " ms went");
    return list;
  }

  /** @param {any} host @param {any} call @param {(ms: number) => void} seek */
  antiphon.showLaws = function (host, call, seek) {
    const parts = call.laws.map((/** @type {any} */ one) => {
      const law = antiphon.el("button", "law", antiphon.el("b", "", one.law), " ",
        antiphon.el("span", "when", antiphon.clock(one.at_ms)), antiphon.el("span", "", one.text));
      law.type = "button";
      law.addEventListener("click", () => seek(one.at_ms));
      return law;
    });
    const said = call.live
      ? "The laws are judged when the call is over."
      : (parts.length ? "" : "No law is broken, as far as the journal tells. ") + "Judged: " + call.judged.join(", ")
        + ". The others need more than a journal: the sound, the providers, the calls beside it.";
    host.replaceChildren(...parts, antiphon.el("p", "none", said));
  };
})();
