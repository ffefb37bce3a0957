"""Selling a vendor's events to simulated buyers now, at the real time, until enough tickets exist: load, and a full season to look at."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import create_guests
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import NotFound, Unavailable
from ticketing.foundation.ids import new_code
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel
from ticketing.payments.fake import FakeClient
from ticketing.simulation.demand import PARTY_SIZES, REFERRERS, draw
from ticketing.simulation.market import Progress
from ticketing.simulation.places import Places, read_places
from ticketing.simulation.programme import FIRST_NAMES, LAST_NAMES
from ticketing.simulation.shopper import CONFIRMING, REFUSALS, Shopper, Tally

AT_ONCE = 64
TICKETS_PER_BUYER = 6
GUESTS_PER_TRANSACTION = 1000
MOST_REFUSED_IN_A_ROW = 1000

ON_SALE = """
select e.id from event e
where e.vendor_id = :vendor and e.status = 'published' and e.sales_paused_at is null and e.sales_open_at <= :now and e.sales_close_at > :now
order by e.starts_at, e.id
"""


class NothingToSell(NotFound):
    """The vendor has no event that can be bought now."""


class NobodyCanBuy(Unavailable):
    """Every buyer is refused."""


@dataclass(frozen=True, slots=True)
class SelloutReport:
    """What was sold in this run. Money in minor units by currency, fees included."""

    events: int
    orders: int
    tickets: int
    refused: int
    gross_minor: dict[str, int]
    sold_out: bool
    """Whether everything was gone before the number was reached."""


@dataclass(slots=True)
class _Market:
    booking: Booking
    provider: FakeClient
    rng: random.Random
    buyers: Sequence[UUID]
    places: dict[UUID, Places]
    tally: Tally
    wanted: int
    on_the_way: int = 0
    """Tickets that buyers are about to have."""
    refused_in_a_row: int = 0
    visits: int = 0
    run: str = ""


def sell(
    database: Database,
    provider: FakeClient,
    *,
    cipher: ContactCipher,
    vendor_id: UUID,
    tickets: int,
    seed: int,
    progress: Progress | None = None,
) -> SelloutReport:
    """Sell until `tickets` more exist, or nothing is left. Raises `NothingToSell`."""
    rng = random.Random(seed)
    with database.transaction() as session:
        now = database_now(session)
        events = list(session.execute(text(ON_SALE), {"vendor": vendor_id, "now": now}).scalars())
        if not events:
            raise NothingToSell("This vendor has nothing on sale now: publish events whose sales are open.", vendor_id=vendor_id)
        places = {event_id: read_places(session, event_id=event_id, now=now) for event_id in events}
    buyers = _make_buyers(database, cipher, rng, count=tickets // TICKETS_PER_BUYER + AT_ONCE, now=now)
    booking = Booking(database, {FakeClient.name: provider})
    market = _Market(booking, provider, rng, buyers, places, Tally(), wanted=tickets, run=new_code())
    booking.start()
    try:
        asyncio.run(_trade(market, progress))
    finally:
        booking.stop()
    counts = market.tally.counts
    return SelloutReport(
        events=len(events),
        orders=counts["paid"],
        tickets=counts["tickets"],
        refused=counts["refused"],
        gross_minor=dict(sorted(market.tally.gross_minor.items())),
        sold_out=counts["tickets"] < tickets,
    )


def _make_buyers(database: Database, cipher: ContactCipher, rng: random.Random, *, count: int, now: datetime) -> list[UUID]:
    run = new_code().lower()
    ids: list[UUID] = []
    for start in range(0, count, GUESTS_PER_TRANSACTION):
        people = [
            (f"buyer-{run}-{number}@buyers.example", f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}")
            for number in range(start, min(start + GUESTS_PER_TRANSACTION, count))
        ]
        with database.transaction() as session:
            ids += create_guests(session, people=people, cipher=cipher, now=now)
    return ids


async def _trade(market: _Market, progress: Progress | None) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(_buy_repeatedly(market, progress))
    finally:
        await market.provider.close()


async def _buy_repeatedly(market: _Market, progress: Progress | None) -> None:
    counts = market.tally.counts
    while counts["tickets"] < market.wanted:
        party = min(draw(PARTY_SIZES, market.rng), market.wanted - counts["tickets"] - market.on_the_way)
        if party <= 0:  # others are buying the last ones; one of them may fail
            await asyncio.sleep(0.01)
            continue
        if not any(places.free for places in market.places.values()):
            return
        market.on_the_way += party
        bought = await _buy(market, party)
        market.on_the_way -= party
        market.refused_in_a_row = 0 if bought else market.refused_in_a_row + 1
        if market.refused_in_a_row > MOST_REFUSED_IN_A_ROW:
            raise NobodyCanBuy(f"The last {market.refused_in_a_row} buyers were all refused: is the payment provider up?")
        if bought and progress is not None:
            progress(counts["tickets"], market.wanted)


async def _buy(market: _Market, party: int) -> bool:
    """One buyer's visit; whether it ended with tickets."""
    open_events = [event_id for event_id, places in market.places.items() if places.free]
    if not open_events:
        return False
    (event_id,) = market.rng.choices(open_events, [market.places[event].free for event in open_events])
    places = market.places[event_id]
    choice = places.choose(party, market.rng) or places.choose(1, market.rng)
    if choice is None:
        return False
    market.visits += 1
    shopper = Shopper(market.booking, market.provider, market.rng.choice(market.buyers), f"{market.run}-{market.visits}")
    try:
        hold = await shopper.hold(event_id, choice)
        order = await shopper.order(hold, channel=Channel.WEB, referrer=draw(REFERRERS, market.rng))
        payment = await shopper.start_payment(order)
        notice = await shopper.pay(payment, at=payment.session_expires_at)
    except REFUSALS:
        market.tally.counts["refused"] += 1
        places.give_back(choice)
        return False
    if await market.booking.settle(notice) not in CONFIRMING:
        market.tally.counts["refused"] += 1
        return False
    market.tally.confirmed(order)
    return True
