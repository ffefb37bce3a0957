"""Simulated buyers act through the services over simulated weeks, in waves: those who come within the same hours act at once.

The database's clock is set for each step of a wave, and never goes back. At the end it is unset.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import create_guests
from ticketing.catalog.browse import get_event
from ticketing.foundation.db import Database
from ticketing.foundation.loop import background_loop
from ticketing.foundation.settings import Settings
from ticketing.inventory.seatmap import availability
from ticketing.orders.booking import Booking
from ticketing.orders.expire import sweep
from ticketing.orders.pay import PaymentView
from ticketing.orders.read import OrderView
from ticketing.orders.settle import Settlement
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import ProviderNotice
from ticketing.payments.refunds import send_due_refunds
from ticketing.simulation.demand import Offer, Outcome, Visit, draw_visits
from ticketing.simulation.market import Progress, Season
from ticketing.simulation.places import Choice, Places, read_places
from ticketing.simulation.programme import FIRST_NAMES, LAST_NAMES
from ticketing.simulation.shopper import CONFIRMING, REFUSALS, Shopper, Tally

WAVE_HOURS = 3.5
"""Buyers who come within so many hours act at one instant: a day has four to six."""

WAVE_BUYERS = 64
PAYING_MINUTES = 4
HOLD_MINUTES = 12
"""After this an abandoned hold has ended and its places can be chosen again."""

LATE_AFTER = timedelta(minutes=45)
"""How late the provider's word is when it is late: past the longest session."""


@dataclass(frozen=True, slots=True)
class BuyersReport:
    """What simulated buyers did. Money in minor units, by currency: what confirmed orders cost, fees included."""

    buyers: int
    visits: int
    held: int
    refused: int
    abandoned: int
    paid: int
    declined: int
    reclaimed: int
    returned: int
    cancelled: int
    tickets: int
    gross_minor: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Open:
    """A visit that has come as far as paying."""

    visit: Visit
    shopper: Shopper
    choice: Choice
    order: OrderView
    payment: PaymentView


@dataclass(slots=True)
class _Street:
    """Everything one run knows."""

    database: Database
    booking: Booking
    provider: FakeClient
    cipher: ContactCipher
    rng: random.Random
    places: dict[UUID, Places] = field(default_factory=dict)
    people: dict[int, UUID] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    due: list[tuple[datetime, int, _Open, ProviderNotice | None]] = field(default_factory=list)
    """Late notices (with a notice) and changes of mind (without), by time."""
    returning: list[tuple[datetime, int, UUID, Choice]] = field(default_factory=list)
    refunds_due: bool = False
    number: int = 0

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def give_back_later(self, event_id: UUID, choice: Choice, at: datetime) -> None:
        heapq.heappush(self.returning, (at, self.next_number(), event_id, choice))


def run_buyers(
    database: Database,
    settings: Settings,
    *,
    season: Season,
    provider_url: str,
    buyers: int = 5000,
    seed: int,
    now: datetime,
    progress: Progress | None = None,
) -> BuyersReport:
    """Let `buyers` act from the first sale until `now`. The provider at `provider_url` must run with `--simulated-clock`.

    The same seed gives the same buyers; the database must hold the season and nothing newer than its making.
    """
    secrets = settings.secrets
    provider = FakeClient(
        base_url=provider_url,
        api_key=secrets.fake_provider_api_key,
        webhook_secrets=secrets.fake_provider_webhook_secrets,
        clock=lambda: database.clock or now,
    )
    booking = Booking(database, {FakeClient.name: provider})
    rng = random.Random(seed)
    street = _Street(database, booking, provider, ContactCipher.from_secrets(secrets), rng)
    visits = draw_visits(_read_offers(database, season, now), buyers=buyers, rng=rng, until=now)
    booking.start()
    try:
        with asyncio.Runner() as runner:
            done, day = 0, None
            for wave in _waves(visits):
                at = max(wave[-1].at, (database.clock or wave[0].at) + timedelta(seconds=1))
                if at + timedelta(minutes=PAYING_MINUTES) > now:
                    break  # a rush in the last minutes: those at its end are still waiting
                if day != at.date():
                    day = at.date()
                    _keep_house(street, at)
                runner.run(_wave(street, wave, at))
                done += len(wave)
                if progress is not None:
                    progress(done, len(visits))
            database.clock = now
            runner.run(_due(street, now))
            _keep_house(street, now)
            runner.run(provider.close())
        asyncio.run_coroutine_threadsafe(provider.close(), background_loop()).result()
    finally:
        booking.stop()
        database.clock = None
    counts = street.tally.counts
    names = ("held", "refused", "abandoned", "paid", "declined", "reclaimed", "returned", "cancelled", "tickets")
    return BuyersReport(
        buyers=buyers, visits=len(visits), gross_minor=dict(sorted(street.tally.gross_minor.items())), **{n: counts[n] for n in names}
    )


