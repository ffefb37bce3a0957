"""What payments keep on people: money that came and went. What providers have sent may name the payer, and is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

OF_PERSON = "(select id from ticket_order where buyer_id = any(:ids))"

EXPORTS = {
    "payment": f"""
select id, order_id, provider, provider_ref, state, currency, amount_minor, captured_minor, refunded_minor, created_at, captured_at
from payment where order_id in {OF_PERSON} order by created_at, id""",
    "refund": f"""
select id, payment_id, order_id, amount_minor, currency, reason, state, created_at, done_at from refund
where order_id in {OF_PERSON} order by created_at, id""",
    "refund_line": f"""
select l.refund_id, l.order_line_id, l.amount_minor from refund_line l join refund r on r.id = l.refund_id
where r.order_id in {OF_PERSON} order by l.refund_id, l.order_line_id""",
    "ledger_entry": f"""
select order_id, journal_kind, account, amount_minor, currency, recorded_at from ledger_entry where order_id in {OF_PERSON} order by id""",
    "provider_event": f"""
select e.provider, e.kind, e.payment_ref, e.amount_minor, e.currency, e.received_at, convert_from(e.body, 'UTF8') as body
from provider_event e join payment p on p.provider = e.provider and p.provider_ref = e.payment_ref
where p.order_id in {OF_PERSON} order by e.received_at, e.id""",
}

ERASE = (
    f"""
update provider_event e set body = '' from payment p
where p.provider = e.provider and p.provider_ref = e.payment_ref and e.state <> 'parked' and e.body <> '' and p.order_id in {OF_PERSON}""",
    f"update payment set redirect_url = null where redirect_url is not null and order_id in {OF_PERSON}",
)

FATES = {
    "payment": "Kept for the books, without the address of the page it was paid on; the provider's reference is what pays back.",
    "refund": "Kept for the books.",
    "refund_line": "Kept for the books.",
    "ledger_entry": "Kept for the books.",
    "provider_event": "Emptied: the provider's words may name the payer; its key stays, so that nothing counts twice.",
}

OPEN_PAYMENTS = f"""
select id from payment where state in ('created', 'authorised', 'disputed') and order_id in {OF_PERSON}
  and (state <> 'created' or session_expires_at > :now)
order by id
"""
OPEN_REFUNDS = f"select id from refund where state in ('planned', 'sent', 'unknown', 'failed') and order_id in {OF_PERSON} order by id"


def open_payments(session: Session, person: Person) -> list[UUID]:
    """Payments of which money may still come, or that are disputed."""
    return list(session.execute(text(OPEN_PAYMENTS), {"ids": list(person.ids), "now": person.now}).scalars())


def open_refunds(session: Session, person: Person) -> list[UUID]:
    """Refunds that have not arrived."""
    return list(session.execute(text(OPEN_REFUNDS), {"ids": list(person.ids)}).scalars())


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Amounts in minor units of `currency`."""
    for table, select in EXPORTS.items():
        yield table, rows_of(session, select, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Money stays where it is; a notice that still waits to be taken in is needed as it is."""
    for statement in ERASE:
        session.execute(text(statement), {"ids": list(person.ids)})


PART = Part("payments", FATES, export_person, erase_person)
