// @ts-check
"use strict";
// The telephone's buttons, keys, lamps and words.
globalThis.antiphon ??= {};

{
  const element = (/** @type {string} */ id) =>
    /** @type {HTMLElement} */ (document.getElementById(id));
  const button = (/** @type {string} */ id) => /** @type {HTMLButtonElement} */ (element(id));
  const microphones = /** @type {HTMLSelectElement} */ (element("microphone"));
  const PRESSED_MS = 150;
  const FLOOR_DB = -60; // what the meters show as nothing

  const url = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/media`;

  class Page {
    constructor() {
      this.beside = new antiphon.Beside();
      /** @type {any} */
      this.sound = null;
      /** @type {any} */
      this.call = null;
      this.muted = false;
      this.answered_at = 0;
      button("call").onclick = () => void this.dial();
      button("hang-up").onclick = () => this.call.hang_up();
      button("mute").onclick = () => this.mute(!this.muted);
      microphones.onchange = () => void this.choose();
      element("keypad").onclick = ({ target }) => {
        const key = /** @type {HTMLElement} */ (target).closest("button")?.dataset.key;
        if (key) this.press(key);
      };
      addEventListener("keydown", (event) => this.typed(event));
      addEventListener("pagehide", () => this.call?.hang_up());
      navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
      void this.list();
      this.enable("ready");
    }

    say(/** @type {string} */ status, trouble = "") {
      element("status").textContent = status;
      element("trouble").textContent = trouble;
    }

    enable(/** @type {"ready" | "calling" | "talking"} */ state) {
      document.body.dataset.state = state;
      button("call").disabled = state !== "ready";
      button("hang-up").disabled = state === "ready" || this.call === null;
      button("mute").disabled = state === "ready" || this.sound === null;
      for (const key of element("keypad").querySelectorAll("button")) {
        key.disabled = state !== "talking";
      }
    }

    async dial() {
      this.enable("calling");
      this.say("Asking for the microphone");
      try {
        this.sound = await antiphon.Sound.open(microphones.value);
      } catch (error) {
        this.enable("ready");
        this.say("No call", /** @type {Error} */ (error).message);
        return;
      }
      this.sound.onlost = () => this.say("In the call", "The microphone is gone: choose another.");
      this.mute(false);
      void this.list();
      this.say("Calling");
      element("keys").textContent = "";
      const call = (this.call = new antiphon.Call(url(), this.sound));
      call.onanswered = () => this.answered();
      call.onagent = () => void this.beside.show();
      call.oncleared = (/** @type {number} */ dropped_ms) => this.cleared(dropped_ms);
      call.onover = (/** @type {string} */ why) => void this.over(why);
      this.enable("calling");
      this.watch();
    }

    answered() {
      this.answered_at = performance.now();
      this.say("In the call");
      this.enable("talking");
      if (document.activeElement === document.body) button("hang-up").focus();
      this.beside.begin(this.call.call_id);
    }

    cleared(/** @type {number} */ dropped_ms) {
      const dropped = Math.round(dropped_ms);
      element("cleared").textContent =
        `The agent stopped at once${dropped ? `: ${dropped} ms of its sound were not played` : ""}.`;
    }

    async over(/** @type {string} */ why) {
      this.tell();
      this.answered_at = 0;
      const { sound } = this;
      this.call = this.sound = null;
      this.beside.end();
      this.say("Call over", why);
      const focused = document.activeElement === button("hang-up");
      this.enable("ready");
      if (focused || document.activeElement === document.body) button("call").focus();
      element("cleared").textContent = "";
      await sound.close();
    }

    mute(/** @type {boolean} */ muted) {
      this.muted = muted;
      this.sound?.mute(muted);
      button("mute").setAttribute("aria-pressed", String(muted));
    }

    press(/** @type {string} */ key) {
      if (button("hang-up").disabled || !this.answered_at) return;
      this.call.press(key);
      antiphon.play_tone(this.sound.context, key);
      element("keys").textContent += key;
      const pressed = element("keypad").querySelector(`[data-key="${CSS.escape(key)}"]`);
      pressed?.classList.add("pressed");
      setTimeout(() => pressed?.classList.remove("pressed"), PRESSED_MS);
    }

    typed(/** @type {KeyboardEvent} */ event) {
      const meant = !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
      const elsewhere = event.target === microphones;
      if (meant && !elsewhere && antiphon.KEYS.includes(event.key)) this.press(event.key);
    }

    async choose() {
      try {
        await this.sound?.choose(microphones.value);
        if (this.sound) this.say("In the call");
      } catch (error) {
        this.say("In the call", /** @type {Error} */ (error).message);
      }
    }

    /** The microphones there are; their names are known once one was allowed. */
    async list() {
      const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
      const chosen = microphones.value;
      const found = devices.filter(
        ({ kind, deviceId }) => kind === "audioinput" && !["", "default"].includes(deviceId),
      );
      microphones.replaceChildren(
        new Option("The browser's default", ""),
        ...found.map(({ label, deviceId }, index) => {
          return new Option(label || `Microphone ${index + 1}`, deviceId);
        }),
      );
      microphones.value = found.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
    }

    /** Move the meters and the clock as long as there is a call. */
    watch() {
      if (this.call === null) {
        for (const side of ["caller", "agent"]) this.show_level(side, 0);
        return;
      }
      const levels = this.sound.levels();
      this.show_level("caller", levels.caller);
      this.show_level("agent", levels.agent);
      this.tell();
      requestAnimationFrame(() => this.watch());
    }

    show_level(/** @type {string} */ side, /** @type {number} */ peak) {
      const part = 1 - (20 * Math.log10(peak || 1e-9)) / FLOOR_DB;
      element(side).style.setProperty("--level", String(Math.max(0, Math.min(1, part))));
    }

    tell() {
      const seconds = this.answered_at ? Math.floor((performance.now() - this.answered_at) / 1000) : 0;
      this.write("timer", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
      const { call } = this;
      this.write("sent", String(call.sent));
      this.write("received", String(call.received));
      this.write("marks", String(call.marks));
      this.write("clears", String(call.clears));
      this.write("dropped", `${Math.round(call.dropped_ms)} ms`);
      this.write("buffered", `${Math.round(call.buffered_ms)} ms`);
      this.write("underruns", String(call.underruns));
      this.write("refused", String(call.refused));
    }

    write(/** @type {string} */ id, /** @type {string} */ text) {
      if (element(id).textContent !== text) element(id).textContent = text;
    }
  }

  antiphon.page = new Page();
}
