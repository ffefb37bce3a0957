"""Making the catalogue: what is made once, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.catalog.hall import NOW, build_event, build_hall, draft
from tests.catalog.plans import SMALL_PRICES, small_plan
from tests.factories import make_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.lookup import find_imported_events, find_layout
from ticketing.catalog.plan import parse_plan
from ticketing.catalog.rules import Visibility
from ticketing.foundation.errors import Invalid


def count(session: Session, table: str) -> int:
    number: int = session.execute(text(f"select count(*) from {table}")).scalar_one()
    return number


def test_venue_and_layout_are_found_again_when_nothing_changed(session: Session) -> None:
    hall = build_hall(session)
    before = [count(session, table) for table in ("venue", "layout", "section", "layout_seat", "audit_entry")]
    again = catalog.create_venue(
        session, vendor_id=hall.vendor_id, name="Small hall", city="Berlin", country="DE", zone_name="Europe/Berlin"
    )
    plan = parse_plan(dict(reversed(small_plan().items())))
    layout_id = catalog.create_layout(session, vendor_id=hall.vendor_id, venue_id=again, name="Seated", plan=plan, now=NOW)
    assert (again, layout_id) == (hall.venue_id, hall.layout_id)
    assert [count(session, table) for table in ("venue", "layout", "section", "layout_seat", "audit_entry")] == before


def test_layout_gets_a_new_version_when_its_plan_changed(session: Session) -> None:
    hall = build_hall(session)
    plan = parse_plan(small_plan(name="Small hall, rebuilt"))
    second = catalog.create_layout(
        session, vendor_id=hall.vendor_id, venue_id=hall.venue_id, name="Seated", plan=plan, now=NOW + timedelta(days=1)
    )
    assert second != hall.layout_id
    versions = session.execute(text("select version from layout where id in (:a, :b) order by 1"), {"a": hall.layout_id, "b": second})
    assert versions.scalars().all() == [1, 2]
    found = find_layout(session, vendor_id=hall.vendor_id, venue_id=hall.venue_id)
    assert found is not None
    assert found[0] == second
    assert found[1].source == plan.source


def test_seats_are_numbered_through_the_layout_when_it_is_written(session: Session) -> None:
    hall = build_hall(session)
    seats = session.execute(
        text("select seat_no, row_label, seat_label, category, guid from layout_seat where layout_id = :layout order by seat_no"),
        {"layout": hall.layout_id},
    ).all()
    assert [tuple(seat) for seat in seats] == [
        (0, "A", "1", "Stalls", "a1"),
        (1, "A", "2", "Stalls", "a2"),
        (2, "B", "1", "Stalls", "b1"),
        (3, "B", "2", "Stalls", "b2"),
        (4, "B", "3", "Premium", "b3"),
    ]


def test_plan_comes_back_whole_when_it_was_stored(session: Session) -> None:
    hall = build_hall(session)
    stored = session.execute(text("select plan from layout where id = :layout"), {"layout": hall.layout_id}).scalar_one()
    assert stored == small_plan()


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"sales_open_at": datetime(2026, 6, 1, tzinfo=UTC)}, "sales_open_at"),
        ({"sales_open_at": datetime.fromisoformat("2026-03-01T00:00")}, "sales_open_at"),
        ({"sales_close_at": datetime(2026, 1, 1, tzinfo=UTC)}, "sales_open_at"),
        ({"doors_at": datetime(2026, 5, 2, tzinfo=UTC)}, "doors_at"),
        ({"visibility": Visibility.PUBLIC_FROM}, "public_at"),
        ({"public_at": NOW}, "public_at"),
        ({"max_per_buyer": 0}, "max_per_buyer"),
        ({"hold_seconds": 10}, "hold_seconds"),
        ({"hold_seconds": 4000}, "hold_seconds"),
    ],
)
def test_event_is_refused_by_field_when_a_value_cannot_be(session: Session, overrides: dict[str, Any], field: str) -> None:
    hall = build_hall(session)
    with pytest.raises(Invalid) as refused:
        build_event(session, hall, **overrides)
    assert set(refused.value.details["fields"]) == {field}


@pytest.mark.parametrize("overrides", [{"zone": "Europe/Atlantis"}, {"currency": "XXZ"}])
def test_event_is_refused_when_zone_or_currency_is_unknown(session: Session, overrides: dict[str, Any]) -> None:
    hall = build_hall(session)
    with pytest.raises(Invalid):
        build_event(session, hall, **overrides)


@pytest.mark.parametrize(
    ("wall", "local", "instant"),
    [
        (datetime.fromisoformat("2026-03-29T02:30"), datetime.fromisoformat("2026-03-29T03:30"), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime.fromisoformat("2026-10-25T02:30"), datetime.fromisoformat("2026-10-25T02:30"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
    ids=["gap", "ambiguous"],
)
def test_event_starts_at_a_time_clocks_show_when_they_change_that_night(
    session: Session, wall: datetime, local: datetime, instant: datetime
) -> None:
    hall = build_hall(session)
    event_id = build_event(session, hall, local_start=wall)
    row = session.execute(text("select local_start, starts_at, sales_close_at from event where id = :event"), {"event": event_id}).one()
    assert (row.local_start, row.starts_at, row.sales_close_at) == (local, instant, instant)


def test_ticket_types_carry_fee_and_tax_when_a_layout_is_priced(session: Session) -> None:
    hall = build_hall(session)
    event_id = build_event(session, hall)
    rows = session.execute(
        text("select name, position, price_minor, fee_minor, tax_minor from ticket_type where event_id = :event order by position"),
        {"event": event_id},
    ).all()
    # Fee: 5 % + 50; tax: the 7 % that the price contains.
    assert [tuple(row) for row in rows] == [("Premium", 0, 9000, 500, 589), ("Stalls", 1, 5000, 300, 327), ("Floor", 2, 2500, 175, 164)]


@pytest.mark.parametrize(
    ("prices", "said"), [({"Stalls": 1, "Premium": 1}, "no price for Floor"), (SMALL_PRICES | {"Floor": -1}, "Floor is")]
)
def test_prices_are_refused_when_one_is_missing_or_negative(session: Session, prices: dict[str, int], said: str) -> None:
    hall = build_hall(session)
    event_id = catalog.create_event(session, vendor_id=hall.vendor_id, venue_id=hall.venue_id, layout_id=hall.layout_id, draft=draft())
    with pytest.raises(Invalid, match=said):
        catalog.price_layout(session, vendor_id=hall.vendor_id, event_id=event_id, layout_id=hall.layout_id, prices_minor=prices)


def test_artists_are_made_once_when_events_share_them(session: Session) -> None:
    hall = build_hall(session)
    billed = [("Ada Example", "Conductor"), ("Ben Example", "Piano"), ("Ada Example", "Violin")]
    for _ in range(2):
        catalog.add_artists(session, event_id=build_event(session, hall), artists=billed)
    assert session.execute(text("select count(*) from artist where name like '% Example'")).scalar_one() == 2
    roles = session.execute(text("select role, position from event_artist order by event_id, position")).all()
    assert [tuple(role) for role in roles] == [("Conductor", 0), ("Piano", 1)] * 2


def test_event_is_not_payable_when_the_vendor_has_no_account_there(session: Session) -> None:
    hall = build_hall(session)
    with pytest.raises(catalog.PaymentAccountNotFound):
        catalog.allow_payment(session, vendor_id=hall.vendor_id, event_id=build_event(session, hall), provider="nowhere")


def test_events_are_audited_when_they_are_made(session: Session) -> None:
    event_id = build_event(session, build_hall(session))
    actions = session.execute(text("select action from audit_entry where subject_id = :event"), {"event": event_id}).scalars().all()
    assert actions == ["event.created"]


def test_imported_events_are_found_by_key_and_only_the_vendors_own(session: Session) -> None:
    hall = build_hall(session)
    event_id = build_event(session, hall, source_key="season:1")
    build_event(session, hall)
    assert {key: event.id for key, event in find_imported_events(session, vendor_id=hall.vendor_id).items()} == {"season:1": event_id}
    assert find_imported_events(session, vendor_id=make_vendor(session).id) == {}
