// @ts-check
"use strict";
// The two tones of a key, for the caller's own ear: the agent is told of the key by a message.
globalThis.antiphon ??= {};

{
  const ROWS_HZ = [697, 770, 852, 941];
  const COLUMNS_HZ = [1209, 1336, 1477];
  const LASTS_S = 0.12;
  const EDGE_S = 0.01; // no click at either end
  const LEVEL = 0.08;

  antiphon.KEYS = "123456789*0#";

  /** Play the tones of a key on an audio context. */
  antiphon.play_tone = (/** @type {AudioContext} */ context, /** @type {string} */ key) => {
    const place = antiphon.KEYS.indexOf(key);
    const begin = context.currentTime;
    const end = begin + LASTS_S;
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setTargetAtTime(LEVEL, begin, EDGE_S / 3);
    gain.gain.setTargetAtTime(0, end - EDGE_S, EDGE_S / 3);
    gain.connect(context.destination);
    for (const frequency of [ROWS_HZ[Math.floor(place / 3)], COLUMNS_HZ[place % 3]]) {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(gain);
      tone.start(begin);
      tone.stop(end + EDGE_S);
    }
  };
}
