"""What orders keep on people: who bought what, and where they came from."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

EXPORTS = {
    "ticket_order": """
select o.id, o.code, o.buyer_id, v.name as vendor_name, o.state, o.currency, o.subtotal_minor, o.discount_minor, o.fee_minor, o.tax_minor,
  o.total_minor, o.placed_at, o.expires_at, o.confirmed_at, o.ended_at, o.channel, o.referrer
from ticket_order o join vendor v on v.id = o.vendor_id where o.buyer_id = any(:ids) order by o.placed_at, o.id""",
    "order_line": """
select l.order_id, l.line_no, l.event_id, e.title as event_title, e.local_start, e.zone, t.name as ticket_type_name, l.seat_no,
  l.price_minor, l.fee_minor, l.tax_minor, l.discount_minor, l.state
from order_line l join ticket_order o on o.id = l.order_id join event e on e.id = l.event_id join ticket_type t on t.id = l.ticket_type_id
where o.buyer_id = any(:ids) order by l.order_id, l.line_no""",
    "order_package": """
select p.order_id, k.name, p.quantity, p.price_minor from order_package p
join ticket_order o on o.id = p.order_id join package k on k.id = p.package_id
where o.buyer_id = any(:ids) order by p.order_id""",
    "order_event": """
select h.order_id, h.kind, h.detail, h.recorded_at from order_event h join ticket_order o on o.id = h.order_id
where o.buyer_id = any(:ids) order by h.id""",
}

FORGET = """
update ticket_order o set referrer = case when exists (
  select from order_promotion u join promotion p on p.id = u.promotion_id where u.order_id = o.id and o.referrer = 'affiliate:' || p.code
) then o.referrer end
where o.buyer_id = any(:ids)
"""
"""Every order is touched, so that its trigger stamps it: the warehouse's next increment takes it in without analytics_id."""

FATES = {
    "ticket_order": "Kept for the books, of an id that names nobody; where the buyer came from is cut, unless it is an affiliate's code.",
    "order_line": "Kept for the books.",
    "order_package": "Kept with its order.",
    "order_event": "Kept: what became of the order, in ids and amounts.",
}

PENDING = "select id from ticket_order where buyer_id = any(:ids) and state = 'pending' order by id"


def pending_orders(session: Session, person: Person) -> list[UUID]:
    """A person's orders that wait to be paid."""
    return list(session.execute(text(PENDING), {"ids": list(person.ids)}).scalars())


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Amounts in minor units of the order's currency."""
    for table, select in EXPORTS.items():
        yield table, rows_of(session, select, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """A referrer is whatever a program has sent, so it is cut; the warehouse hears that the buyer is gone."""
    session.execute(text(FORGET), {"ids": list(person.ids)})


PART = Part("orders", FATES, export_person, erase_person)
