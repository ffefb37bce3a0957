"""What is free, as readers see it: holds that have run out don't count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.catalog.hall import NOW, build_event, build_hall
from tests.factories import make_buyer
from ticketing.foundation.ids import new_id
from ticketing.inventory import seatmap
from ticketing.inventory.publish import publish_event


@pytest.fixture
def event_id(session: Session) -> UUID:
    event_id = build_event(session, build_hall(session))
    publish_event(session, event_id=event_id, now=NOW)
    return event_id


def set_seat(session: Session, event_id: UUID, seat_no: int, **columns: Any) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    session.execute(
        text(f"update event_seat set {changes} where event_id = :event and seat_no = :seat"),
        {"event": event_id, "seat": seat_no, **columns},
    )


def occupy(session: Session, event_id: UUID) -> None:
    """Seat 0 sold, 1 held, 2 held until a moment ago, 3 blocked; of the floor 5 sold, 3 held, 2 held until a moment ago."""
    set_seat(session, event_id, 0, state="sold", ticket_id=new_id())
    set_seat(session, event_id, 1, state="held", held_until=NOW + timedelta(minutes=5))
    set_seat(session, event_id, 2, state="held", held_until=NOW)
    set_seat(session, event_id, 3, state="blocked", block_reason="house")
    session.execute(text("update pool set sold = 5, held = 5 where event_id = :event"), {"event": event_id})
    buyer = make_buyer(session)
    for quantity, expires_at in ((3, NOW + timedelta(minutes=5)), (2, NOW)):
        values = {"hold": new_id(), "event": event_id, "buyer": buyer.id, "quantity": quantity, "made": NOW - timedelta(hours=1)}
        session.execute(
            text(
                "insert into hold (id, vendor_id, event_id, buyer_id, quantity, created_at, expires_at)"
                " select :hold, vendor_id, id, :buyer, :quantity, :made, :expires from event where id = :event"
            ),
            {**values, "expires": expires_at},
        )
        session.execute(
            text(
                "insert into hold_line (hold_id, line_no, event_id, ticket_type_id, pool_id, quantity, price_minor, fee_minor, tax_minor)"
                " select :hold, 0, :event, ticket_type_id, id, :quantity, 0, 0, 0 from pool where event_id = :event"
            ),
            values,
        )


def test_everything_is_free_when_nothing_is_sold(session: Session, event_id: UUID) -> None:
    sections = seatmap.section_overview(session, event_id=event_id, now=NOW)
    # The cheapest seat: 50.00 and a fee of 3.00; the floor: 25.00 and 1.75.
    assert [(s.name, s.kind, s.capacity, s.available, s.price_from_minor) for s in sections] == [
        ("Stalls", "seated", 5, 5, 5_300),
        ("Floor", "standing", 40, 40, 2_675),
    ]
    assert sections[0].pool_id is None
    assert sections[1].pool_id is not None


def test_seats_carry_place_price_and_state_when_a_section_is_read(session: Session, event_id: UUID) -> None:
    occupy(session, event_id)
    stalls = seatmap.section_overview(session, event_id=event_id, now=NOW)[0]
    seats = seatmap.section_seats(session, event_id=event_id, section_id=stalls.section_id, now=NOW)
    assert [(s.row_label, s.seat_label, s.state, s.total_minor) for s in seats] == [
        ("A", "1", "sold", 5_300),
        ("A", "2", "held", 5_300),
        ("B", "1", "free", 5_300),
        ("B", "2", "blocked", 5_300),
        ("B", "3", "free", 9_500),
    ]
    assert (seats[4].x, seats[4].y) == (150.0, 230.0)


def test_holds_that_ran_out_count_as_free_when_places_are_counted(session: Session, event_id: UUID) -> None:
    occupy(session, event_id)
    types = seatmap.availability(session, event_id=event_id, now=NOW)
    assert [(t.name, t.capacity, t.available, t.total_minor) for t in types] == [
        ("Premium", 1, 1, 9_500),
        ("Stalls", 3, 1, 5_300),
        ("Floor", 40, 32, 2_675),
    ]
    assert [s.available for s in seatmap.section_overview(session, event_id=event_id, now=NOW)] == [2, 32]
    later = NOW + timedelta(minutes=5)
    assert [t.available for t in seatmap.availability(session, event_id=event_id, now=later)] == [1, 2, 35]


def test_standing_section_has_no_seats_and_a_foreign_one_is_not_found(session: Session, event_id: UUID) -> None:
    floor = seatmap.section_overview(session, event_id=event_id, now=NOW)[1]
    assert seatmap.section_seats(session, event_id=event_id, section_id=floor.section_id, now=NOW) == []
    with pytest.raises(seatmap.SectionNotFound):
        seatmap.section_seats(session, event_id=event_id, section_id=new_id(), now=NOW)
