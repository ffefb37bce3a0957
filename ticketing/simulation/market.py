"""A season of its own: vendors, houses, some sixty events past and coming, made through the services, and people who sign in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.passwords import hash_password
from ticketing.accounts.rules import MemberRole
from ticketing.accounts.service import add_member, create_vendor, register
from ticketing.catalog.plan import parse_plan
from ticketing.catalog.service import (
    EventDraft,
    add_artists,
    allow_payment,
    connect_payment_account,
    create_event,
    create_layout,
    create_series,
    create_venue,
    price_layout,
)
from ticketing.foundation.clock import to_utc, zone
from ticketing.foundation.db import Database
from ticketing.foundation.ids import new_code
from ticketing.foundation.money import exponent
from ticketing.inventory.publish import publish_event
from ticketing.simulation.programme import CATEGORY_SHARE, ORGANISERS, Organiser, Show

WEEKS_BEFORE, WEEKS_AFTER = 10, 12
"""Around now: the season's events."""

MADE_WEEKS_AGO = 21
"""When the season was entered: before the first sale opens."""

Progress = Callable[[int, int], None]
"""(done, of how many)"""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A demo account. The password is random, and good for this demo's data only."""

    role: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Season:
    event_ids: tuple[UUID, ...]
    appeal: tuple[float, ...]
    """How much each event is wanted, in the order of `event_ids`; 1 is an ordinary evening."""
    vendor_ids: tuple[UUID, ...]
    sign_ins: tuple[SignIn, ...]


def make_season(database: Database, *, cipher: ContactCipher, seed: int, now: datetime, progress: Progress | None = None) -> Season:
    """Make and publish the season around `now`; one transaction per vendor, dated before its first sale. Ends with the clock unset."""
    rng = random.Random(seed)
    planned = _plan_sign_ins()
    hashes = [hash_password(sign_in.password) for sign_in in planned]
    events: list[tuple[UUID, float]] = []
    vendor_ids: list[UUID] = []
    database.clock = made_at = now - timedelta(weeks=MADE_WEEKS_AGO)
    try:
        for number, organiser in enumerate(ORGANISERS):
            with database.transaction() as session:
                vendor_id = _make_vendor(session, organiser)
                _make_owner(session, planned[number], hashes[number], vendor_id=vendor_id, cipher=cipher, now=made_at)
                events += _make_events(session, organiser, vendor_id=vendor_id, rng=rng, now=now, made_at=made_at)
            vendor_ids.append(vendor_id)
            if progress is not None:
                progress(number + 1, len(ORGANISERS))
        with database.transaction() as session:
            for sign_in, password_hash in list(zip(planned, hashes, strict=True))[len(ORGANISERS) :]:
                register(
                    session,
                    email=sign_in.email,
                    password_hash=password_hash,
                    display_name=sign_in.role.capitalize(),
                    cipher=cipher,
                    now=made_at,
                    is_operator=sign_in.role == "operator",
                    is_analyst=sign_in.role == "analyst",
                )
    finally:
        database.clock = None
    ids, appeal = zip(*events, strict=True)
    return Season(event_ids=ids, appeal=appeal, vendor_ids=tuple(vendor_ids), sign_ins=planned)


def _plan_sign_ins() -> tuple[SignIn, ...]:
    def sign_in(role: str, name: str) -> SignIn:
        return SignIn(role, f"{name}@demo.example", f"demo-{new_code(10)}")

    owners = [sign_in(f"owner of {organiser.name}", organiser.slug) for organiser in ORGANISERS]
    return (*owners, sign_in("operator", "ops"), sign_in("analyst", "analyst"))


def _make_vendor(session: Session, organiser: Organiser) -> UUID:
    vendor_id = create_vendor(
        session,
        slug=organiser.slug,
        name=organiser.name,
        zone=organiser.zone,
        fee_bps=organiser.fee_bps,
        fee_fixed_minor=organiser.fee_fixed_minor,
    )
    connect_payment_account(session, vendor_id=vendor_id, provider="fake", account_ref=f"acct_{organiser.slug}")
    return vendor_id


