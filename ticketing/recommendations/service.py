"""Recommending events to a buyer: popular in the buyer's city, without what is sold out, over, or bought already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketing.accounts.claims import PERSONS
from ticketing.audit.service import record
from ticketing.catalog.browse import EventCard
from ticketing.inventory.seatmap import events_with_places
from ticketing.recommendations.popular import Popular, PopularLists
from ticketing.recommendations.tables import RecommendationOptOut

MOST = 50
CHECKED_AT_ONCE = 20


class ReasonKind(StrEnum):
    POPULAR_IN_CITY = "popular_in_city"
    POPULAR = "popular"
    SOON = "soon"
    """It has sold nothing lately, and comes soon."""


class Source(StrEnum):
    """Where a list is from. No model is trained yet: `model` is null."""

    POPULAR = "popular"
    FALLBACK = "fallback"
    """The database was too slow: what everybody likes, also what was bought already or has just sold out."""
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class Reason:
    kind: ReasonKind
    text: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    event: EventCard
    reason: Reason


@dataclass(frozen=True, slots=True)
class Recommendations:
    recommendations: tuple[Recommendation, ...]
    """Best first."""
    source: Source
    model: str | None
    city: str | None
    """That the list begins with: as asked for, else where the buyer goes most."""


BUYER = f"""
with mine as (
  select distinct t.event_id from ticket t where t.holder_id in {PERSONS} and t.state in ('valid', 'used', 'listed')
)
select exists (select from recommendation_opt_out where user_id = :person) as opted_out,
  array(select event_id from mine) as bought,
  (select v.city from mine join event e on e.id = mine.event_id join venue v on v.id = e.venue_id
    group by v.city order by count(*) desc, max(e.starts_at) desc, v.city limit 1) as city
"""


def recommend(session: Session, *, user_id: UUID, lists: PopularLists, city: str | None, limit: int, now: datetime) -> Recommendations:
    """At most `limit` events for this person, of `city` first; by default the city that most of their tickets are for."""
    buyer = session.execute(text(BUYER), {"person": user_id}).one()
    if buyer.opted_out:
        return Recommendations((), Source.OPTED_OUT, None, None)
    city = city or buyer.city
    bought = set(buyer.bought)
    candidates = [found for found in _candidates(lists, city) if found.event.id not in bought and found.event.starts_at > now]
    kept: list[Popular] = []
    while candidates and len(kept) < limit:
        asked, candidates = candidates[:CHECKED_AT_ONCE], candidates[CHECKED_AT_ONCE:]
        free = events_with_places(session, event_ids=[found.event.id for found in asked], now=now)
        kept += [found for found in asked if found.event.id in free]
    return _answer(kept[:limit], Source.POPULAR, city)


def recommend_without_database(lists: PopularLists, *, city: str | None, limit: int) -> Recommendations:
    """From memory alone, the same for everybody."""
    return _answer(list(_candidates(lists, city))[:limit], Source.FALLBACK, city)


def opt_out(session: Session, *, user_id: UUID) -> None:
    """No more recommendations; safe to repeat."""
    added = insert(RecommendationOptOut).values(user_id=user_id).on_conflict_do_nothing().returning(RecommendationOptOut.user_id)
    if session.execute(added).first() is not None:
        record(session, actor_id=user_id, action="recommendations.opted_out", subject_id=user_id)


def opt_in(session: Session, *, user_id: UUID) -> None:
    """Recommendations again; safe to repeat."""
    gone = delete(RecommendationOptOut).where(RecommendationOptOut.user_id == user_id).returning(RecommendationOptOut.user_id)
    if session.execute(gone).first() is not None:
        record(session, actor_id=user_id, action="recommendations.opted_in", subject_id=user_id)


def opted_out_at(session: Session, *, user_id: UUID) -> datetime | None:
    choice = session.get(RecommendationOptOut, user_id)
    return None if choice is None else choice.opted_out_at


def _candidates(lists: PopularLists, city: str | None) -> Iterator[Popular]:
    here = lists.by_city.get(city, ()) if city else ()
    yield from here
    near: Collection[UUID] = {found.event.id for found in here}
    yield from (found for found in lists.everywhere if found.event.id not in near)


def _answer(found: list[Popular], source: Source, city: str | None) -> Recommendations:
    return Recommendations(tuple(Recommendation(one.event, _reason(one, city)) for one in found), source, None, city)


def _reason(found: Popular, city: str | None) -> Reason:
    if not found.tickets:
        return Reason(ReasonKind.SOON, f"Soon in {found.event.city}")
    if found.event.city == city:
        return Reason(ReasonKind.POPULAR_IN_CITY, f"Much bought in {city} in the last two weeks")
    return Reason(ReasonKind.POPULAR, "Much bought in the last two weeks")
