"""What outgoing webhooks keep on people: what vendors were told of their orders. It names nobody; what could lead to them is cut."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

OF_PERSON = "(select id from ticket_order where buyer_id = any(:ids))"

EXPORTS = {
    "webhook_event": f"""
select e.id, v.name as vendor_name, e.kind, e.subject_id, e.body, e.created_at from webhook_event e join vendor v on v.id = e.vendor_id
where e.subject_id in {OF_PERSON} order by e.created_at, e.id""",
    "webhook_delivery": f"""
select d.event_id, d.state, d.attempts, d.created_at, d.delivered_at from webhook_delivery d join webhook_event e on e.id = d.event_id
where e.subject_id in {OF_PERSON} order by d.created_at, d.id""",
    "webhook_attempt": f"""
select d.event_id, a.attempt, a.started_at, a.finished_at, a.status from webhook_attempt a
join webhook_delivery d on d.id = a.delivery_id join webhook_event e on e.id = d.event_id
where e.subject_id in {OF_PERSON} order by a.started_at, a.delivery_id, a.attempt""",
}

CUT = ("code", "lines")
"""Of an order's body: the code, by which it is found again, and the places. Ids, times and amounts stay for the vendor's books."""

BODIES = f"select id, body from webhook_event where subject_id in {OF_PERSON} order by id for update"

FORGET_ANSWERS = f"""
update webhook_attempt a set answer = null, detail = null from webhook_delivery d join webhook_event e on e.id = d.event_id
where d.id = a.delivery_id and e.subject_id in {OF_PERSON} and (a.answer is not null or a.detail is not null)
"""

FATES = {
    "webhook_event": "Kept without the order's code and places: that the vendor was told, and what amounts.",
    "webhook_delivery": "Kept: states and times.",
    "webhook_attempt": "Kept without what the receiver answered, which may repeat anything.",
}


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """What was told to whom, and when."""
    for table, statement in EXPORTS.items():
        yield table, rows_of(session, statement, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Bodies that are still on their way go out as they are then."""
    for event_id, told in session.execute(text(BODIES), {"ids": list(person.ids)}).all():
        body = orjson.loads(told)
        body["data"] = {name: value for name, value in body["data"].items() if name not in CUT}
        session.execute(text("update webhook_event set body = :body where id = :id"), {"id": event_id, "body": orjson.dumps(body).decode()})
    session.execute(text(FORGET_ANSWERS), {"ids": list(person.ids)})


PART = Part("webhooks", FATES, export_person, erase_person)