def _make_owner(session: Session, sign_in: SignIn, password_hash: str, *, vendor_id: UUID, cipher: ContactCipher, now: datetime) -> None:
    name = sign_in.role.capitalize()
    user_id = register(session, email=sign_in.email, password_hash=password_hash, display_name=name, cipher=cipher, now=now)
    add_member(session, vendor_id=vendor_id, user_id=user_id, role=MemberRole.OWNER)


def _make_events(
    session: Session, organiser: Organiser, *, vendor_id: UUID, rng: random.Random, now: datetime, made_at: datetime
) -> list[tuple[UUID, float]]:
    places = []
    for house in organiser.houses:
        venue_id = create_venue(session, vendor_id=vendor_id, name=house.name, city=house.city, country=house.country, zone_name=house.zone)
        plan = parse_plan(house.plan(house.name))
        layout_id = create_layout(session, vendor_id=vendor_id, venue_id=venue_id, name="Standard", plan=plan, now=made_at)
        places.append((venue_id, layout_id, plan.categories))
    events = []
    weeks = WEEKS_BEFORE + WEEKS_AFTER
    for number, show in enumerate(organiser.shows):
        week = (number + rng.uniform(0.2, 0.8)) * weeks / len(organiser.shows) - WEEKS_BEFORE
        drafts = _nights(organiser, show, first_day=now + timedelta(weeks=week), rng=rng)
        venue_id, layout_id, categories = places[show.house]
        series_id = create_series(session, vendor_id=vendor_id, title=show.title, source_key=show.title) if len(drafts) > 1 else None
        prices = _prices(show, organiser.currency, categories)
        for night, draft in enumerate(drafts):
            event_id = create_event(session, vendor_id=vendor_id, venue_id=venue_id, layout_id=layout_id, draft=draft, series_id=series_id)
            add_artists(session, event_id=event_id, artists=show.artists)
            price_layout(
                session,
                vendor_id=vendor_id,
                event_id=event_id,
                layout_id=layout_id,
                prices_minor=prices,
                tax_rate_bps=organiser.tax_rate_bps,
            )
            allow_payment(session, vendor_id=vendor_id, event_id=event_id, provider="fake")
            publish_event(session, event_id=event_id, now=made_at)
            # The first night and the last are wanted more than those between.
            events.append((event_id, show.appeal * rng.uniform(0.7, 1.3) * (1.2 if night in (0, len(drafts) - 1) else 1.0)))
    return events


def _nights(organiser: Organiser, show: Show, *, first_day: datetime, rng: random.Random) -> list[EventDraft]:
    house = organiser.houses[show.house]
    local = first_day.astimezone(zone(house.zone)).date()
    first = local + timedelta(days=(3 - local.weekday()) % 7)  # runs begin on a Thursday
    at = {"family": time(15, 0), "classical": time(19, 30), "theatre": time(19, 30), "dance": time(19, 30)}.get(show.category, time(20, 30))
    opens = datetime.combine(first - timedelta(days=rng.randint(42, 63)), time(10, 0))
    drafts = []
    for night in range(show.nights):
        start = datetime.combine(first + timedelta(days=night), at)
        drafts.append(
            EventDraft(
                title=show.title,
                description=show.description or _describe(show, house.name),
                category=show.category,
                local_start=start,
                zone=house.zone,
                currency=organiser.currency,
                sales_open_at=to_utc(opens, house.zone),
                doors_at=to_utc(start, house.zone) - timedelta(minutes=45),
                max_per_buyer=8,
                source_key=f"{show.title}|{night + 1}",
            )
        )
    return drafts


def _describe(show: Show, house: str) -> str:
    people = [name if role in ("band", "orchestra", "company") else f"{name} ({role})" for name, role in show.artists]
    return f"With {' and '.join([', '.join(people[:-1]), people[-1]] if len(people) > 1 else people)}, at {house}."


def _prices(show: Show, currency: str, categories: tuple[str, ...]) -> dict[str, int]:
    """Minor units by category, dearest first, rounded to what price lists use (half a unit, or a hundred yen)."""
    scale = 10 ** exponent(currency)
    step = scale // 2 if scale > 1 else 100
    prices = {name: max(step, round(show.price * scale * CATEGORY_SHARE[name] / 100 / step) * step) for name in categories}
    return dict(sorted(prices.items(), key=lambda item: -item[1]))
