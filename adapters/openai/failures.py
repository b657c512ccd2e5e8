"""What goes wrong with OpenAI, in the ports' words.

    what                                        error             retryable
    the connection is not made in time          ProviderTimeout   yes
    nobody answers, the stream breaks off       ProviderLost      yes
    408, 5xx, `server_error` in a stream        ProviderLost      yes
    429, `rate_limit_exceeded` in a stream      ProviderBusy      yes
    429 with `insufficient_quota`, 402          ProviderRefused   no
    a prompt too long or against a policy       ProviderDeclined  no
    401, 403, 400, 404 and the like             ProviderRefused   no

Source: https://platform.openai.com/docs/guides/error-codes, and the codes of the SDK's
``ResponseError``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.openai.settings import KEY_VARIABLE
from adapters.refusals import refusal
from adapters.secrets import quoted
from effects.ports import (
    Prompt,
    ProviderBusy,
    ProviderDeclined,
    ProviderError,
    ProviderLost,
    ProviderTimeout,
)

_QUOTA = "insufficient_quota"
_DECLINED = (
    "invalid_prompt",
    "context_length_exceeded",
    "content_filter",
    "bio_policy",
    "misalignment_policy_violation",
)
"""The codes of what is wrong with one prompt, and not with the account or the model."""

_STATUSES = {
    "rate_limit_exceeded": 429,
    _QUOTA: 429,
    "data_residency_mismatch": 400,
    **dict.fromkeys(_DECLINED, 400),
}
"""An error in a stream has no status: that of a refusal with the same code. Any other is 500."""

_RUN = 12
"""So many letters and digits of a prompt in an error are a quotation."""


@dataclass(slots=True)
class Exchange:
    """One request, as its errors need to know it: OpenAI's name for it, to ask its support about
    (empty until it answers), and the words in it, which no error may repeat: some servers quote
    what they refuse."""

    request_id: str = ""
    words: tuple[str, ...] = ()

    @property
    def vendor(self) -> str:
        """How an error names OpenAI."""
        return f"openai (request {self.request_id})" if self.request_id else "openai"

    def lost(self, why: str) -> ProviderError:
        """The stream is of no more use."""
        return ProviderLost(f"{self.vendor} {quoted(why)}")

    def will_not(self, why: str) -> ProviderError:
        """OpenAI does not go on with this reply, and would not another time."""
        return ProviderDeclined(f"{self.vendor} {quoted(why)}")

    def refused(self, status: int, code: str, message: str) -> ProviderError:
        """OpenAI answered with an error. ``code`` says which (may be empty)."""
        why = ": ".join(part for part in (code, message) if part)
        if self._quoted_in(why):
            why = code
        if status == 429 and code != _QUOTA:
            detail = f": {quoted(why)}" if why else ""
            return ProviderBusy(f"{self.vendor} is asked for too much at once (429){detail}")
        if status == 400 and code in _DECLINED:
            return ProviderDeclined(f"{self.vendor} declined the prompt (400): {quoted(why)}")
        return refusal(self.vendor, status, why, KEY_VARIABLE)

    def broken(self, code: str | int | None, message: str | None) -> ProviderError:
        """OpenAI sent an error where a piece of the reply was due. Compatible servers give a
        status as the code."""
        if isinstance(code, int):
            return self.refused(code, "", message or "")
        return self.refused(_STATUSES.get(code or "", 500), code or "", message or "")

    def _quoted_in(self, text: str) -> bool:
        plain = _plain(text)
        return any(run in plain for words in self.words for run in _runs(_plain(words)))


def words_of(prompt: Prompt) -> tuple[str, ...]:
    """What was said in a prompt, and what tools were given and found."""
    calls = [message.call.arguments for message in prompt.messages if message.call]
    return (*(message.text for message in prompt.messages), *calls)


def told(error: Exception, exchange: Exchange) -> ProviderError:
    """An error of the SDK, or of the connection in mid-stream."""
    import httpx2
    import openai

    if isinstance(error, openai.APIStatusError):
        exchange.request_id = error.request_id or ""
        said = error.body.get("message") if isinstance(error.body, dict) else ""
        return exchange.refused(error.status_code, error.code or "", str(said or ""))
    cause = error.__cause__ or error
    if isinstance(cause, httpx2.TimeoutException):
        return ProviderTimeout(f"{exchange.vendor} did not answer in time")
    if isinstance(error, openai.OpenAIError):
        return exchange.lost(f"cannot be reached: {str(cause) or type(cause).__name__}")
    return exchange.lost(f"broke off: {str(cause) or type(cause).__name__}")


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _runs(plain: str) -> Iterator[str]:
    """What a quotation holds at least one of, in whole: pieces of the words, or all of them where
    these are few (but not so few that any sentence has them)."""
    if 4 <= len(plain) < _RUN:
        yield plain
    for start in range(0, len(plain) - _RUN + 1, _RUN):
        yield plain[start : start + _RUN]
