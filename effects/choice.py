"""Which provider of a port serves a call, and which takes its place when it fails.

The order is the configuration's. A call begins with the first that is healthy and stays with it;
who takes over when it fails is said in the event of the failure, so that the change is a
transition of the chart and replays like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from effects.breaker import Breaker, State
from effects.ports import NoneFree, ProviderDeclined, ProviderError

log = structlog.get_logger()


class Named(Protocol):
    """What a configuration and a journal call a provider."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


@dataclass(frozen=True, slots=True)
class Health:
    """How a provider is doing, for those who watch over it."""

    name: str
    state: State
    failures_in_a_row: int
    succeeded: int
    failed: int


@dataclass(slots=True)
class _Member(Generic[P]):
    provider: P
    breaker: Breaker
    succeeded: int = 0
    failed: int = 0


class Choice(Generic[P]):
    """The providers of one port, in the order in which they are wanted, each with a breaker. At
    least one; their names differ."""

    def __init__(self, *providers: P, failures: int = 3, open_s: float = 30.0) -> None:
        self._members = {one.name: _Member(one, Breaker(failures, open_s)) for one in providers}
        if not providers or len(self._members) < len(providers):
            raise ValueError("a port needs providers of different names")

    @property
    def providers(self) -> Sequence[P]:
        """All of them, in order."""
        return tuple(member.provider for member in self._members.values())

    @property
    def first(self) -> P:
        """The one that is wanted most."""
        return self.providers[0]

    @property
    def health(self) -> tuple[Health, ...]:
        """How each is doing."""
        return tuple(
            Health(name, one.breaker.state, one.breaker.failures, one.succeeded, one.failed)
            for name, one in self._members.items()
        )

    def pick(self, name: str) -> P:
        """The provider of that name; without one, the first that is healthy, or else the first: a
        provider that is down may be back, and silence is certain to be worse."""
        if name in self._members:
            return self._members[name].provider
        healthy = (one.provider for one in self._members.values() if one.breaker.lets_through)
        return next(healthy, self.first)

    def instead_of(self, name: str, *, took_over: bool) -> str:
        """Who takes over from a provider that failed: the next in the order that is healthy. If the
        call began with it, also one before it, that rested then; if it ``took_over`` itself, those
        have failed in this call. Empty if there is nobody."""
        names = list(self._members)
        place = names.index(name)
        others = names[place + 1 :] + ([] if took_over else names[:place])
        return next((one for one in others if self._members[one].breaker.lets_through), "")

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """Count a :class:`~effects.ports.ProviderError` that comes out as the provider's failure,
        and log it, and work that is done as its success. Work that is cancelled proves nothing."""
        breaker = self._members[name].breaker
        tries = breaker.asked()
        try:
            yield
        except (ProviderDeclined, NoneFree):
            raise  # this request's own fault, whoever is asked; or our own restraint
        except ProviderError as error:
            self.failed(name, error)
            raise
        else:
            self.succeeded(name)
        finally:
            if tries:
                breaker.left()

    def succeeded(self, name: str) -> None:
        """The provider has delivered."""
        member = self._members[name]
        member.succeeded += 1
        if member.breaker.state != "closed":
            log.warning("provider_is_back", provider=name)
        member.breaker.succeeded()

    def failed(self, name: str, error: ProviderError) -> None:
        """The provider did not deliver."""
        member = self._members[name]
        member.failed += 1
        before = member.breaker.state
        member.breaker.failed()
        log.warning(
            "provider_failed", provider=name, error=str(error), breaker=member.breaker.state
        )
        if before != "open" and member.breaker.state == "open":
            log.warning("provider_is_left_alone", provider=name, failures=member.breaker.failures)
