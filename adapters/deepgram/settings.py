"""What can be chosen of Deepgram."""

from __future__ import annotations

from typing import Annotated

import msgspec

from states.settings import Count, Limit, Milliseconds, Seconds

WebsocketUrl = Annotated[str, msgspec.Meta(pattern="^wss?://.")]
EotThreshold = Annotated[float, msgspec.Meta(ge=0.5, le=0.9)]
EagerThreshold = Annotated[float, msgspec.Meta(ge=0.3, le=0.9)]


class DeepgramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of Deepgram's speech-to-text; those of the model that is not used do nothing.

    Both
        ``base_url``: where the service is.
        ``model``: a name that begins with "flux" is served by Flux, which judges itself when a
        turn is over (``flux-general-en``); any other by nova.
        ``language``: as a BCP-47 tag; the model's own where it is empty. For Flux it is a hint.
        ``keyterms``: words to expect, such as product names.
        ``numerals``: numbers as digits. ``profanity_filter``: swearing is starred out.
        ``mip_opt_out``: keep the audio out of Deepgram's model improvement (which costs more).

    nova
        ``smart_format``: punctuation, case, and dates, amounts and the like as they are written.
        ``endpointing_ms``: silence after which Deepgram calls the speech over, and the turn is
        taken up whatever its words are; 0: it does not. ``utterance_end_ms``: a gap between
        words, by their times, that does so even in noise; 1000 at least, or 0 for never.
        ``finalize_at_offset``: ask for the final words when our own detector hears the end of
        speech, which has them some hundred milliseconds sooner.

    Flux
        ``eot_threshold``: how sure it has to be that a turn is over. ``eager_eot_threshold``: how
        sure, to say early that it may be; None: it does not. ``eot_timeout_ms``: silence that
        ends a turn in any case.

    The connection
        ``connect_s``: it is open within this time. ``keep_alive_s``: without sound for this long
        Deepgram is told that we are still there (it hangs up after ten seconds).
        ``reconnect_tries``: tries in a row to get back a connection that was lost; the first
        at once, the next after ``reconnect_wait_ms``, and then after twice that, and so on.
        ``answer_s``: a connection is lost, too, if it says nothing for so long after it was asked
        for the final words (nova), or while the caller speaks (Flux).
        ``replay_ms``: the audio that is kept to be heard again on a new connection.
    """

    base_url: WebsocketUrl = "wss://api.deepgram.com"
    model: str = "nova-3"
    language: str = ""
    keyterms: tuple[str, ...] = ()
    numerals: bool = False
    profanity_filter: bool = False
    mip_opt_out: bool = False

    smart_format: bool = True
    endpointing_ms: Limit = 0
    utterance_end_ms: Limit = 0
    finalize_at_offset: bool = True

    eot_threshold: EotThreshold = 0.7
    eager_eot_threshold: EagerThreshold | None = None
    eot_timeout_ms: Annotated[int, msgspec.Meta(ge=500, le=10_000)] = 5000

    connect_s: Seconds = 3.0
    keep_alive_s: Seconds = 4.0
    answer_s: Seconds = 3.0
    reconnect_tries: Count = 3
    reconnect_wait_ms: Milliseconds = 200
    replay_ms: Milliseconds = 10_000

    @property
    def is_flux(self) -> bool:
        """Whether the model is served by Flux."""
        return self.model.startswith("flux")

    def __post_init__(self) -> None:
        if 0 < self.utterance_end_ms < 1000:
            raise ValueError("utterance_end_ms is 0 or at least 1000: Deepgram's own limit")
        if self.eager_eot_threshold and self.eager_eot_threshold > self.eot_threshold:
            raise ValueError("eager_eot_threshold must not be above eot_threshold")
