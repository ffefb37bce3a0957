"""Offering what has become free to who waits for it, first come, first served.

An offer is a hold like any other, claimed by the same code, that lasts longer; a mail brings its link. Any process may do a step
at any time: entries are locked, and hold, entry and mail are written in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from ticketing.foundation.db import Connection, Database, named_cursor
from ticketing.foundation.ids import new_id
from ticketing.inventory.best import BestHandler, BestRequest
from ticketing.inventory.claim import AllowanceExceeded, ClaimHandler, ClaimRequest
from ticketing.inventory.holds import HoldView, keep_longer
from ticketing.waitinglist.rules import OFFER_TIME, EntryState

log = logging.getLogger(__name__)

WAITED_FOR = """
select distinct w.event_id from waiting_list_entry w join event e on e.id = w.event_id
where w.state in ('waiting', 'offered') and e.starts_at > app_now()
"""

END_OFFERS = """
with ended as (
  select w.id, h.state from waiting_list_entry w join hold h on h.id = w.hold_id
  where w.event_id = %s and w.state = 'offered' and (h.state <> 'active' or h.expires_at <= app_now())
  order by w.id for no key update of w
)
update waiting_list_entry w
set state = case when d.state = 'converted' then 'bought' else 'lapsed' end, ended_at = app_now()
from ended d where w.id = d.id
"""

FREE = """
select p.section_id, p.ticket_type_id, p.pool_id, p.free, t.price_minor + t.fee_minor as each_minor
from (
  select ls.section_id, es.ticket_type_id, null::uuid as pool_id, count(*) as free
  from event_seat es
  join event e on e.id = es.event_id
  join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = es.seat_no
  where es.event_id = %(event)s and (es.state = 'free' or (es.state = 'held' and es.held_until <= app_now()))
  group by ls.section_id, es.ticket_type_id
  union all
  select p.section_id, p.ticket_type_id, p.id, p.capacity - p.sold - (
    select coalesce(sum(l.quantity), 0) from hold h join hold_line l on l.hold_id = h.id
    where h.event_id = p.event_id and h.state = 'active' and h.expires_at > app_now() and l.pool_id = p.id)
  from pool p where p.event_id = %(event)s
) p
join ticket_type t on t.id = p.ticket_type_id
join section s on s.id = p.section_id
join event e on e.id = %(event)s
where p.free > 0 and p.ticket_type_id <> all(e.access_types)
  and e.status = 'published' and e.sales_paused_at is null and e.sales_open_at <= app_now() and e.sales_close_at > app_now()
order by t.position, s.position
"""

WAITING = """
select w.id, w.event_id, coalesce(u.claimed_by_id, u.id) as buyer_id, w.quantity, w.section_ids, w.most_each_minor, w.accessible
from waiting_list_entry w join user_account u on u.id = w.buyer_id
where w.event_id = %(event)s and w.state = 'waiting' and w.quantity <= %(most)s and u.disabled_at is null
  and (w.section_ids = '{}' or w.section_ids && %(sections)s::uuid[]) and (w.most_each_minor is null or w.most_each_minor >= %(cheapest)s)
