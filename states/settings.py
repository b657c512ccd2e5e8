"""Every number that decides turn-taking, with its unit in its name."""

from __future__ import annotations

from typing import Annotated

import msgspec

Milliseconds = Annotated[int, msgspec.Meta(ge=1)]
"""A duration that a configuration may name: zero or less would spin or never wait."""

Seconds = Annotated[float, msgspec.Meta(gt=0)]
"""The same for what waits on the real clock."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A probability, a score, or a threshold for one."""

Limit = Annotated[int, msgspec.Meta(ge=0)]
"""How often something may happen, at most; zero is never."""

Count = Annotated[int, msgspec.Meta(ge=1)]
"""How many of something there are at least: without one, nothing would happen."""

_ORDER = (
    ("complete_silence_ms", "silence_ms"),
    ("silence_least_ms", "silence_most_ms"),
    ("silence_ms", "silence_most_ms"),
    ("offset_probability", "onset_probability"),
    ("chunk_ms", "lead_ms"),
    ("mind_hedge_ms", "mind_switch_ms"),
)
"""Pairs of settings of which the first must not be above the second."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one call. They stand in the head of its journal.

    When a turn ends
        ``complete_silence_ms``: silence after which a complete-sounding turn is taken up.
        ``silence_ms``: silence after which a fragment is, until the caller's own pauses are
        known; then it is between ``silence_least_ms`` and ``silence_most_ms``.
        ``complete_threshold``: the score (0..1) of words and voice from which a turn is complete.
        ``cut_off_ms``: what is added to ``complete_silence_ms`` each time that the caller went
        on after their turn was taken up.
        ``stable_partials``: so many transcripts in a row that agree are as good as a final one.
        ``stt_overdue_ms``: how much longer a turn that is over waits for its final transcript.
        ``turn_limit_ms``: the longest turn; then whatever was understood is taken up.
        ``missed_ms``: sound of which no word was understood is asked for again from this
        length on; shorter, it may have been a cough.
        ``early_answer_ms``: words that ended this shortly before the agent did are the answer,
        and no backchannel.
        ``hold_ms``: how long a caller who asked for a moment is left alone.
        ``beep_ms``: the quiet after which an answering machine records.
        ``digit_ms``: the pause between keys after which dialled digits are taken up.

    Voice activity
        ``onset_probability`` for ``onset_ms`` starts speech; below ``offset_probability``
        for ``offset_ms`` ends it. ``onset_probability_speaking`` is needed to start it while
        the agent can be heard, and sound that is the agent's echo with ``echo_likelihood``
        (0..1) or more is no speech. ``preroll_ms`` of audio before the onset belongs to it.
        ``frames_lost_ms`` without a frame counts as silence.

    Who has the floor
        ``barge_in_ms``: caller speech (voiced, pauses left out) that stops the agent.
        ``backchannel_ms``: the same where all words so far are a backchannel.
        ``retract_ms``: the same while the agent thinks: the caller goes on with their turn.
        ``greeting_protected_ms``: how long the greeting is not interrupted (0: never protected).
        ``echo_words``: the share (0..1) of a transcript's words that the agent has just said
        from which it is the agent's own voice that came back.
        ``floor_ms``: further speech without words that takes the floor.
        ``false_alarm_ms``: quiet after which an interruption counts as a false alarm.
        ``noise_ms``: quiet after a noise before a reply that is due begins.

    The reply
        ``draft_limit``: the most drafts of one turn.
        ``draft_words``: the fewest words worth a draft.
        ``acknowledge_ms``: a reply later than this is preceded by an acknowledgement.
        ``reassure_ms``: dead air in the middle of a reply after which the caller is told that
        it goes on.
        ``reply_ms``: a reply later than this is given up with an apology.
        ``first_token_ms``, ``first_audio_ms``: the provider is given up after this silence.
        ``mind_switch_ms``, ``voice_switch_ms``: the same where another can take over.
        ``first_words_ms``, ``recogniser_switch_ms``: likewise of speech-to-text, after the end
        of speech of which it has said nothing.
        ``mind_hedge_ms``: a language model that says nothing for so long gets company: the next one
        is asked as well, and whoever begins first composes the reply (0: never).
        ``generation_ms``: the longest that the language model may write at a reply, tools left
        out.
        ``tool_rounds``: the most rounds of tools in one reply.
        ``reply_chars``: the longest reply; the rest is not spoken.
        ``apology_limit``: failures in a row after which the call ends with a goodbye.

    Playout
        ``lead_ms``: audio sent ahead of real time. ``chunk_ms``: audio sent at once.
        ``mark_grace_ms``: how long after its end a clause waits for its mark.

    The call
        ``idle_ms``: silence of both sides before the caller is prompted.
        ``call_limit_ms``: the longest call; ``call_warning_ms`` before it the caller is told;
        ``goodbye_ms``: time left to say goodbye after it.
        ``transfer_ms``: the longest that putting the caller through may take.
        ``stt_retry_ms``, ``stt_retry_limit``: when speech-to-text fails.
        ``closing_ms``: the longest an ending call may take to close.
    """

    complete_silence_ms: Milliseconds = 200
    silence_ms: Milliseconds = 1200
    silence_least_ms: Milliseconds = 700
    silence_most_ms: Milliseconds = 2000
    complete_threshold: Share = 0.7
    cut_off_ms: Milliseconds = 100
    stable_partials: Count = 3
    stt_overdue_ms: Milliseconds = 700
    turn_limit_ms: Milliseconds = 60_000
    missed_ms: Milliseconds = 400
    early_answer_ms: Milliseconds = 1500
    digit_ms: Milliseconds = 2500
    hold_ms: Milliseconds = 60_000
    beep_ms: Milliseconds = 1500

    onset_probability: Share = 0.5
    onset_probability_speaking: Share = 0.6
    offset_probability: Share = 0.35
    echo_likelihood: Share = 0.5
    onset_ms: Milliseconds = 64
    offset_ms: Milliseconds = 192
    preroll_ms: Milliseconds = 320
    frames_lost_ms: Milliseconds = 1000

    barge_in_ms: Milliseconds = 600
    backchannel_ms: Milliseconds = 1200
    retract_ms: Milliseconds = 800
    greeting_protected_ms: Limit = 0
    echo_words: Share = 0.8
    floor_ms: Milliseconds = 1000
    false_alarm_ms: Milliseconds = 700
    noise_ms: Milliseconds = 400

    draft_limit: Limit = 4
    draft_words: Limit = 1
    acknowledge_ms: Milliseconds = 1500
    reassure_ms: Milliseconds = 4000
    reply_ms: Milliseconds = 12_000
    first_token_ms: Milliseconds = 6000
    first_audio_ms: Milliseconds = 5000
    first_words_ms: Milliseconds = 6000
    mind_switch_ms: Milliseconds = 2500
    voice_switch_ms: Milliseconds = 1500
    recogniser_switch_ms: Milliseconds = 2500
    mind_hedge_ms: Limit = 0
    generation_ms: Milliseconds = 30_000
    tool_rounds: Count = 4
    reply_chars: Count = 2000
    apology_limit: Limit = 3

    lead_ms: Milliseconds = 200
    chunk_ms: Milliseconds = 60
    mark_grace_ms: Milliseconds = 1500

    idle_ms: Milliseconds = 8000
    call_limit_ms: Milliseconds = 1_800_000
    call_warning_ms: Milliseconds = 60_000
    transfer_ms: Milliseconds = 20_000
    goodbye_ms: Milliseconds = 15_000
    stt_retry_ms: Milliseconds = 500
    stt_retry_limit: Limit = 3
    closing_ms: Milliseconds = 2000

    def __post_init__(self) -> None:
        for low, high in _ORDER:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low} ({getattr(self, low)}) must not be above {high} ({getattr(self, high)})"
                )
