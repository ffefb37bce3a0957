"""Publishing: seats and pools come into being, or nothing does."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.catalog.hall import NOW, build_event, build_hall, draft
from tests.catalog.plans import SMALL_PRICES
from ticketing.catalog import service as catalog
from ticketing.catalog.changes import EventUnknown
from ticketing.foundation.errors import Conflict
from ticketing.foundation.ids import new_id
from ticketing.inventory.publish import EventIncomplete, EventOver, publish_event, publish_events


def places(session: Session, event_id: UUID) -> tuple[list[tuple[int, str]], list[tuple[str, int, str]]]:
    seats = session.execute(
        text(
            "select s.seat_no, t.name from event_seat s join ticket_type t on t.id = s.ticket_type_id and t.event_id = s.event_id"
            " where s.event_id = :event and s.state = 'free' order by 1"
        ),
        {"event": event_id},
    )
    pools = session.execute(
        text("select p.name, p.capacity, t.name from pool p join ticket_type t on t.id = p.ticket_type_id where p.event_id = :event"),
        {"event": event_id},
    )
    return [(no, name) for no, name in seats], [(name, capacity, kind) for name, capacity, kind in pools]


def test_every_seat_and_standing_area_is_on_sale_when_an_event_is_published(session: Session) -> None:
    event_id = build_event(session, build_hall(session))
    publish_event(session, event_id=event_id, now=NOW)
    seats, pools = places(session, event_id)
    assert seats == [(0, "Stalls"), (1, "Stalls"), (2, "Stalls"), (3, "Stalls"), (4, "Premium")]
    assert pools == [("Floor", 40, "Floor")]
    event = session.execute(text("select status, published_at from event where id = :event"), {"event": event_id}).one()
    assert tuple(event) == ("published", NOW)
    told = session.execute(
        text(
            "select (select count(*) from outbox where topic = 'event.published' and subject_id = :event),"
            " (select count(*) from audit_entry where action = 'event.published' and subject_id = :event)"
        ),
        {"event": event_id},
    ).one()
    assert tuple(told) == (1, 1)


def test_event_is_refused_when_it_is_published_already(session: Session) -> None:
    event_id = build_event(session, build_hall(session))
    publish_event(session, event_id=event_id, now=NOW)
    with pytest.raises(Conflict):
        publish_event(session, event_id=event_id, now=NOW)


def test_event_is_refused_when_it_can_not_be_paid(session: Session) -> None:
    hall = build_hall(session)
    event_id = catalog.create_event(session, vendor_id=hall.vendor_id, venue_id=hall.venue_id, layout_id=hall.layout_id, draft=draft())
    catalog.price_layout(session, vendor_id=hall.vendor_id, event_id=event_id, layout_id=hall.layout_id, prices_minor=SMALL_PRICES)
    with pytest.raises(EventIncomplete, match="a way to be paid"):
        publish_event(session, event_id=event_id, now=NOW)


def test_event_is_refused_by_section_when_a_category_has_no_price(session: Session) -> None:
    hall = build_hall(session)
    event_id = catalog.create_event(session, vendor_id=hall.vendor_id, venue_id=hall.venue_id, layout_id=hall.layout_id, draft=draft())
    catalog.allow_payment(session, vendor_id=hall.vendor_id, event_id=event_id, provider="fake")
    with pytest.raises(EventIncomplete, match="prices for Stalls, Floor"):
        publish_event(session, event_id=event_id, now=NOW)
    ticket_type = new_id()
    session.execute(
        text(
            "insert into ticket_type (id, vendor_id, event_id, name, position, price_minor, fee_minor, tax_minor)"
            " values (:id, :vendor, :event, 'Stalls', 0, 100, 0, 0)"
        ),
        {"id": ticket_type, "vendor": hall.vendor_id, "event": event_id},
    )
    # Stalls has a Premium seat too: one of its two categories is not enough.
    session.execute(
        text(
            "insert into ticket_type_section (event_id, section_id, category, ticket_type_id)"
            " select :event, id, case kind when 'seated' then 'Stalls' else '' end, :type from section where layout_id = :layout"
        ),
        {"event": event_id, "type": ticket_type, "layout": hall.layout_id},
    )
    with pytest.raises(EventIncomplete, match="prices for Stalls\\."):
        publish_event(session, event_id=event_id, now=NOW)


def test_event_is_refused_when_it_is_over_or_unknown(session: Session) -> None:
    hall = build_hall(session)
    past = build_event(
        session, hall, local_start=datetime.fromisoformat("2026-03-01T20:00"), sales_open_at=datetime.fromisoformat("2026-01-01T00:00Z")
    )
    with pytest.raises(EventOver):
        publish_event(session, event_id=past, now=NOW)
    with pytest.raises(EventUnknown):
        publish_event(session, event_id=new_id(), now=NOW)


def test_nothing_is_published_when_one_of_many_can_not_be(session: Session) -> None:
    hall = build_hall(session)
    good = build_event(session, hall)
    with pytest.raises(EventUnknown):
        publish_events(session, event_ids=[good, new_id()], now=NOW)
    assert places(session, good) == ([], [])
