"""Who may speak, and what is in the air: the playout, the floor, waits that are filled."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, OnChart, mutant

PLAYOUT = "effects.playout:Playout"

MUTANTS = (
    mutant(
        "forget to clear",
        "What the carrier has already goes on playing when the agent falls silent.",
        Code(f"{PLAYOUT}._silence", "self._carrier.send_clear()", "pass"),
    ),
    mutant(
        "clear before purge",
        "A chunk that was taken from the queue already is sent after the clear.",
        Code(
            f"{PLAYOUT}._silence",
            "self._carrier.send_clear()",
            "self._carrier.send_clear()\n"
            "        if clause := self._clause_to_send():\n"
            "            self._send(clause, self._now_ms())",
        ),
    ),
    mutant(
        "clear without anything in the air",
        "The carrier is cleared at every noise, whether it plays something or not.",
        Code(f"{PLAYOUT}._silence", "if in_the_air:", "if True:"),
    ),
    mutant(
        "old audio accepted",
        "A voice that ends late delivers to whatever reply is current.",
        Code(
            "effects.synthesize:_Voice._take",
            "await self.voicing.deliver(speech)",
            "await (self.stage.draft or self.draft).voicing.deliver(speech)",
        ),
    ),
    mutant(
        "hold does not hold",
        "The queue goes on being sent after the agent has fallen silent.",
        Code(f"{PLAYOUT}.hold", "self.held = True", "self.held = False"),
    ),
    mutant(
        "discard forgets the queue",
        "What waited to be sent of a reply that is dropped is sent after all.",
        Code(f"{PLAYOUT}.discard", "self._done = True", "pass"),
    ),
    mutant(
        "resume plays twice",
        "A held reply begins anew instead of going on.",
        Code(
            f"{PLAYOUT}.hold",
            "self._sent = gap_before(self._clauses, self._furthest)",
            "self._sent = 0",
        ),
    ),
    mutant(
        "resume skips what was cleared",
        "A held reply goes on after what was sent, although it was cleared and never heard.",
        Code(
            f"{PLAYOUT}.hold",
            "self._silenced = self._silence()\n"
            "    self._sent = gap_before(self._clauses, self._furthest)",
            "sent = self._sent\n    self._silenced = self._silence()\n    self._sent = sent",
        ),
    ),
    mutant(
        "two replies in the air",
        "A fixed line in mid-reply begins without silencing the reply.",
        Code(f"{PLAYOUT}.begin", "None if self._done else self._silence()", "None"),
        OnChart(
            "target: keying, on: [yield_floor, note_digit]}\n"
            "              - {event: say, target: thinking, on: discard_output}\n",
            "target: keying, on: [yield_floor, note_digit]}\n"
            "              - {event: say, target: thinking}\n",
        ),
    ),
    mutant(
        "sent is taken for heard",
        "A reply counts as played out when its last sound has been sent.",
        Code(f"{PLAYOUT}._conclude", "if self._outstanding:", "if False:"),
    ),
    mutant(
        "cough counts towards the next",
        "The sound of a noise that is over counts for the barge-in of the next one.",
        Code("effects.ears:Ears._end_speech", "self.voiced_ms = 0.0", "pass"),
        Code(
            "effects.ears:Ears._begin_speech",
            "self.voiced_ms = len(self._likely) * WINDOW_MS",
            "self.voiced_ms += len(self._likely) * WINDOW_MS",
        ),
    ),
    mutant(
        "acknowledgement over the caller",
        "A wait is filled although the caller speaks.",
        Code("effects.acknowledge:_say", "stage.ears.speaking or ", ""),
    ),
    mutant(
        "the same acknowledgement again",
        "What was said last to a caller who waits is said again.",
        Code("effects.acknowledge:_choose", "if text != stage.acknowledged", "if text"),
    ),
    mutant(
        "false alarm drops the reply",
        "A cough that stopped the agent costs the rest of what it had to say.",
        OnChart(
            "{event: false_alarm, target: speaking, on: release_output}",
            "{event: false_alarm, target: waiting, on: yield_floor}",
        ),
    ),
    mutant(
        "release while the caller speaks",
        "The wait for a false alarm does not notice that the caller goes on.",
        OnChart(
            "                  - {event: speech_started, target: contested}\n",
            "",
        ),
    ),
    mutant(
        "speech that was going on is forgotten",
        "A caller who spoke already when the agent began is talked over.",
        OnChart(
            "              - {event: audio_started, cond: [caller_is_speaking, agent_yields], "
            "target: talked_over, on: note_audible}\n",
            "",
        ),
    ),
    mutant(
        "every sound is a barge-in",
        "The agent stops at the first sound, however short it is.",
        OnChart(
            "- {event: speech_started, cond: agent_yields, target: overlapped, on: fresh_turn}",
            "- {event: speech_started, cond: agent_yields, target: interrupted, on: fresh_turn}",
        ),
    ),
    mutant(
        "backchannels that go on are never an interruption",
        "Whoever has said yes may speak for as long as they like without being heard.",
        OnChart("invoke: [backchannel_timer]", "invoke: []"),
    ),
)
