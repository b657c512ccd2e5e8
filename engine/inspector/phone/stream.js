// @ts-check
"use strict";
// The carrier's end of a media stream, as Twilio's: adapters/twilio/protocol.py, CarrierStream.
globalThis.antiphon ??= {};

{
  const hex = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");

  /** @typedef {{kind: "audio", mulaw: Uint8Array} | {kind: "mark", name: string} |
   *            {kind: "clear"} | {kind: "refused", why: string}} AgentMessage */

  antiphon.CarrierStream = class {
    constructor(/** @type {Record<string, string>} */ parameters) {
      this.call_id = `CA${hex()}`;
      this._stream = `MZ${hex()}`;
      this._account = `AC${hex()}`;
      this._parameters = parameters;
      this._sequence = 0;
      this._chunk = 0;
    }

    _numbered(/** @type {string} */ event, /** @type {object} */ body) {
      this._sequence += 1;
      const sequenceNumber = String(this._sequence);
      return JSON.stringify({ event, sequenceNumber, [event]: body, streamSid: this._stream });
    }

    /** The first message; the only one without a number. */
    connected() {
      return JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" });
    }

    /** The second: whose call this is and what its sound is; with a token, if there is one. */
    start(/** @type {string} */ token) {
      return this._numbered("start", {
        streamSid: this._stream,
        callSid: this.call_id,
        accountSid: this._account,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: { ...this._parameters, ...(token && { token }) },
      });
    }

    /** The caller's next 20 ms; the timestamp is how much went before. */
    media(/** @type {Uint8Array} */ mulaw) {
      const timestamp = String(this._chunk * 20);
      this._chunk += 1;
      const payload = btoa(String.fromCharCode(...mulaw));
      return this._numbered("media", {
        track: "inbound",
        chunk: String(this._chunk),
        timestamp,
        payload,
      });
    }

    /** The caller pressed a key. */
    dtmf(/** @type {string} */ digit) {
      return this._numbered("dtmf", { track: "inbound_track", digit });
    }

    /** A mark comes back. */
    mark(/** @type {string} */ name) {
      return this._numbered("mark", { name });
    }

    /** The call is over. */
    stop() {
      return this._numbered("stop", { accountSid: this._account, callSid: this.call_id });
    }

    /** What a message of the agent's says.
     * @returns {AgentMessage} */
    receive(/** @type {unknown} */ text) {
      try {
        const message = JSON.parse(String(text));
        if (message.streamSid !== this._stream) return { kind: "refused", why: "another stream" };
        if (message.event === "media") {
          const bytes = atob(message.media.payload);
          return { kind: "audio", mulaw: Uint8Array.from(bytes, (each) => each.charCodeAt(0)) };
        }
        if (message.event === "mark") return { kind: "mark", name: String(message.mark.name) };
        if (message.event === "clear") return { kind: "clear" };
        return { kind: "refused", why: "no such event" };
      } catch (error) {
        return { kind: "refused", why: String(error) };
      }
    }
  };
}
