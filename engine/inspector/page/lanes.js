// @ts-check
"use strict";

(() => {
  /** All lanes of a call, made from its lines as they come. @type {any} */
  antiphon.Lanes = class {
    /** @param {any} call */
    constructor(call) {
      this.call = call;
      const lane = (/** @type {any[]} */ ...given) => new antiphon.Lane(...given);
      this.caller = lane("caller", 40, "caller", 2);
      this.words = lane("words", 22, "caller", 2);
      this.turns = lane("turn latency", 20, "turn");
      /** @type {any[]} */
      this.regions = regionsOf(call.chart).map((id) => ({ id, lane: lane(id, 18, "chart"), open: null }));
      this.model = lane("model", 18, "agent", 2);
      this.voice = lane("voice", 18, "agent");
      this.clauses = lane("clauses", 18, "agent");
      this.agent = lane("agent", 44, "agent", 2);
      this.tools = lane("tools", 18, "agent");
      this.notices = lane("dropped, failed", 18, "notices");
      this.laws = lane("laws broken", 18, "notices");
      for (const one of [this.words, this.turns, this.model, this.voice, this.clauses, this.tools, this.notices, this.laws]) {
        one.spills = true;
      }
      /** @type {Map<string, any>} */ this.effects = new Map();
      /** @type {Map<string, any>} what lasts, by what tells it from others: its bars and its bar */
      this.open = new Map();
      /** @type {Map<number, any>} the bar of each segment of speech-to-text */ this.segments = new Map();
      /** @type {Map<number, any>} the first bar of each reply that was heard */ this.first = new Map();
      /** @type {{key: string, label: string}[]} clauses that were cut, and may go on */ this.cut = [];
      /** @type {any} the last time that the agent was stopped */ this.clear = null;
      /** @type {Map<string, string>} the text of each clause */ this.texts = new Map();
      this.parents = new Map(call.chart.states.map((/** @type {any} */ one) => [one.id, one.parent]));
      if (call.sound) {
        Object.assign(this.caller, { peaks: call.sound.caller, stepMs: call.sound.stepMs });
        Object.assign(this.agent, { peaks: call.sound.agent, stepMs: call.sound.stepMs });
      }
    }

    /** Those to draw, from top to bottom. @param {boolean} effects whether with a lane for each */
    all(effects) {
      const regions = this.regions.map((/** @type {any} */ one) => one.lane);
      const laws = this.laws.layers[0].bars.length ? [this.laws] : [];
      const tools = this.tools.layers[0].bars.length ? [this.tools] : [];
      const notices = this.notices.layers[0].bars.length ? [this.notices] : [];
      return [
        ...laws, this.caller, this.words, this.turns, ...regions, this.model, this.clauses,
        this.voice, this.agent, ...tools, ...notices, ...(effects ? this.effects.values() : []),
      ];
    }

    /** @param {any} line @param {number} index */
    add(line, index) {
      if (line.line === "event") this.event(line, index);
      else if (line.line === "note") this.note(line.note, index);
      else if (line.line === "effect") this.effect(line, index);
      else if (line.line === "end") for (const key of [...this.open.keys()]) this.end(key, line.at_ms);
    }

    /** Something begins. @param {any} bars @param {any} key @param {any[]} bar */
    begin(bars, key, ...bar) {
      const [start, kind, label, line] = bar;
      this.open.set(key, [bars, bars.add(start, Infinity, kind, label, line)]);
    }

    /** It is over, if it had begun. @param {string} key @param {number} ms @param {string} [kind] */
    end(key, ms, kind) {
      const found = this.open.get(key);
      if (!found) return null;
      this.open.delete(key);
      found[0].close(found[1], ms, kind);
      return found[1];
    }

    /** @param {any} line @param {number} index */
    event(line, index) {
      const { event, at_ms: ms } = line.event;
      const values = line.event;
      const point = (/** @type {any} */ lane, /** @type {string} */ kind, /** @type {string} */ label) =>
        lane.layers[lane.layers.length - 1].add(ms, ms, kind, label, index);
      if (line.states && line.states.length) this.moved(line.states, ms, index);
      if ((line.guards || []).some((/** @type {any} */ [name, held]) => held && TAKES_OVER.has(name))) {
        point(this.notices, "takeover", values.instead + " takes over: " + values.reason);
      } else if (/_failed$/.test(event)) {
        point(this.notices, "failed", event + ": " + values.reason);
      }
      switch (event) {
        case "speech_started":
          this.begin(this.caller.layers[0], "speech", ms, "speech", "", index);
          break;
        case "speech_ended":
          this.end("speech", values.voice_at_ms);
          break;
        case "dtmf":
          point(this.caller, "key", values.digit);
          break;
        case "transcript":
          this.heard(values, index);
          break;
        case "tool_settled": {
          const label = values.tool + "(" + values.arguments + ") " + values.outcome;
          const bar = this.end("tool " + values.reply + " " + values.tool, ms, values.outcome);
          if (bar) bar.label = label;
          else point(this.tools, values.outcome, label);
          break;
        }
        case "played_out":
          for (const key of [...this.open.keys()]) {
            if (key.startsWith("clause " + values.reply + " ")) this.end(key, ms, "heard");
          }
          this.named(values.reply, values.heard);
          break;
        case "output_held":
          this.named(values.reply, values.heard);
          if (this.clear) this.clear.label += "; heard: " + values.heard;
          if (this.clear && values.unheard) this.clear.label += "; not heard: " + values.unheard;
          break;
      }
      if (this.call.does(line, "release_output") || event === "false_alarm") this.resumed(ms, index);
    }

    /** The states after an event. @param {string[]} states @param {number} ms @param {number} index */
    moved(states, ms, index) {
      for (const region of this.regions) {
        const inner = states.filter((id) => id !== region.id && this.within(id, region.id));
        const label = inner.join(" › ");
        if (region.open && region.open.label === label) continue;
        if (region.open) region.lane.layers[0].close(region.open, ms);
        region.open = label
          ? region.lane.layers[0].add(ms, Infinity, "in " + inner[0], label, index)
          : null;
      }
    }

    /** @param {string} id @param {string} around */
    within(id, around) {
      for (let at = this.parents.get(id); at; at = this.parents.get(at)) if (at === around) return true;
      return false;
    }

    /** @param {any} said @param {number} index */
    heard(said, index) {
      const bars = this.words.layers[0];
      let bar = this.segments.get(said.segment);
      if (!bar) {
        bar = bars.add(said.at_ms, said.at_ms, "partial", said.text, index);
        this.segments.set(said.segment, bar);
      }
      bars.close(bar, said.at_ms, said.final ? "final" : bar.kind);
      bar.label = said.text || bar.label;
      const told = said.final ? "final: " : said.eager ? "eager: " : "";
      this.words.layers[1].add(said.at_ms, said.at_ms, said.final ? "final" : "partial", told + said.text, index);
    }

    /** What was cut goes on. @param {number} ms @param {number} index */
    resumed(ms, index) {
      for (const { key, label } of this.cut) {
        this.begin(this.agent.layers[0], key, ms, "sent", label, index);
      }
      this.cut = [];
    }

    /** What was heard of a fixed line, which nobody composed. @param {number} reply @param {string} text */
    named(reply, text) {
      const bar = this.texts.has(reply + " 0") ? null : this.first.get(reply);
      if (bar && !bar.label) bar.label = text;
    }

    /** @param {any} note @param {number} index */
    note(note, index) {
      const ms = note.at_ms;
      const reply = "reply " + note.reply;
      switch (note.note) {
        case "reply_requested":
          if (!note.hedge) this.end(reply, ms);
          if (!this.open.has(reply)) {
            this.begin(this.model.layers[0], reply, ms, "asked", reply + " " + note.provider, index);
          } else this.model.layers[1].add(ms, ms, "hedge", "hedged: " + note.provider, index);
          break;
        case "first_token":
          this.end(reply, ms);
          this.begin(this.model.layers[0], reply, ms, "tokens", reply + " " + note.provider, index);
          break;
        case "clause_composed": {
          const key = note.reply + " " + note.clause;
          this.texts.set(key, note.text);
          this.begin(this.clauses.layers[0], "composed " + key, ms, "composed", note.text, index);
          this.model.layers[1].add(ms, ms, "clause", "clause: " + note.text, index);
          break;
        }
        case "reply_composed": {
          const bar = this.end(reply, ms, "tokens");
          if (bar) bar.label += ", " + note.tokens_out + " tokens";
          break;
        }
        case "draft_dropped": {
          const bar = this.end(reply, ms, "dropped");
          if (bar) bar.label += ", dropped after " + note.tokens_out + " tokens";
          this.drop(note.reply, ms);
          break;
        }
        case "tool_started":
          this.begin(this.tools.layers[0], "tool " + note.reply + " " + note.tool, ms, "running", note.tool, index);
          break;
        case "voice_requested":
          this.end("voice", ms);
          this.begin(this.voice.layers[0], "voice", ms, "asked", reply + " " + (note.provider || ""), index);
          break;
        case "first_speech":
          this.end("voice", ms);
          this.begin(this.voice.layers[0], "voice", ms, "tokens", reply, index);
          break;
        case "clause_sent":
          this.sent(note, index);
          break;
        case "mark_echoed":
          this.end("clause " + note.reply + " " + note.clause, ms, "heard");
          this.agent.layers[1].add(ms, ms, "mark", "mark, " + Math.round(note.lag_ms) + " ms late", index);
          break;
        case "cleared":
          this.cleared(ms, index);
          break;
        case "frames_dropped":
          this.notices.layers[0].add(ms, ms, "dropped", note.count + " frames of the caller dropped", index);
          break;
        case "event_dropped":
          this.notices.layers[0].add(ms, ms, "dropped", note.event + " of " + note.effect + " dropped", index);
          break;
      }
    }

    /** @param {any} note @param {number} index */
    sent(note, index) {
      const key = note.reply + " " + note.clause;
      const text = note.clause < 0 ? "(acknowledgement)" : this.texts.get(key) || "";
      this.end("composed " + key, note.at_ms);
      this.begin(this.agent.layers[0], "clause " + key, note.at_ms, "sent", text, index);
      if (note.clause === 0) {
        this.first.set(note.reply, this.open.get("clause " + key)[1]);
        this.drop(note.reply - 1, note.at_ms);
      }
      this.cut = [];
    }

    /** What was composed for a reply that is over was never sent. @param {number} reply @param {number} ms */
    drop(reply, ms) {
      for (const [key] of this.open) {
        const [kind, of] = key.split(" ");
        if (kind === "composed" && Number(of) <= reply) this.end(key, ms, "dropped");
      }
    }

    /** The carrier's buffer was emptied. @param {number} ms @param {number} index */
    cleared(ms, index) {
      this.cut = [];
      for (const [key, [, bar]] of [...this.open]) {
        if (!key.startsWith("clause ")) continue;
        this.end(key, ms, "cut");
        this.cut.push({ key, label: bar.label });
      }
      this.clear = this.agent.layers[1].add(ms, ms, "clear", "the agent stops at once", index);
    }

    /** @param {any} line @param {number} index */
    effect(line, index) {
      const key = "effect " + line.number;
      if (line.phase === "started") {
        if (!this.effects.has(line.effect)) {
          this.effects.set(line.effect, new antiphon.Lane(line.effect, 12, "effects"));
        }
        const bars = this.effects.get(line.effect).layers[0];
        this.begin(bars, key, line.at_ms, "running", line.effect + " of " + line.state, index);
        return;
      }
      const bar = this.end(key, line.at_ms, line.phase);
      if (!bar) return;
      bar.label += ", " + line.phase + (line.reason ? ": " + line.reason : "");
      const ended = line.phase === "done" ? undefined : "dropped";
      if (line.effect === "synthesize") this.end("voice", line.at_ms);
      if (line.effect !== "compose") return;
      for (const [other, [, begun]] of [...this.open]) {
        if (other.startsWith("reply ") && begun.start >= bar.start) this.end(other, line.at_ms, ended);
      }
    }

    /** Whenever they changed: what the caller waited for. @param {any[]} turns */
    setTurns(turns) {
      const bars = new antiphon.Bars();
      for (const turn of turns) {
        const { latency_ms: latencyMs, feeling } = turn;
        const until = turn.audio_started_ms ?? turn.ended_ms ?? turn.committed_ms;
        const waited = latencyMs === null ? turn.outcome : Math.round(latencyMs) + " ms";
        const line = this.call.lineAt(turn.committed_ms);
        bars.add(turn.voice_ended_ms, until, feeling || "none", "turn " + turn.number + ": " + waited, line);
      }
      this.turns.layers = [bars];
    }

    /** @param {any[]} laws */
    setLaws(laws) {
      const bars = new antiphon.Bars();
      for (const one of laws) {
        bars.add(one.at_ms, one.at_ms, "law", one.law + ": " + one.text, this.call.lineAt(one.at_ms));
      }
      this.laws.layers = [bars];
    }
  };

  /** The guards by which another provider goes on. */
  const TAKES_OVER = new Set(["another_recogniser", "another_mind", "another_voice"]);

  /** The states that run side by side; the whole chart where none do. @param {any} chart @returns {string[]} */
  function regionsOf(chart) {
    const parallel = new Set(chart.states.filter((/** @type {any} */ one) => one.parallel).map((/** @type {any} */ one) => one.id));
    return chart.states.filter((/** @type {any} */ one) => parallel.has(one.parent)).map((/** @type {any} */ one) => one.id);
  }
})();
