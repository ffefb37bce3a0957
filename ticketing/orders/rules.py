"""Orders: states, totals, what a refund on request gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ticketing.foundation.money import share


class OrderState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ORDER_TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PENDING: frozenset({OrderState.CONFIRMED, OrderState.EXPIRED, OrderState.CANCELLED}),
    OrderState.CONFIRMED: frozenset({OrderState.COMPLETED, OrderState.CANCELLED}),
    OrderState.COMPLETED: frozenset(),
    OrderState.EXPIRED: frozenset({OrderState.CONFIRMED}),  # late money, places still free
    OrderState.CANCELLED: frozenset(),
}


class LineState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    LAPSED = "lapsed"
    """The order ended without being confirmed."""
    CANCELLED = "cancelled"


class UseState(StrEnum):
    """Of a promotion's use by an order."""

    COUNTED = "counted"
    RETURNED = "returned"
    """The order lapsed or was cancelled."""


class Channel(StrEnum):
    WEB = "web"
    API = "api"
    BOX_OFFICE = "box_office"
    COMPLIMENTARY = "complimentary"
    PACKAGE = "package"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """Steps in order of `days_before`, most generous first; no steps: nothing is refunded on request."""

    steps: tuple[tuple[int, int], ...]
    """(days before the start at which it ends, percent of the price)."""
    fee_refunded: bool

    @classmethod
    def from_json(cls, policy: dict[str, Any]) -> RefundPolicy:
        """From `event.refund_policy`."""
        steps = sorted(((int(s["days_before"]), int(s["percent"])) for s in policy.get("steps", ())), reverse=True)
        return cls(steps=tuple(steps), fee_refunded=bool(policy.get("fee_refunded", False)))

    def percent(self, *, starts_at: datetime, now: datetime) -> int:
        """The percentage of the price given back at `now`."""
        days_left = (starts_at - now).total_seconds() / 86_400
        return next((percent for days_before, percent in self.steps if days_left >= days_before), 0)

    def refundable_minor(self, *, price_minor: int, discount_minor: int, fee_minor: int, starts_at: datetime, now: datetime) -> int:
        """What one line gives back at `now`: a share of what was paid for the place, and the fee if the policy says so."""
        percent = self.percent(starts_at=starts_at, now=now)
        amount = share(price_minor - discount_minor, percent * 100)
        return amount + (fee_minor if self.fee_refunded and percent else 0)