def _read_offers(database: Database, season: Season, now: datetime) -> list[Offer]:
    with database.transaction() as session:
        offers = []
        for event_id, appeal in zip(season.event_ids, season.appeal, strict=True):
            event = get_event(session, event_id=event_id, now=now)
            capacity = sum(kind.capacity for kind in availability(session, event_id=event_id, now=now))
            offers.append(Offer(event_id, event.sales_open_at, event.sales_close_at, event.zone, capacity, appeal))
    return offers


def _waves(visits: Sequence[Visit]) -> list[list[Visit]]:
    waves: list[list[Visit]] = []
    for visit in visits:
        if waves and len(waves[-1]) < WAVE_BUYERS and visit.at - waves[-1][0].at < timedelta(hours=WAVE_HOURS):
            waves[-1].append(visit)
        else:
            waves.append([visit])
    return waves


def _keep_house(street: _Street, at: datetime) -> None:
    """What flows do meanwhile: expire what is over, send refunds."""
    street.database.clock = at
    with street.database.connect() as connection, connection.transaction():
        street.database.set_clock(connection)
        sweep(connection, limit=10_000)
    if street.refunds_due:
        send_due_refunds(street.database, {FakeClient.name: street.provider}, limit=1_000)
        street.refunds_due = False


async def _wave(street: _Street, wave: Sequence[Visit], at: datetime) -> None:
    street.database.clock = at
    await _due(street, at)
    while street.returning and street.returning[0][0] <= at:
        _, _, event_id, returned = heapq.heappop(street.returning)
        street.places[event_id].give_back(returned)
    _greet(street, wave, at)
    chosen = [(visit, choice) for visit in wave if (choice := _choose(street, visit, at)) is not None]
    came = await asyncio.gather(*(_until_payment(street, visit, choice, at) for visit, choice in chosen))
    street.database.clock = later = at + timedelta(minutes=PAYING_MINUTES)
    await asyncio.gather(*(_pay(street, one, later) for one in came if one is not None))


def _greet(street: _Street, wave: Sequence[Visit], at: datetime) -> None:
    """Accounts for those who come for the first time."""
    strangers = sorted({visit.buyer for visit in wave} - street.people.keys())
    if not strangers:
        return
    names = [f"{street.rng.choice(FIRST_NAMES)} {street.rng.choice(LAST_NAMES)}" for _ in strangers]
    people = [(f"buyer-{buyer + 1}@buyers.example", name) for buyer, name in zip(strangers, names, strict=True)]
    with street.database.transaction() as session:
        street.people.update(zip(strangers, create_guests(session, people=people, cipher=street.cipher, now=at), strict=True))


def _choose(street: _Street, visit: Visit, at: datetime) -> Choice | None:
    if visit.outcome is Outcome.LOOKS:
        return None
    if visit.event_id not in street.places:
        with street.database.transaction() as session:
            street.places[visit.event_id] = read_places(session, event_id=visit.event_id, now=at)
    choice = street.places[visit.event_id].choose(visit.party, street.rng)
    if choice is None:
        street.tally.counts["refused"] += 1
    return choice


