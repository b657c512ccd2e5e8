"""What all providers share: how they are opened, and how they fail."""

from __future__ import annotations

from typing import Protocol, Self


class ProviderError(Exception):
    """A provider did not deliver. ``str()`` says who, what and what to do; never a secret."""

    retryable = True


class ProviderTimeout(ProviderError):
    """Nothing came in the time allowed."""


class ProviderRefused(ProviderError):
    """The provider said no: authentication, quota, or a request it will never accept."""

    retryable = False


class ProviderDeclined(ProviderRefused):
    """This request will never be accepted; others may: too long, or against a policy."""


class ProviderBusy(ProviderRefused):
    """The provider takes no more at the moment: a rate or concurrency limit."""

    retryable = True


class ProviderLost(ProviderError):
    """The connection or the model broke off in mid-stream."""


class Provider(Protocol):
    """Anything with a model to load or connections to keep warm."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...
