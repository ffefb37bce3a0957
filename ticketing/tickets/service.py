"""Tickets as their holder sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

import ticketing.tickets.tables  # noqa: F401 - other features' tables refer to it, and must find it
from ticketing.accounts.claims import PERSONS
from ticketing.foundation.errors import NotFound
from ticketing.tickets.qr import TicketSigner
from ticketing.tickets.rules import TicketState


class TicketNotFound(NotFound):
    """No such ticket of this holder."""


@dataclass(frozen=True, slots=True)
class TicketView:
    id: UUID
    code: str
    state: TicketState
    order_id: UUID
    order_code: str
    event_id: UUID
    event_title: str
    local_start: datetime
    zone: str
    venue_name: str
    city: str
    ticket_type_name: str
    section_name: str | None
    row_label: str | None
    seat_label: str | None
    qr_text: str
    """Signed now; what the gate reads."""


READ = """
select t.id, t.code, t.state, t.order_id, split_part(t.code, '-', 1) as order_code, t.event_id, e.title, e.local_start, e.zone,
  v.name as venue_name, v.city, y.name as type_name, coalesce(s.name, y.name) as section_name, ls.row_label, ls.seat_label,
  t.seat_no, t.holder_id, t.nonce
from ticket t
join event e on e.id = t.event_id
join venue v on v.id = e.venue_id
join ticket_type y on y.id = t.ticket_type_id
left join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = t.seat_no
left join section s on s.id = ls.section_id
where {which}
order by t.code
"""


def _views(session: Session, signer: TicketSigner, which: str, parameters: dict[str, UUID]) -> list[TicketView]:
    views: list[TicketView] = []
    for row in session.execute(text(READ.format(which=which)), parameters):
        code = signer.sign(
            event_id=row.event_id,
            ticket_id=row.id,
            order_code=row.order_code,
            seat_no=row.seat_no,
            holder_id=row.holder_id,
            nonce=row.nonce,
        )
        values: tuple[Any, ...] = (*row[:2], TicketState(row.state), *row[3:15], code)
        views.append(TicketView(*values))
    return views


def list_tickets(session: Session, *, holder_id: UUID, signer: TicketSigner) -> list[TicketView]:
    """A holder's tickets, by code; those of claimed guests included."""
    return _views(session, signer, f"t.holder_id in {PERSONS}", {"person": holder_id})


def order_tickets(session: Session, *, order_id: UUID, signer: TicketSigner) -> list[TicketView]:
    """The tickets of one order. The caller has checked whose it is."""
    return _views(session, signer, "t.order_id = :order", {"order": order_id})


def get_ticket(session: Session, *, ticket_id: UUID, holder_id: UUID, signer: TicketSigner) -> TicketView:
    """One ticket of this holder; raises `TicketNotFound`."""
    found = _views(session, signer, f"t.id = :ticket and t.holder_id in {PERSONS}", {"ticket": ticket_id, "person": holder_id})
    if not found:
        raise TicketNotFound("There is no such ticket.", ticket_id=ticket_id)
    return found[0]
