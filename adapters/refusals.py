"""What the HTTP status of a vendor's refusal means for a call."""

from __future__ import annotations

from adapters.secrets import quoted
from effects.ports import ProviderBusy, ProviderError, ProviderLost, ProviderRefused


def refusal(vendor: str, status: int, why: str, key_variable: str) -> ProviderError:
    """The error for an answer that is none: ``why`` is what the vendor says, of which the beginning
    is quoted, without our key. What is said about the key is not quoted at all.

    400, 404, 422 and the like are our fault and will stay so; 401 and 403 are about the key; 402
    is about money; 408 and 5xx are the vendor's trouble; 429 is too much at once.
    """
    said = quoted(why)
    detail = f": {said}" if said else ""
    if status in (401, 403):
        return ProviderRefused(f"{vendor} refused the key ({status}): check {key_variable}")
    if status == 402:
        return ProviderRefused(f"{vendor} wants to be paid ({status}): check the account's credit")
    if status == 429:
        if "quota" in said.lower() or "credit" in said.lower():
            return ProviderRefused(f"{vendor}: the quota is used up ({status}){detail}")
        return ProviderBusy(f"{vendor} is asked for too much at once ({status}){detail}")
    if status == 408 or status >= 500:
        return ProviderLost(f"{vendor} is in trouble ({status}){detail}")
    return ProviderRefused(f"{vendor} refused the request ({status}){detail}")
