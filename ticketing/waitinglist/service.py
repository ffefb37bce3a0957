"""Joining a waiting list, looking, leaving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ticketing.accounts.claims import persons_of
from ticketing.audit.service import record
from ticketing.catalog.browse import PUBLIC
from ticketing.foundation.db import bare
from ticketing.foundation.errors import Conflict, Invalid, NotFound
from ticketing.foundation.money import AmountNotRepresentable, parse
from ticketing.inventory.best import BestRequest, find_seats
from ticketing.waitinglist.offer import free_places
from ticketing.waitinglist.rules import OPEN, EntryState
from ticketing.waitinglist.tables import WaitingListEntry

MOST_SECTIONS = 50
MOST_LISTED = 200


class EventNotListed(NotFound):
    """No such event, or it is not public."""


class NoWaitingList(Conflict):
    """The event is not on sale, so nobody can wait for its places."""


class PlacesAvailable(Conflict):
    """Such places can be bought now: nobody needs to wait for them."""


class AlreadyWaiting(Conflict):
    """The buyer waits at this event already; `details["entry_id"]` names the entry."""


class EntryNotFound(NotFound):
    """No such entry of this buyer."""


class EntryEnded(Conflict):
    """The buyer has left the list, or had an offer."""


@dataclass(frozen=True, slots=True)
class Wish:
    quantity: int
    section_ids: Sequence[UUID] = ()
    max_price: str | None = None
    """Of one place, all-in, in major units of the event's currency."""
    accessible: bool = False


@dataclass(frozen=True, slots=True)
class EntryView:
    """What a buyer waits for, and what came of it. `most_each_minor` is all-in, of one place, in minor units of `currency`."""

    id: UUID
    event_id: UUID
    event_title: str
    quantity: int
    section_ids: tuple[UUID, ...]
    most_each_minor: int | None
    currency: str
    accessible: bool
    state: EntryState
    joined_at: datetime
    ahead: int | None
    """So many joined earlier and still wait; null once the entry waits no more."""
    hold_id: UUID | None
    """The offer: a hold to order from, until `offer_ends_at`."""
    offer_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entries:
    entries: list[EntryView]


EVENT = f"""
select e.id, e.vendor_id, e.currency, e.max_per_buyer, e.layout_id,
  e.status = 'published' and e.sales_paused_at is null and e.sales_open_at <= :now and e.sales_close_at > :now as on_sale
from event e where e.id = :event and e.status not in ('draft', 'withdrawn') and ({PUBLIC} or e.visibility = 'hidden')
"""

READ = """
select w.id, w.event_id, e.title as event_title, w.quantity, w.section_ids, w.most_each_minor, e.currency, w.accessible,
  w.state, w.joined_at,
  case when w.state = 'waiting' then
    (select count(*) from waiting_list_entry o where o.event_id = w.event_id and o.state = 'waiting' and o.id < w.id) end as ahead,
  w.hold_id, w.offer_ends_at
from waiting_list_entry w join event e on e.id = w.event_id
where {which}
order by w.id desc limit :limit
"""


def join_waiting_list(session: Session, *, event_id: UUID, buyer_id: UUID, wish: Wish, now: datetime) -> EntryView:
    """Wait for places of an event. Raises `EventNotListed`, `NoWaitingList`, `PlacesAvailable`, `AlreadyWaiting`, `Invalid` by field."""
    event = session.execute(text(EVENT), {"event": event_id, "now": now}).one_or_none()
    if event is None:
        raise EventNotListed("There is no such event.", event_id=event_id)
    if not event.on_sale:
        raise NoWaitingList("This event is not on sale now.", event_id=event_id)
    entry = WaitingListEntry(
        vendor_id=event.vendor_id,
        event_id=event_id,
        buyer_id=buyer_id,
        quantity=wish.quantity,
        section_ids=sorted(set(wish.section_ids)),
        most_each_minor=_checked(session, event, wish),
        accessible=wish.accessible,
    )
    if _can_be_bought(session, entry):
        raise PlacesAvailable("Such places are free now: book them.", event_id=event_id)
    try:
        with session.begin_nested():
            session.add(entry)
            session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        known = session.execute(
            select(WaitingListEntry.id).where(
                WaitingListEntry.event_id == event_id, WaitingListEntry.buyer_id == buyer_id, WaitingListEntry.state.in_(OPEN)
            )
        ).scalar_one_or_none()
        raise AlreadyWaiting("You wait at this event already: leave the list first to wait for something else.", entry_id=known) from None
    record(session, actor_id=buyer_id, action="waiting_list.joined", subject_id=entry.id)
    return get_entry(session, entry_id=entry.id)