async def _until_payment(street: _Street, visit: Visit, choice: Choice, at: datetime) -> _Open | None:
    shopper = Shopper(street.booking, street.provider, street.people[visit.buyer], f"visit-{street.next_number()}")
    try:
        hold = await shopper.hold(visit.event_id, choice)
        street.tally.counts["held"] += 1
        if visit.outcome is not Outcome.ABANDONS_HOLD:
            order = await shopper.order(hold, channel=visit.channel, referrer=visit.referrer)
            if visit.outcome is not Outcome.ABANDONS_ORDER:
                return _Open(visit, shopper, choice, order, await shopper.start_payment(order))
    except REFUSALS:
        street.tally.counts["refused"] += 1
        street.give_back_later(visit.event_id, choice, at)
        return None
    street.tally.counts["abandoned"] += 1
    street.give_back_later(visit.event_id, choice, at + timedelta(minutes=HOLD_MINUTES))
    return None


async def _pay(street: _Street, one: _Open, at: datetime) -> None:
    if one.visit.outcome is Outcome.GIVES_UP_PAYING:
        await street.booking.settle(await one.shopper.give_up(one.payment, at=at))
        street.tally.counts["declined"] += 1
        street.give_back_later(one.visit.event_id, one.choice, at + timedelta(minutes=40))
        return
    if one.visit.outcome is Outcome.PAYS_TWICE:  # in another window; only one of the two can pay the order
        again = await one.shopper.start_payment(one.order, attempt=3)
    notice = await one.shopper.pay(one.payment, at=at)
    if notice.kind != "payment.captured":  # the card was refused: once more with another
        street.tally.counts["declined"] += 1
        await street.booking.settle(notice)
        notice = await one.shopper.pay(await one.shopper.start_payment(one.order, attempt=2), at=at)
    if one.visit.outcome is Outcome.PAYS_LATE:
        # The places may be chosen by others before the word comes: then the money goes back.
        street.give_back_later(one.visit.event_id, one.choice, at + timedelta(minutes=40))
        heapq.heappush(street.due, (at + LATE_AFTER, street.next_number(), one, notice))
        return
    await _settle(street, one, notice, at)
    if one.visit.outcome is Outcome.PAYS_TWICE:
        settlement = await street.booking.settle(await one.shopper.pay(again, at=at))
        street.tally.counts["returned"] += settlement is Settlement.REFUND_PLANNED
        street.refunds_due = True


async def _settle(street: _Street, one: _Open, notice: ProviderNotice, at: datetime) -> None:
    settlement = await street.booking.settle(notice)
    if settlement in CONFIRMING:
        street.tally.confirmed(one.order)
        street.tally.counts["reclaimed"] += settlement is Settlement.RECLAIMED
        if one.visit.cancels_after is not None:
            heapq.heappush(street.due, (at + one.visit.cancels_after, street.next_number(), one, None))
    elif settlement is Settlement.REFUND_PLANNED:
        street.tally.counts["returned"] += 1
        street.refunds_due = True
    else:
        street.tally.counts["declined"] += 1
        street.give_back_later(one.visit.event_id, one.choice, at + timedelta(minutes=40))


async def _due(street: _Street, at: datetime) -> None:
    """Late notices and changes of mind whose time has come, in order."""
    while street.due and street.due[0][0] <= at:
        _, _, one, notice = heapq.heappop(street.due)
        if notice is not None:
            await _settle(street, one, notice, at)
            continue
        try:
            await one.shopper.cancel(one.order)
        except REFUSALS:  # the event has begun
            continue
        street.tally.counts["cancelled"] += 1
        street.refunds_due = True
        street.give_back_later(one.visit.event_id, one.choice, at)
