"""When simulated buyers come, what they want, and how far they go: drawn beforehand from a seed, without a database.

Sales of an event are a mixture: a rush when they open, a rising pace towards the night, and a steady rest. Shares of what
becomes of visits are rough figures of ticket shops, and only have to be plausible.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from ticketing.orders.rules import Channel

Choice = TypeVar("Choice")


class Outcome(StrEnum):
    """How far a visit goes."""

    LOOKS = "looks"
    ABANDONS_HOLD = "abandons_hold"
    ABANDONS_ORDER = "abandons_order"
    GIVES_UP_PAYING = "gives_up_paying"
    PAYS = "pays"
    PAYS_TWICE = "pays_twice"
    PAYS_LATE = "pays_late"
    """The provider's word reaches us when the hold has ended."""


OUTCOMES = {
    Outcome.LOOKS: 0.10,
    Outcome.ABANDONS_HOLD: 0.13,
    Outcome.ABANDONS_ORDER: 0.05,
    Outcome.GIVES_UP_PAYING: 0.05,
    Outcome.PAYS: 0.655,
    Outcome.PAYS_TWICE: 0.005,
    Outcome.PAYS_LATE: 0.01,
}
PARTY_SIZES = {1: 0.16, 2: 0.50, 3: 0.12, 4: 0.15, 5: 0.04, 6: 0.03}
CHANNELS = {Channel.WEB: 0.9, Channel.API: 0.1}
REFERRERS = {None: 0.42, "newsletter": 0.2, "search": 0.2, "social": 0.12, "poster": 0.06}
CANCELLING_SHARE = 0.04
VISITS_PER_BUYER = 1.25
HOUR_WEIGHTS = (1, 0, 0, 0, 0, 0, 1, 2, 4, 6, 9, 8, 9, 8, 7, 7, 8, 9, 10, 12, 13, 11, 7, 3)
"""By local hour of the day."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An event as buyers see it."""

    event_id: UUID
    sales_open_at: datetime
    sales_close_at: datetime
    zone: str
    capacity: int
    appeal: float


@dataclass(frozen=True, slots=True)
class Visit:
    at: datetime
    buyer: int
    """Which of the buyers, from 0."""
    event_id: UUID
    party: int
    outcome: Outcome
    channel: Channel
    referrer: str | None
    cancels_after: timedelta | None
    """When a buyer who has paid changes their mind."""


def draw_visits(offers: Sequence[Offer], *, buyers: int, rng: random.Random, until: datetime) -> list[Visit]:
    """Visits of all buyers up to `until`, in order of time. Every buyer comes at least once."""
    open_offers = [offer for offer in offers if offer.sales_open_at < until]
    weights = [offer.appeal * offer.capacity**0.7 * _sold_share(offer, until) for offer in open_offers]
    visits = []
    for number in range(round(buyers * VISITS_PER_BUYER)):
        buyer = number if number < buyers else rng.randrange(buyers)
        (offer,) = rng.choices(open_offers, weights)
        visits.append(_draw_visit(offer, buyer, rng, until))
    return sorted(visits, key=lambda visit: (visit.at, visit.buyer))


def _sold_share(offer: Offer, until: datetime) -> float:
    """What share of an event's visits lies before `until`, roughly."""
    whole = (offer.sales_close_at - offer.sales_open_at).total_seconds()
    return 0.3 + 0.7 * min(1.0, (until - offer.sales_open_at).total_seconds() / whole)


def _draw_visit(offer: Offer, buyer: int, rng: random.Random, until: datetime) -> Visit:
    outcome = draw(OUTCOMES, rng)
    cancels = outcome is Outcome.PAYS and rng.random() < CANCELLING_SHARE
    return Visit(
        at=_draw_time(offer, rng, until),
        buyer=buyer,
        event_id=offer.event_id,
        party=draw(PARTY_SIZES, rng),
        outcome=outcome,
        channel=draw(CHANNELS, rng),
        referrer=draw(REFERRERS, rng),
        cancels_after=timedelta(days=rng.expovariate(1 / 6)) if cancels else None,
    )


def _draw_time(offer: Offer, rng: random.Random, until: datetime) -> datetime:
    end = min(offer.sales_close_at, until) - timedelta(minutes=30)
    while True:
        kind = rng.random()
        if kind < 0.25:
            at = offer.sales_open_at + timedelta(days=rng.expovariate(1 / 1.2))
        elif kind < 0.65:
            at = offer.sales_close_at - timedelta(days=rng.expovariate(1 / 6))
        else:
            at = offer.sales_open_at + rng.random() * (offer.sales_close_at - offer.sales_open_at)
        at = _at_a_waking_hour(at, offer.zone, rng)
        if offer.sales_open_at <= at < end:
            return at
        if end - offer.sales_open_at < timedelta(days=1):
            return offer.sales_open_at + rng.random() * max(end - offer.sales_open_at, timedelta(0))


def _at_a_waking_hour(at: datetime, zone: str, rng: random.Random) -> datetime:
    (hour,) = rng.choices(range(24), HOUR_WEIGHTS)
    local = at.astimezone(ZoneInfo(zone)).replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
    return local.astimezone(at.tzinfo)


def draw(shares: Mapping[Choice, float], rng: random.Random) -> Choice:
    """One of the keys, as likely as its share."""
    (choice,) = rng.choices(list(shares), list(shares.values()))
    return choice
