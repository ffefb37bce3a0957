"""What inventory keeps on people: places that were held, and how many somebody may have."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

EXPORTS = {
    "hold": """
select h.id, h.buyer_id, h.event_id, e.title as event_title, h.state, h.quantity, h.created_at, h.expires_at, h.extended_at, h.ended_at,
  h.order_id
from hold h join event e on e.id = h.event_id where h.buyer_id = any(:ids) order by h.created_at, h.id""",
    "hold_line": """
select l.hold_id, l.line_no, l.ticket_type_id, l.seat_no, l.pool_id, l.quantity, l.price_minor, l.fee_minor, l.tax_minor
from hold_line l join hold h on h.id = l.hold_id where h.buyer_id = any(:ids) order by l.hold_id, l.line_no""",
    "buyer_allowance": """
select event_id, taken, allowed, holds, holds_since from buyer_allowance
where buyer_id = any(:ids) order by event_id""",
}

SEND_AGAIN = "update hold set changed_xid = default where buyer_id = any(:ids)"
"""The trigger stamps the rows: the warehouse's next increment takes them in without analytics_id."""

FATES = {
    "hold": "Kept: figures of demand, of an id that names nobody.",
    "hold_line": "Kept with its hold.",
    "buyer_allowance": "Kept: a count that must agree with the places sold.",
}


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Amounts in minor units of the event's currency."""
    for table, select in EXPORTS.items():
        yield table, rows_of(session, select, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Nothing names the person; the warehouse hears that they are gone."""
    session.execute(text(SEND_AGAIN), {"ids": list(person.ids)})


PART = Part("inventory", FATES, export_person, erase_person)