def list_entries(session: Session, *, buyer_id: UUID) -> list[EntryView]:
    """Everything a person waits or waited for, newest first; also what they joined as a guest that they have claimed."""
    persons = list(persons_of(session, user_id=buyer_id))
    return _views(session, "w.buyer_id = any(:buyers)", {"buyers": persons})


def get_entry(session: Session, *, entry_id: UUID) -> EntryView:
    """Raises `EntryNotFound`."""
    found = _views(session, "w.id = :entry", {"entry": entry_id})
    if not found:
        raise EntryNotFound("There is no such entry.", entry_id=entry_id)
    return found[0]


def buyer_of_entry(session: Session, *, entry_id: UUID) -> UUID:
    """Whose entry it is. Raises `EntryNotFound`."""
    buyer = session.execute(select(WaitingListEntry.buyer_id).where(WaitingListEntry.id == entry_id)).scalar_one_or_none()
    if buyer is None:
        raise EntryNotFound("There is no such entry.", entry_id=entry_id)
    return buyer


def leave_waiting_list(session: Session, *, entry_id: UUID, buyer_id: UUID, now: datetime) -> None:
    """Wait no more; safe to repeat. An offer is given back by releasing its hold. Raises `EntryNotFound`, `EntryEnded`."""
    persons = persons_of(session, user_id=buyer_id)
    found = select(WaitingListEntry).where(WaitingListEntry.id == entry_id, WaitingListEntry.buyer_id.in_(persons)).with_for_update()
    entry = session.execute(found).scalar_one_or_none()
    if entry is None:
        raise EntryNotFound("There is no such entry.", entry_id=entry_id)
    if entry.state is EntryState.LEFT:
        return
    if entry.state is not EntryState.WAITING:
        raise EntryEnded(f"This entry is {entry.state.value}.", entry_id=entry_id)
    entry.state, entry.ended_at = EntryState.LEFT, now
    record(session, actor_id=buyer_id, action="waiting_list.left", subject_id=entry_id)


def _checked(session: Session, event: Any, wish: Wish) -> int | None:
    """The price limit in minor units; raises `Invalid` naming what is wrong."""
    fields: dict[str, str] = {}
    if not 0 < wish.quantity <= event.max_per_buyer:
        fields["quantity"] = f"must be 1 to {event.max_per_buyer}, as many as one buyer may have"
    known = set(session.execute(text("select id from section where layout_id = :layout"), {"layout": event.layout_id}).scalars())
    if not set(wish.section_ids) <= known:
        fields["section_ids"] = "names a section that this event does not have"
    limit = None
    if wish.max_price is not None:
        try:
            limit = parse(wish.max_price, event.currency).amount_minor
        except AmountNotRepresentable:
            limit = 0
        if not 0 < limit < 2**53:
            fields["max_price"] = f"is no amount above zero in {event.currency}, or has too many decimals"
    if fields:
        raise Invalid("This can't be waited for.", fields=fields)
    return limit


def _can_be_bought(session: Session, entry: WaitingListEntry) -> bool:
    connection = bare(session)
    for places in free_places(connection, event_id=entry.event_id):
        if not places.suits(entry):
            continue
        if places.pool_id is not None:
            return True
        best = BestRequest(
            entry.event_id,  # nothing is held: this names no hold
            entry.event_id,
            entry.buyer_id,
            "",
            b"",
            entry.quantity,
            section_id=places.section_id,
            ticket_type_id=places.ticket_type_id,
            accessible=entry.accessible,
        )
        if find_seats(connection, best) is not None:
            return True
    return False


def _views(session: Session, which: str, parameters: dict[str, Any]) -> list[EntryView]:
    rows = session.execute(text(READ.format(which=which)), parameters | {"limit": MOST_LISTED})
    return [EntryView(**dict(row._mapping) | {"section_ids": tuple(row.section_ids), "state": EntryState(row.state)}) for row in rows]