order by w.id for no key update of w skip locked
"""

OFFERED = """
with offered as (
  update waiting_list_entry w set state = 'offered', hold_id = h.id, offered_at = app_now(), offer_ends_at = h.expires_at
  from hold h where w.id = %(entry)s and h.id = %(hold)s
  returning w.id
)
insert into outbox (topic, subject_id, payload)
select 'waiting_list.offered', id, jsonb_build_object('user_id', %(buyer)s::uuid) from offered
"""


@dataclass(frozen=True, slots=True)
class FreePlaces:
    """So many places of one section and ticket type that nobody holds."""

    section_id: UUID
    ticket_type_id: UUID
    pool_id: UUID | None
    """None: they are named seats."""
    free: int
    each_minor: int

    def suits(self, wish: Any) -> bool:
        """Whether these may be offered for a wish (a row with `section_ids`, `most_each_minor`, `quantity`)."""
        return (
            self.free >= wish.quantity
            and (not wish.section_ids or self.section_id in wish.section_ids)
            and (wish.most_each_minor is None or self.each_minor <= wish.most_each_minor)
        )


def waited_for(connection: Connection) -> list[UUID]:
    """The events to come that somebody waits for."""
    return [row[0] for row in connection.execute(WAITED_FOR)]


def offer_everywhere(database: Database, connection: Connection) -> None:
    """One step of every list; one that fails is tried again at the next step, and the others go on."""
    for event_id in waited_for(connection):
        try:
            with connection.transaction():
                database.set_clock(connection)
                offer_places(connection, event_id=event_id)
        except psycopg.Error as error:
            if connection.closed:
                raise
            log.warning("the waiting list of event %s: %s", event_id, type(error).__name__)


def free_places(connection: Connection, *, event_id: UUID) -> list[FreePlaces]:
    """What can be bought now without a code, the vendor's first ticket type first; nothing while the event is not on sale."""
    return [FreePlaces(*row) for row in connection.execute(FREE, {"event": event_id})]


def offer_places(connection: Connection, *, event_id: UUID) -> int:
    """One step of an event's list: end the offers that are over, offer what is free; returns how many offers were made."""
    connection.execute(END_OFFERS, [event_id])
    free = free_places(connection, event_id=event_id)
    if not free:
        return 0
    offers = 0
    too_many: dict[FreePlaces, int] = {}
    for entry in _waiting(connection, event_id, free):
        for places, outcome in _tries(connection, entry, free, too_many):
            if isinstance(outcome, HoldView):
                keep_longer(connection, hold_id=outcome.id, seconds=int(OFFER_TIME.total_seconds()))
                connection.execute(OFFERED, {"entry": entry.id, "hold": outcome.id, "buyer": entry.buyer_id})
                offers += 1
                break
            if isinstance(outcome, AllowanceExceeded):
                _lapse(connection, entry.id)
                break
            too_many[places] = entry.quantity
    return offers


def _waiting(connection: Connection, event_id: UUID, free: Sequence[FreePlaces]) -> list[Any]:
    wanted = {
        "event": event_id,
        "most": max(places.free for places in free),
        "sections": [places.section_id for places in free],
        "cheapest": min(places.each_minor for places in free),
    }
    with named_cursor(connection) as cursor:
        return cursor.execute(WAITING, wanted).fetchall()


def _tries(
    connection: Connection, entry: Any, free: Sequence[FreePlaces], too_many: dict[FreePlaces, int]
) -> Iterator[tuple[FreePlaces, Any]]:
    """What comes of holding each of the places that suit; those where as many were not to be had before are left out."""
    for places in free:
        if places.suits(entry) and entry.quantity < too_many.get(places, entry.quantity + 1):
            yield places, _hold(connection, entry, places)


def _hold(connection: Connection, entry: Any, places: FreePlaces) -> Any:
    key = f"waiting-list:{entry.id}"
    if places.pool_id is not None:
        wanted = ((places.pool_id, entry.quantity),)
        claim = ClaimRequest(new_id(), entry.event_id, entry.buyer_id, key, b"", (), wanted)
        return ClaimHandler().run(connection, [claim], alone=True)[0]
    best = BestRequest(
        new_id(),
        entry.event_id,
        entry.buyer_id,
        key,
        b"",
        entry.quantity,
        section_id=places.section_id,
        ticket_type_id=places.ticket_type_id,
        accessible=entry.accessible,
    )
    return BestHandler().run(connection, [best], alone=True)[0]


def _lapse(connection: Connection, entry_id: UUID) -> None:
    connection.execute("update waiting_list_entry set state = %s, ended_at = app_now() where id = %s", [EntryState.LAPSED.value, entry_id])
