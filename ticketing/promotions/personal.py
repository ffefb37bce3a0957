"""What promotions keep on people: which codes they have used, and how often."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

EXPORTS = {
    "promotion_buyer": """
select p.code, p.name, b.uses, b.allowed from promotion_buyer b join promotion p on p.id = b.promotion_id
where b.buyer_id = any(:ids) order by p.code, p.id""",
    "order_promotion": """
select u.order_id, p.code, p.name, u.discount_minor, u.state from order_promotion u
join promotion p on p.id = u.promotion_id join ticket_order o on o.id = u.order_id
where o.buyer_id = any(:ids) order by u.order_id, p.code""",
}

FATES = {
    "promotion_buyer": "Kept: a count of uses that must agree with the orders; of an id that names nobody.",
    "order_promotion": "Kept with its order.",
}


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Amounts in minor units of the order's currency."""
    for table, select in EXPORTS.items():
        yield table, rows_of(session, select, ids=list(person.ids))


def erase_person(session: Session, person: Person) -> None:
    """Nothing names the person."""


PART = Part("promotions", FATES, export_person, erase_person)
