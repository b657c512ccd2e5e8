"""What can be set for the telephone line at Twilio."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import SecretStr

KEY_VARIABLE = "TWILIO_AUTH_TOKEN"
"""The environment variable that holds the account's auth token."""

HttpUrl = Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")]


class TwilioSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls come in and go out.

    Attributes:
        account_sid: whose calls they are (``AC…``); needed to call out, to transfer and to hang up.
        public_url: by what Twilio knows this service, ``https://voice.example.com``, without a
            path: for signatures, and for the address of the media stream. Empty: the Host header
            is believed.
        from_number: the number that outbound calls come from.
        turned_away: what a caller hears whom we cannot take.
        overflow: a number or SIP address to which such a caller is put through instead.
        calls_token: what those who want calls made show, as ``Authorization: Bearer …``; without
            it nobody can have any made.
        machine_detection: outbound calls are put through to us only when Twilio knows whether a
            person or a machine answered, which takes some seconds. Without it the agent finds out
            by the words of the greeting.
        ring_s: how long an outbound call may ring.
        unsigned: take webhooks and media streams that prove nothing, from anywhere: for a network
            of one's own, where no auth token is set.
        api_url: where the REST interface is.
        answer_s: how long it may take to answer.
    """

    account_sid: str = ""
    public_url: HttpUrl = ""
    from_number: str = ""
    turned_away: str = (
        "We are sorry, all our lines are busy. Please call again in a few minutes. Goodbye."
    )
    overflow: str = ""
    calls_token: SecretStr | None = None
    machine_detection: bool = False
    ring_s: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    unsigned: bool = False
    api_url: HttpUrl = "https://api.twilio.com"
    answer_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
