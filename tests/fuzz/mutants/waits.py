"""Waits that never end, and queues without a limit."""

from __future__ import annotations

from tests.fuzz.mutants.mutant import Code, OnChart, mutant

MUTANTS = (
    mutant(
        "nobody asks a silent caller",
        "The wait for a silent caller has no end.",
        OnChart("invoke: [idle_timer]", "invoke: []"),
    ),
    mutant(
        "final transcripts are waited for",
        "A final transcript that never comes is waited for, for ever.",
        OnChart("invoke: [watchdog_timer]", "invoke: []"),
    ),
    mutant(
        "noise holds the reply for ever",
        "A reply that a noise has held is not released.",
        OnChart("invoke: [noise_timer]", "invoke: []"),
    ),
    mutant(
        "nobody decides who has the floor",
        "A false alarm leaves the agent silent for ever.",
        OnChart("invoke: [false_alarm_timer]", "invoke: []"),
    ),
    mutant(
        "no apology",
        "A reply that fails before it is audible is not apologised for.",
        OnChart(
            "              - {event: reply_failed, cond: may_apologise, on: apologise}\n"
            "              - {event: reply_failed, on: say_goodbye}\n",
            "              - {event: reply_failed}\n",
        ),
    ),
    mutant(
        "no apology in mid-reply",
        "A reply that breaks off is not apologised for.",
        OnChart(
            "              - {event: reply_failed, on: note_broken}\n"
            "              - {event: voice_failed, cond: another_voice}\n"
            "              - {event: voice_failed, on: note_broken}\n\n"
            "          interrupted:",
            "\n          interrupted:",
        ),
    ),
    mutant(
        "prompts without end",
        "A silent caller is asked again and again, and the call never ends.",
        Code("states.guards:may_prompt", "call.prompts < len(call.agent.prompts)", "True"),
        Code(
            "states.lines:prompt_caller",
            "call.agent.prompts[call.prompts - 1]",
            "call.agent.prompts[call.prompts % len(call.agent.prompts)]",
        ),
    ),
    mutant(
        "one prompt too many",
        "The guard lets a silent caller be asked once more than there are questions.",
        Code("states.guards:may_prompt", "<", "<="),
    ),
    mutant(
        "apologies without end",
        "A call in which every reply fails goes on for ever.",
        Code("states.guards:may_apologise", "call.failures < call.settings.apology_limit", "True"),
    ),
    mutant(
        "lead without limit",
        "All sound is sent at once, and much of it has to be taken back.",
        Code("effects.playout:Playout._advance", "if spare_ms >= CLOCK_MS:", "if False:"),
    ),
    mutant(
        "queue of sound without limit",
        "Speech-to-text that is stuck is given minutes of old sound.",
        Code("effects.ears:Ears.listen", "(SOUND_LIMIT)", '(float("inf"))'),
    ),
    mutant(
        "edges dropped with the sound",
        "When the queue overflows the beginning of speech goes with its sound.",
        Code(
            "effects.ears:_Listener._make_room",
            "if isinstance(item, Frame) and dropped < DROPPED_AT_ONCE:",
            "if dropped < DROPPED_AT_ONCE:",
        ),
    ),
    mutant(
        "drafts without limit",
        "A turn with many pauses is drafted at each.",
        Code(
            "states.guards:worth_drafting",
            "more = call.turn.drafts < call.settings.draft_limit",
            "more = True",
        ),
    ),
    mutant(
        "draft spoken",
        "A draft is spoken before its turn is over.",
        OnChart(
            "initial: true\n                transitions:\n"
            "                  - {event: committed, cond: draft_fits",
            "initial: true\n                invoke: [speak]\n                transitions:\n"
            "                  - {event: committed, cond: draft_fits",
        ),
    ),
)
