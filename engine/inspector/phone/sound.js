// @ts-check
"use strict";
// The microphone and the loudspeaker: an audio context with a worklet for each.
globalThis.antiphon ??= {};

{
  const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const WORKLETS = [
    "mulaw.js",
    "resampler.js",
    "playout.js",
    "capture_worklet.js",
    "playout_worklet.js",
  ];

  const WHY_NO_MICROPHONE = /** @type {Record<string, string>} */ ({
    NotAllowedError:
      "The microphone is blocked. Allow it for this page beside the browser's address, and call again.",
    NotFoundError: "No microphone was found. Connect one, and call again.",
    OverconstrainedError: "The chosen microphone is not there any more. Choose another one.",
    NotReadableError: "The microphone cannot be used: another program may have it.",
  });

  /** Why there can be no call, in words for the person at the page. */
  antiphon.SoundError = class extends Error {};

  /** The stream of a microphone (the default one, if `device_id` is empty).
   * @returns {Promise<MediaStream>} */
  const microphone = async (/** @type {string} */ device_id) => {
    if (!window.isSecureContext) {
      throw new antiphon.SoundError(
        "A browser gives its microphone to secure pages only. Open this page by the name" +
          " localhost, on the machine where antiphon runs, or over https.",
      );
    }
    if (!navigator.mediaDevices) {
      throw new antiphon.SoundError("This browser has no microphone for pages.");
    }
    const audio = {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      channelCount: 1,
      ...(device_id && { deviceId: { exact: device_id } }),
    };
    try {
      return await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      const { name, message } = /** @type {DOMException} */ (error);
      throw new antiphon.SoundError(
        WHY_NO_MICROPHONE[name] ?? `The microphone cannot be used: ${message || name}.`,
      );
    }
  };

  antiphon.Sound = class {
    /** Ask for the microphone and begin to listen; call it from a click, or it stays silent.
     * Rejects with a SoundError. */
    static async open(/** @type {string} */ device_id) {
      const context = new AudioContext({ latencyHint: "interactive" });
      try {
        const sound = new antiphon.Sound(context);
        await sound.choose(device_id);
        for (const name of WORKLETS) await context.audioWorklet.addModule(new URL(name, here));
        sound._connect();
        await context.resume();
        return sound;
      } catch (error) {
        await context.close();
        throw error;
      }
    }

    constructor(/** @type {AudioContext} */ context) {
      this.context = context;
      /** @type {(mulaw: Uint8Array) => void} */
      this.onframe = () => {};
      /** @type {(marks: string[]) => void} */
      this.onheard = () => {};
      /** @type {(marks: string[], dropped_ms: number) => void} */
      this.oncleared = () => {};
      /** @type {(buffered_ms: number, underruns: number) => void} */
      this.onbuffer = () => {};
      /** @type {() => void} */
      this.onlost = () => {};
      /** @type {MediaStream | null} */
      this._stream = null;
      /** @type {MediaStreamAudioSourceNode | null} */
      this._source = null;
      this._muted = false;
      this._caller = new AnalyserNode(context, { fftSize: 1024 });
      this._agent = new AnalyserNode(context, { fftSize: 1024 });
      this._scope = new Float32Array(1024);
      context.onstatechange = () => {
        // After a phone call on the same device, say; it may be too early, and is told again then.
        if (context.state !== "closed" && context.state !== "running") {
          context.resume().catch(() => {});
        }
      };
    }

    _connect() {
      const { context } = this;
      const mono = { channelCount: 1, channelCountMode: /** @type {const} */ ("explicit") };
      const capture = new AudioWorkletNode(context, "antiphon-capture", {
        ...mono,
        numberOfOutputs: 0,
      });
      capture.port.onmessage = ({ data }) => this.onframe(data);
      this._caller.connect(capture);
      const playout = new AudioWorkletNode(context, "antiphon-playout", {
        numberOfInputs: 0,
        outputChannelCount: [1],
      });
      playout.port.onmessage = ({ data }) => this._played(data);
      playout.connect(this._agent).connect(context.destination);
      this._playout = playout.port;
    }

    /** Use another microphone from now on; rejects with a SoundError, and keeps the old one. */
    async choose(/** @type {string} */ device_id) {
      const stream = await microphone(device_id);
      this._let_go();
      this._stream = stream;
      const [track] = stream.getAudioTracks();
      track.enabled = !this._muted;
      track.onended = () => this.onlost();
      this._source = this.context.createMediaStreamSource(stream);
      this._source.connect(this._caller);
    }

    _let_go() {
      this._source?.disconnect();
      for (const track of this._stream?.getTracks() ?? []) {
        track.onended = null;
        track.stop();
      }
    }

    /** The microphone in use. */
    get device_id() {
      return this._stream?.getAudioTracks()[0].getSettings().deviceId ?? "";
    }

    /** While muted the caller's frames are silence. */
    mute(/** @type {boolean} */ muted) {
      this._muted = muted;
      for (const track of this._stream?.getTracks() ?? []) track.enabled = !muted;
    }

    /** Play the agent's sound after what came before. */
    play(/** @type {Uint8Array} */ mulaw) {
      this._playout?.postMessage({ kind: "audio", mulaw }, [mulaw.buffer]);
    }

    /** Have `onheard` told when what came before has been heard. */
    mark(/** @type {string} */ name) {
      this._playout?.postMessage({ kind: "mark", name });
    }

    /** Throw away what has not been played; `oncleared` is told what that was. */
    clear() {
      this._playout?.postMessage({ kind: "clear" });
    }

    _played(/** @type {any} */ data) {
      if (data.kind === "heard") this.onheard(data.marks);
      else if (data.kind === "cleared") this.oncleared(data.marks, data.dropped_ms);
      else {
        this.onbuffer(data.buffered_ms, data.underruns);
        this._playout?.postMessage({ kind: "latency", latency_s: this.latency_s });
      }
    }

    /** From the playout to the air: what the browser and the loudspeaker add. */
    get latency_s() {
      return (this.context.baseLatency || 0) + (this.context.outputLatency || 0);
    }

    /** The peaks of the last 20 ms, 0 to 1. */
    levels() {
      return { caller: this._peak(this._caller), agent: this._peak(this._agent) };
    }

    _peak(/** @type {AnalyserNode} */ analyser) {
      analyser.getFloatTimeDomainData(this._scope);
      return this._scope.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    }

    /** Give the microphone back. */
    async close() {
      this._let_go();
      if (this.context.state !== "closed") await this.context.close();
    }
  };
}
