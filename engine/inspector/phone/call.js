// @ts-check
"use strict";
// One call: the carrier's protocol over a websocket, with the sound of this machine at its end.
globalThis.antiphon ??= {};

{
  const CONNECT_MS = 10_000;
  const NORMAL = 1000; // RFC 6455, section 7.4.1

  const WHY_NOT = /** @type {Record<string, string>} */ ({
    loading: "The models are still loading: call again in a moment.",
    lagging: "The machine has too much to do for one more call: call again in a moment.",
    full: "All lines are busy: call again in a moment.",
    draining: "antiphon is being stopped, and takes no more calls.",
  });

  /** Why a call was not answered. A browser does not tell what its websocket was refused with. */
  const why_unanswered = async () => {
    try {
      const readiness = await fetch("/readyz", { signal: AbortSignal.timeout(CONNECT_MS) });
      const told = await readiness.json().catch(() => null);
      return WHY_NOT[told?.why_not] ?? "The call was not taken: call again in a moment.";
    } catch {
      return "antiphon does not answer: is it still running?";
    }
  };

  /** What lets this call in, where the service wants that; empty where it does not. */
  const token_for = async (/** @type {string} */ call_id) => {
    try {
      const answer = await fetch(`/phone/token?id=${call_id}`);
      return answer.ok ? String((await answer.json()).token) : "";
    } catch {
      return ""; // the websocket will tell what is wrong
    }
  };

  antiphon.Call = class {
    /** Call the server at `url`. Nothing is heard or said before `onanswered`. */
    constructor(/** @type {string} */ url, /** @type {any} */ sound) {
      this._stream = new antiphon.CarrierStream({ phone: "browser" });
      this.call_id = this._stream.call_id;
      this.sent = 0; // frames
      this.received = 0; // frames
      this.marks = 0; // that came back
      this.clears = 0;
      this.dropped_ms = 0; // thrown away by the clears
      this.refused = 0; // messages of the agent's that this phone does not take
      this.buffered_ms = 0;
      this.underruns = 0;
      /** The stream has begun. */
      this.onanswered = () => {};
      /** The first message of the agent's. */
      this.onagent = () => {};
      /** The agent's sound was cut off; `dropped_ms` of it were not played. */
      this.oncleared = (/** @type {number} */ dropped_ms) => void dropped_ms;
      /** The call ended, and why; told once. */
      this.onover = (/** @type {string} */ why) => void why;
      this._state = /** @type {"calling" | "talking" | "over"} */ ("calling");
      this._unheard = true; // nothing has come from the agent
      this._sound = sound;
      this._token = token_for(this.call_id);
      this._socket = new WebSocket(url);
      this._socket.onopen = () => void this._begin();
      this._socket.onmessage = ({ data }) => this._receive(data);
      this._socket.onclose = ({ code, reason }) => void this._closed(code, reason);
      this._patience = setTimeout(() => this._socket.close(), CONNECT_MS);
      this._listen();
    }

    _listen() {
      const sound = this._sound;
      sound.onframe = (/** @type {Uint8Array} */ mulaw) => {
        if (this._state !== "talking") return;
        this.sent += 1;
        this._send(this._stream.media(mulaw));
      };
      sound.onheard = (/** @type {string[]} */ marks) => this._echo(marks);
      sound.oncleared = (/** @type {string[]} */ marks, /** @type {number} */ dropped_ms) => {
        this.dropped_ms += dropped_ms;
        this._echo(marks);
        this.oncleared(dropped_ms);
      };
      sound.onbuffer = (/** @type {number} */ buffered_ms, /** @type {number} */ underruns) => {
        this.buffered_ms = buffered_ms;
        this.underruns = underruns;
      };
    }

    async _begin() {
      const token = await this._token;
      if (this._state !== "calling") return; // hung up meanwhile
      clearTimeout(this._patience);
      this._state = "talking";
      this._send(this._stream.connected());
      this._send(this._stream.start(token));
      this.onanswered();
    }

    _send(/** @type {string} */ text) {
      if (this._socket.readyState === WebSocket.OPEN) this._socket.send(text);
    }

    _echo(/** @type {string[]} */ names) {
      if (this._state !== "talking") return;
      this.marks += names.length;
      for (const name of names) this._send(this._stream.mark(name));
    }

    _receive(/** @type {unknown} */ text) {
      if (this._state !== "talking") return;
      if (this._unheard) this.onagent();
      this._unheard = false;
      const message = this._stream.receive(text);
      if (message.kind === "audio") {
        this.received += 1;
        this._sound.play(message.mulaw);
      } else if (message.kind === "mark") this._sound.mark(message.name);
      else if (message.kind === "clear") {
        this.clears += 1;
        this._sound.clear();
      } else this.refused += 1;
    }

    async _closed(/** @type {number} */ code, /** @type {string} */ reason) {
      clearTimeout(this._patience);
      if (this._state === "calling") this._end(await why_unanswered());
      else if (code === NORMAL) this._end("The agent hung up.");
      else this._end(`The connection was lost${reason && `: ${reason}`}.`);
    }

    _end(/** @type {string} */ why) {
      if (this._state === "over") return;
      this._state = "over";
      this.onover(why);
    }

    /** Press a key of the telephone. */
    press(/** @type {string} */ key) {
      this._send(this._stream.dtmf(key));
    }

    /** End the call, from the caller's side. */
    hang_up() {
      this._send(this._stream.stop());
      this._socket.close(NORMAL);
      this._end("You hung up.");
    }
  };
}
