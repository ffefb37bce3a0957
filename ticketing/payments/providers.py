"""What every payment provider must do, in our words. `payments.fake` is the first; others follow the same protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ticketing.foundation.errors import Conflict, Forbidden, Unavailable


class ProviderUnknown(Unavailable):
    """The provider did not answer: whether it did the work is not known. Ask again with the same key."""


class ProviderBusy(Unavailable):
    """The provider asks us to slow down; nothing was done. `details["retry_after_seconds"]` says for how long."""


class ProviderDenied(Unavailable):
    """The provider does not accept our API key; nothing was done, and nothing will be until the key is put right."""


class ProviderRefused(Conflict):
    """The provider refused for good; nothing was done."""


class BadSignature(Forbidden):
    """A webhook that the provider did not sign, or signed too long ago."""


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """A hosted payment page that the buyer is sent to."""

    provider_ref: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    provider_ref: str
    reference: str
    """What we called it: our payment's id."""
    state: str
    """open, captured, failed or expired"""
    amount_minor: int
    currency: str
    captured_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    provider_ref: str
    key: str
    state: str
    """succeeded or failed"""
    payment_ref: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ProviderNotice:
    """One event of a provider, from a verified webhook or from polling."""

    provider: str
    event_key: str
    """The provider's event id, else the hash of the raw body."""
    kind: str
    """payment.captured, payment.failed, payment.expired; others are noted and left"""
    payment_ref: str | None
    reference: UUID | None
    """Our payment's id, as the provider repeats it."""
    amount_minor: int | None
    currency: str | None
    body: bytes


def polled_notice(provider: str, payment: ProviderPayment) -> ProviderNotice | None:
    """What a webhook would have said of this payment, for settling what was asked for; none while the page is open."""
    if payment.state == "open":
        return None
    kind = f"payment.{payment.state}"
    return ProviderNotice(
        provider=provider,
        event_key=f"polled:{payment.provider_ref}:{kind}",
        kind=kind,
        payment_ref=payment.provider_ref,
        reference=UUID(payment.reference),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        body=b"",
    )


class PaymentProvider(Protocol):
    """Calls raise `ProviderUnknown`, `ProviderBusy`, `ProviderDenied` or `ProviderRefused`. Keys make repeated calls one."""

    name: str

    async def open_session(
        self,
        *,
        key: str,
        reference: UUID,
        amount_minor: int,
        currency: str,
        account_ref: str,
        order_code: str,
        return_url: str,
        expires_at: datetime,
    ) -> ProviderSession:
        """A hosted page for one payment."""
        ...

    async def expire_session(self, provider_ref: str) -> ProviderPayment:
        """Close the page, so that it takes no money any more; answers what it is now (it may have been paid)."""
        ...

    async def get_payment(self, provider_ref: str) -> ProviderPayment: ...

    async def refund(self, *, key: str, payment_ref: str, amount_minor: int, currency: str) -> ProviderRefund: ...

    async def find_refund(self, key: str) -> ProviderRefund | None:
        """What became of a refund whose answer was lost; also when the provider has forgotten the key itself."""
        ...

    async def list_payments(self) -> list[ProviderPayment]: ...

    async def list_refunds(self) -> list[ProviderRefund]: ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderNotice:
        """Verify and read; raises `BadSignature` or `Malformed`."""
        ...

    async def close(self) -> None: ...
