"""What is bought most in each city, kept in memory so that it is there when the database is slow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from ticketing.catalog import browse
from ticketing.catalog.browse import EventCard
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.resilience import Circuit

WINDOW = timedelta(days=14)
PER_CITY = 200
REFRESH_SECONDS = 30.0

BOUGHT_MOST = f"""
with sold as (
  select event_id, count(*) as tickets from ticket where issued_at > :since and state <> 'cancelled' group by event_id
),
ranked as (
  select e.id, v.city, coalesce(sold.tickets, 0) as tickets, e.starts_at,
    row_number() over (partition by v.city order by coalesce(sold.tickets, 0) desc, e.starts_at, e.id) as place
  from event e join venue v on v.id = e.venue_id left join sold on sold.event_id = e.id
  where {browse.ON_SALE} and {browse.PUBLIC} and e.starts_at > :now
)
select id, city, tickets from ranked where place <= :most order by tickets desc, starts_at, id
"""


@dataclass(frozen=True, slots=True)
class Popular:
    event: EventCard
    tickets: int
    """Sold in the last 14 days; 0: it is on the list because it comes soon."""


@dataclass(frozen=True, slots=True)
class PopularLists:
    everywhere: tuple[Popular, ...] = ()
    by_city: Mapping[str, tuple[Popular, ...]] = field(default_factory=dict)


def read_popular(session: Session, *, now: datetime) -> PopularLists:
    """Events that are on sale to everybody, those bought most in the 14 days before `now` first, then the soonest."""
    found = session.execute(text(BOUGHT_MOST), {"now": now, "since": now - WINDOW, "most": PER_CITY}).all()
    cards = {card.id: card for card in browse.list_cards(session, event_ids=[row.id for row in found], now=now)}
    by_city: dict[str, list[Popular]] = {}
    for row in found:
        by_city.setdefault(row.city, []).append(Popular(cards[row.id], row.tickets))
    everywhere = [Popular(cards[row.id], row.tickets) for row in found[:PER_CITY]]
    return PopularLists(tuple(everywhere), {city: tuple(events) for city, events in by_city.items()})


class PopularShelf:
    """One process's popular lists. They are read again when they are older than `seconds`, by one caller at a time, while the
    others get the last ones; when the database does not answer, so does everybody."""

    def __init__(self, database: Database, *, seconds: float = REFRESH_SECONDS) -> None:
        self.circuit = Circuit("recommendations", failures=(OperationalError,))
        """Of what is asked for one person, within a budget of time; the lists stand in for it."""
        self._database = database
        self._seconds = seconds
        self._lists: PopularLists | None = None
        self._fresh_until = 0.0
        self._reading = Lock()

    def lists(self) -> PopularLists:
        """Raises what the database raises only while there has never been a list."""
        lists = self._lists
        if lists is not None and time.monotonic() < self._fresh_until:
            return lists
        if not self._reading.acquire(blocking=lists is None):
            return lists if lists is not None else PopularLists()
        try:
            if time.monotonic() >= self._fresh_until:
                self._lists = self._read()
                self._fresh_until = time.monotonic() + self._seconds
        except SQLAlchemyError:
            if self._lists is None:
                raise
        finally:
            self._reading.release()
        return self._lists or PopularLists()

    def _read(self) -> PopularLists:
        with self._database.transaction() as session:
            return read_popular(session, now=database_now(session))
