// @ts-check
"use strict";

(() => {
  /** The page: one call, one moment in it, and all parts showing that moment. */
  antiphon.Inspector = class {
    constructor() {
      /** @type {any} */ this.call = null;
      /** @type {any} */ this.live = null;
      this.index = -1;
      this.ms = 0;
      this.asked = false;
      this.following = false;
      /** @type {any} when playing began: by our clock, and in the call */ this.playing = null;
      this.picture = new antiphon.Picture(antiphon.at("picture"), "");
      this.timeline = new antiphon.Timeline((ms, line) => this.seek(ms, line));
      this.moment = new antiphon.Moment(antiphon.at("moment-body"));
      this.events = new antiphon.Events((line) => this.step(line));
      this.handle();
    }

    // --- calls ---

    /** @param {string} svg */
    drawChart(svg) {
      antiphon.at("picture").replaceChildren();
      this.picture = new antiphon.Picture(antiphon.at("picture"), svg);
      this.picture.following = antiphon.pressed(antiphon.at("chart-follow"));
    }

    /** @param {any} view what there is of a call */
    show(view) {
      this.live?.close();
      this.live = null;
      this.pause();
      const call = (this.call = new antiphon.Call(view));
      this.timeline.show(call);
      this.events.show(call);
      this.index = -2;
      this.told();
      this.setFollowing(call.live);
      if (call.live) this.listen(call);
      else this.step(call.eventOf.findIndex((/** @type {number} */ event) => event >= 0));
    }

    /** @param {any} call */
    listen(call) {
      this.step(call.lines.length - 1);
      this.live = new antiphon.Live(call, call.summary.call_id, {
        line: () => this.events.grown(),
        turns: () => this.tellTurns(),
        over: () => this.over(call),
      });
      const tick = () => {
        if (this.call !== call || !this.live) return;
        if (this.following) this.seekTo(call.lines.length - 1, this.live.now);
        this.timeline.grown(this.live.now, this.following);
        setTimeout(() => requestAnimationFrame(tick), TICK_MS);
      };
      tick();
    }

    /** A live call is over: now there are its laws and its end. @param {any} call */
    async over(call) {
      const { ms, index } = this;
      const view = await antiphon.fetched("call?id=" + encodeURIComponent(call.summary.call_id));
      if (!view || this.call !== call) return;
      const { from, to } = this.timeline;
      this.show(view);
      this.timeline.look(from, to);
      this.seekTo(Math.min(index, this.call.lines.length - 1), ms);
      antiphon.say("The call is over");
    }

    /** What is said of the call as a whole. */
    told() {
      const { summary, troubles, matches } = this.call;
      const name = summary.agent + " · " + antiphon.date(summary.started);
      antiphon.at("call-name").replaceChildren(antiphon.el("b", "", summary.call_id), antiphon.el("span", "", name));
      document.title = summary.call_id.slice(-6) + " · antiphon";
      const facts = [summary.outcome + (summary.reason && summary.reason !== "ended" ? ": " + summary.reason : "")];
      if (!this.call.live) facts.push(antiphon.took(summary.duration_ms));
      antiphon.at("call-facts").replaceChildren(
        ...facts.map((fact) => antiphon.el("span", "", fact)),
        ...summary.flags.map((/** @type {string} */ flag) => antiphon.el("i", flag, flag.replace("_", " "))));
      const said = [...troubles];
      if (!matches) said.push("The call was held on another version of the chart: its states are shown, its transitions have other numbers here.");
      const banner = antiphon.at("banner");
      banner.hidden = !said.length;
      banner.replaceChildren(...said.slice(0, 5).map((one) => antiphon.el("p", "", one)));
      if (said.length > 5) banner.append(antiphon.el("p", "", "and " + (said.length - 5) + " more"));
      antiphon.at("copy-replay").hidden = !this.call.journal;
      antiphon.at("copy-scenario").hidden = antiphon.isReport;
      this.tellTurns();
      antiphon.showLaws(antiphon.at("laws"), this.call, (/** @type {number} */ ms) => this.seek(ms, null));
      const laws = antiphon.at("tab-laws");
      laws.textContent = this.call.laws.length ? "Laws (" + this.call.laws.length + ")" : "Laws";
      laws.classList.toggle("broken", this.call.laws.length > 0);
    }

    tellTurns() {
      antiphon.showTurns(antiphon.at("turns"), this.call, (/** @type {number} */ ms) => this.seek(ms, null));
      this.timeline.draw();
    }

    // --- the moment ---

    /** Somebody wants to look there. @param {number} ms @param {number | null} line */
    seek(ms, line) {
      if (!this.call) return;
      this.pause();
      this.setFollowing(false);
      this.seekTo(line ?? this.call.lineAt(ms), ms);
      if (ms < this.timeline.from || ms > this.timeline.to) this.timeline.point(ms, true);
    }

    /** To a line of the journal. @param {number} index */
    step(index) {
      if (!this.call || !this.call.lines.length) return;
      const at = Math.min(Math.max(index, 0), this.call.lines.length - 1);
      this.seekTo(at, this.call.at[at]);
      this.timeline.point(this.ms, true);
    }

    /** @param {number} index @param {number} ms */
    seekTo(index, ms) {
      this.ms = ms;
      this.timeline.point(ms);
      antiphon.at("clock").textContent = antiphon.clock(ms);
      if (index === this.index) return;
      this.index = index;
      this.events.select(index);
      if (this.asked) return;
      this.asked = true; // keys may come faster than frames
      requestAnimationFrame(() => {
        this.asked = false;
        this.showMoment();
      });
    }

    /** All parts as of the line that is looked at. */
    showMoment() {
      const { call, index } = this;
      this.picture.show(call, index);
      this.moment.show(call, index);
      const event = call.eventAt(index);
      const inner = event ? antiphon.innermost(call, event.states) : [];
      antiphon.at("chart-says").textContent = event ? inner.join(" · ") + "  after " + event.event.event : "not begun";
    }

    // --- time that runs ---

    play() {
      if (!this.call || this.live) return;
      if (this.ms >= this.call.endMs) this.seekTo(0, 0);
      this.playing = { since: performance.now(), from: this.ms };
      antiphon.press(antiphon.at("play"), true);
      antiphon.at("play").textContent = "Pause";
      const tick = () => {
        if (!this.playing) return;
        const ms = Math.min(this.playing.from + performance.now() - this.playing.since, this.call.endMs);
        this.seekTo(this.call.lineAt(ms), ms);
        this.timeline.point(ms, true);
        if (ms < this.call.endMs) requestAnimationFrame(tick);
        else this.pause();
      };
      tick();
    }

    pause() {
      this.playing = null;
      antiphon.press(antiphon.at("play"), false);
      antiphon.at("play").textContent = "Play";
    }

    /** @param {boolean} on whether the end of a live call stays in sight */
    setFollowing(on) {
      this.following = on;
      antiphon.at("follow-end").hidden = !this.call?.live;
      antiphon.at("play").disabled = Boolean(this.call?.live);
      antiphon.press(antiphon.at("follow-end"), on);
    }

    // --- buttons and keys ---

    handle() {
      const click = (/** @type {string} */ id, /** @type {() => void} */ does) => antiphon.at(id).addEventListener("click", does);
      click("play", () => (this.playing ? this.pause() : this.play()));
      click("follow-end", () => this.setFollowing(!this.following));
      click("closer", () => this.timeline.zoom(0.6));
      click("farther", () => this.timeline.zoom(1 / 0.6));
      click("whole", () => this.timeline.whole());
      click("effects-toggle", () => {
        this.timeline.effects = !this.timeline.effects;
        antiphon.press(antiphon.at("effects-toggle"), this.timeline.effects);
        this.timeline.draw();
      });
      for (const [id, factor] of [["chart-closer", 0.7], ["chart-farther", 1 / 0.7]]) {
        click(String(id), () => {
          this.picture.taken();
          this.picture.zoom(factor);
        });
      }
      antiphon.at("picture").addEventListener("taken", () => antiphon.press(antiphon.at("chart-follow"), false));
      click("chart-whole", () => this.setChartFollow(false));
      click("chart-follow", () => this.setChartFollow(!this.picture.following));
      click("help-open", () => antiphon.at("help").showModal());
      click("copy-replay", () => antiphon.copy(".venv/bin/antiphon replay " + antiphon.quoted(this.call.journal), "Replay command"));
      click("copy-scenario", () => this.copyScenario());
      for (const tab of document.querySelectorAll("[role=tab]")) {
        tab.addEventListener("click", () => antiphon.showTab(tab.id));
        tab.addEventListener("keydown", (/** @type {any} */ event) => antiphon.stepTab(event));
      }
      document.addEventListener("keydown", (event) => this.key(event));
    }

    /** @param {boolean} on */
    setChartFollow(on) {
      this.picture.following = on;
      antiphon.press(antiphon.at("chart-follow"), on);
      if (on) this.picture.follow();
      else this.picture.whole();
    }

    async copyScenario() {
      const text = await antiphon.fetched("scenario?id=" + encodeURIComponent(this.call.summary.call_id), true);
      if (text) await antiphon.copy(text, "Scenario");
    }

    /** @param {KeyboardEvent} event */
    key(event) {
      /** @type {any} */
      const target = event.target;
      if (event.ctrlKey || event.metaKey || event.altKey || antiphon.at("help").open) return;
      if (target.matches("input, textarea")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      if (event.key === " " && target.matches("button")) return;
      if (target.matches("[role=tab]") && event.key.startsWith("Arrow")) return;
      const keys = this.keys();
      if (!Object.hasOwn(keys, event.key)) return;
      event.preventDefault();
      keys[event.key]();
    }

    /** @returns {any} what each key does */
    keys() {
      const to = (/** @type {number} */ index) => {
        this.pause();
        this.setFollowing(false);
        this.step(index);
      };
      const back = () => to(this.events.stepped(-1));
      const on = () => to(this.events.stepped(1));
      return {
        ArrowLeft: back, ArrowUp: back, ArrowRight: on, ArrowDown: on,
        Home: () => to(0), End: () => to(this.call ? this.call.lines.length - 1 : 0),
        "+": () => this.timeline.zoom(0.6), "=": () => this.timeline.zoom(0.6),
        "-": () => this.timeline.zoom(1 / 0.6), 0: () => this.timeline.whole(),
        " ": () => (this.playing ? this.pause() : this.play()),
        "?": () => antiphon.at("help").showModal(),
        "/": () => {
          antiphon.showTab("tab-events");
          antiphon.at("search").focus();
        },
      };
    }
  };

  const TICK_MS = 50;

  /** Only this tab. @param {string} id */
  antiphon.showTab = function (id) {
    for (const tab of document.querySelectorAll("[role=tab]")) {
      const chosen = tab.id === id;
      tab.setAttribute("aria-selected", String(chosen));
      tab.setAttribute("tabindex", chosen ? "0" : "-1");
      antiphon.at(tab.getAttribute("aria-controls") || "").hidden = !chosen;
    }
    antiphon.page?.events.reveal();
  };

  /** @param {KeyboardEvent} event */
  antiphon.stepTab = function (event) {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    /** @type {any[]} */
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const by = event.key === "ArrowRight" ? 1 : tabs.length - 1;
    const next = tabs[(tabs.indexOf(event.target) + by) % tabs.length];
    antiphon.showTab(next.id);
    next.focus();
  };

  /** What the service says, or null and a banner. @param {string} path @param {boolean} [plain] */
  antiphon.fetched = async function (path, plain) {
    const banner = antiphon.at("banner");
    try {
      const answer = await fetch("/inspect/" + path);
      if (!answer.ok) throw new Error((await answer.text()).trim() || "the service answers " + answer.status);
      return plain ? await answer.text() : await answer.json();
    } catch (error) {
      banner.hidden = false;
      banner.replaceChildren(antiphon.el("p", "", error.message));
      return null;
    }
  };

  /** A page with one call in it, which asks nobody. @param {any} report */
  antiphon.beginReport = function (report) {
    const page = antiphon.page;
    document.body.classList.add("report");
    page.drawChart(report.chart_svg);
    page.show(report.view);
  };

  /** A page of a service: its calls, or the chart of one alone. */
  antiphon.beginServed = async function () {
    const page = antiphon.page;
    const asked = new URLSearchParams(location.search);
    const chartOnly = asked.get("only") === "chart";
    document.body.classList.toggle("chart-only", chartOnly);
    page.drawChart((await antiphon.fetched("chart.svg", true)) || "");
    const open = async (/** @type {string} */ id) => {
      const view = await antiphon.fetched("call?id=" + encodeURIComponent(id));
      if (view) page.show(view);
      return Boolean(view);
    };
    const wanted = asked.get("id");
    if (chartOnly) return antiphon.waitForCall(wanted, open);
    const calls = new antiphon.Calls(async (id) => {
      calls.select(id);
      if (await open(id)) history.replaceState(null, "", "?id=" + encodeURIComponent(id));
    });
    antiphon.at("calls-toggle").addEventListener("click", () => {
      const hidden = document.body.classList.toggle("no-calls");
      antiphon.at("calls-toggle").setAttribute("aria-expanded", String(!hidden));
    });
    await calls.watch();
    const first = wanted || calls.calls[0]?.call_id;
    if (first) calls.select(first), await open(first);
  };

  /** The chart alone shows the call that is asked for, or the latest live one, once there is one.
   * @param {string | null} id @param {(id: string) => Promise<boolean>} open */
  antiphon.waitForCall = async function (id, open) {
    for (;;) {
      const calls = (await antiphon.fetched("calls")) || [];
      const found = calls.find((/** @type {any} */ one) => (id ? one.call_id === id : one.outcome === "live"));
      if (found && (await open(found.call_id))) return;
      antiphon.at("chart-says").textContent = "waiting for a call";
      await new Promise((done) => setTimeout(done, 1000));
    }
  };

  antiphon.isReport = antiphon.at("report") !== null;
  antiphon.page = new antiphon.Inspector();
  if (antiphon.isReport) antiphon.beginReport(JSON.parse(antiphon.at("report").textContent));
  else antiphon.beginServed();
})();
