"""Browsing: what is listed, found and paged through."""

from __future__ import annotations

import base64
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.catalog.hall import NOW, Hall, build_event, build_hall
from tests.catalog.plans import SMALL_PRICES
from ticketing.catalog import browse
from ticketing.catalog import service as catalog
from ticketing.catalog.browse import EventSort
from ticketing.catalog.rules import Visibility
from ticketing.foundation.errors import Malformed
from ticketing.inventory.publish import publish_event
from ticketing.tickets.tables import Ticket


def publish(session: Session, hall: Hall, **values: Any) -> UUID:
    event_id = build_event(session, hall, **values)
    publish_event(session, event_id=event_id, now=NOW)
    return event_id


def titles(session: Session, **filters: Any) -> list[str]:
    return [event.title for event in browse.list_events(session, now=NOW, **filters).events]


def test_only_public_events_to_come_are_listed_soonest_first(session: Session) -> None:
    hall = build_hall(session)
    publish(session, hall, title="Later", local_start=datetime.fromisoformat("2026-06-01T20:00"))
    publish(session, hall, title="Sooner", local_start=datetime.fromisoformat("2026-04-01T20:00"))
    publish(session, hall, title="Hidden", visibility=Visibility.HIDDEN)
    publish(session, hall, title="Public tomorrow", visibility=Visibility.PUBLIC_FROM, public_at=NOW + timedelta(days=1))
    build_event(session, hall, title="Draft")
    assert titles(session) == ["Sooner", "Later"]
    assert browse.list_events(session, now=datetime.fromisoformat("2026-05-15T00:00Z")).events[0].title == "Later"


def test_events_are_found_by_title_venue_and_artist_when_searched(session: Session) -> None:
    hall = build_hall(session)
    event_id = publish(session, hall, title="100% Brahms")
    catalog.add_artists(session, event_id=event_id, artists=[("Ada Lovelace", "Piano")])
    publish(session, hall, title="Other", category="Dance")
    assert titles(session, search="brahms") == titles(session, search="lovel") == titles(session, search="0%") == ["100% Brahms"]
    assert len(titles(session, search="small HALL")) == 2
    assert titles(session, search="_") == []
    assert titles(session, category="Dance", city="Berlin") == ["Other"]
    assert titles(session, city="Paris") == []
    assert browse.list_filters(session, now=NOW) == (["Berlin"], ["Concert", "Dance"])


def test_every_event_is_seen_once_when_pages_are_followed(session: Session) -> None:
    hall = build_hall(session)
    made = [
        publish(session, hall, title=f"Night {n}", local_start=datetime.fromisoformat(f"2026-05-0{1 + n // 2}T20:00")) for n in range(5)
    ]
    seen: list[UUID] = []
    cursor = None
    while True:
        page = browse.list_events(session, now=NOW, cursor=cursor, limit=2)
        seen += [event.id for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == set(made)


def priced(session: Session, hall: Hall, title: str, lowest_minor: int, **values: Any) -> UUID:
    prices = {name: lowest_minor + number * 1000 for number, name in enumerate(SMALL_PRICES)}
    return publish(session, hall, title=title, prices_minor=prices, **values)


def test_events_are_sorted_by_price_whatever_their_currency_when_asked(session: Session) -> None:
    hall = build_hall(session)
    priced(session, hall, "20 euros", 2000)
    priced(session, hall, "30 yen", 30, currency="JPY")
    priced(session, hall, "5 dinars", 5000, currency="KWD")
    assert titles(session, sort=EventSort.PRICE_ASC) == ["5 dinars", "20 euros", "30 yen"]
    assert titles(session, sort=EventSort.PRICE_DESC) == ["30 yen", "20 euros", "5 dinars"]
    assert titles(session, price_min=Decimal("18"), price_max=Decimal("25.5")) == ["20 euros"]
    assert titles(session, price_max=Decimal("0")) == []


def test_most_sold_come_first_when_sorted_by_popularity(session: Session) -> None:
    hall = build_hall(session)
    publish(session, hall, title="Unsold")
    sale = factories.make_event_on_sale(session, now=NOW, title="Sold once")
    session.add(
        Ticket(
            code="K7QFM2XA-1",
            vendor_id=sale.vendor.id,
            order_id=uuid4(),
            order_line_id=uuid4(),
            event_id=sale.event.id,
            ticket_type_id=sale.seated_type.id,
            seat_no=1,
            holder_id=factories.make_buyer(session).id,
            nonce=b"12345678",
            issued_at=NOW,
        )
    )
    session.flush()
    assert titles(session, sort=EventSort.POPULARITY) == ["Sold once", "Unsold"]


def test_both_days_count_when_dates_are_given(session: Session) -> None:
    hall = build_hall(session)
    for day in (1, 2, 3, 4):
        publish(session, hall, title=str(day), local_start=datetime.fromisoformat(f"2026-05-0{day}T23:30"))
    assert titles(session, date_from=date(2026, 5, 2), date_to=date(2026, 5, 3)) == ["2", "3"]
    assert titles(session, date_from=date.max, date_to=date.max) == []


@pytest.mark.parametrize("sort", EventSort)
def test_pages_go_on_where_the_last_ended_in_every_sort(session: Session, sort: EventSort) -> None:
    hall = build_hall(session)
    made = {priced(session, hall, f"Night {n}", 2000 + n // 2 * 333) for n in range(7)}
    whole = [event.id for event in browse.list_events(session, now=NOW, sort=sort).events]
    paged: list[UUID] = []
    cursor = None
    for _ in range(4):
        page = browse.list_events(session, now=NOW, sort=sort, cursor=cursor, limit=2)
        paged += [event.id for event in page.events]
        cursor = page.next_cursor
    assert cursor is None
    assert paged == whole
    assert set(whole) == made


def test_a_page_of_one_sort_is_none_of_another(session: Session) -> None:
    hall = build_hall(session)
    for number in range(2):
        publish(session, hall, title=str(number))
    cursor = browse.list_events(session, now=NOW, limit=1).next_cursor
    with pytest.raises(Malformed):
        browse.list_events(session, now=NOW, cursor=cursor, sort=EventSort.PRICE_ASC)


ODD_KEYS = [f"date|{key}|{UUID(int=1)}" for key in ("nan", "Infinity", "1e99", "x", "")]


@pytest.mark.parametrize("cursor", [base64.urlsafe_b64encode(odd.encode()).decode() for odd in ODD_KEYS])
def test_cursor_is_refused_when_its_key_is_odd(session: Session, cursor: str) -> None:
    with pytest.raises(Malformed):
        browse.list_events(session, now=NOW, cursor=cursor)


@pytest.mark.parametrize("cursor", ["?", "bm90IG91cnM=", "MjAyNi0wMS0wMVQwMDowMDowMHx4"])
def test_cursor_is_refused_when_it_is_not_ours(session: Session, cursor: str) -> None:
    with pytest.raises(Malformed):
        browse.list_events(session, now=NOW, cursor=cursor)


def test_event_page_has_prices_all_in_artists_and_other_nights(session: Session) -> None:
    hall = build_hall(session)
    series_id = catalog.create_series(session, vendor_id=hall.vendor_id, title="Run", source_key="run")
    first = publish(session, hall, title="Run", series_id=series_id)
    second = publish(session, hall, title="Run", series_id=series_id, local_start=datetime.fromisoformat("2026-05-02T19:30"))
    catalog.add_artists(session, event_id=first, artists=[("A|B", "Duo|both"), ("Ben", "Piano")])
    event = browse.get_event(session, event_id=first, now=NOW)
    assert event.artists == (("A|B", "Duo|both"), ("Ben", "Piano"))
    assert (event.on_sale, event.providers, event.local_start) == (True, ("fake",), datetime.fromisoformat("2026-05-01T19:30"))
    assert [night.id for night in event.other_nights] == [second]
    # The cheapest: 25.00 and a fee of 5 % + 0.50.
    assert event.other_nights[0].price_from_minor == 2_675


def test_event_is_not_found_when_it_is_a_draft_or_not_public_yet(session: Session) -> None:
    hall = build_hall(session)
    later = publish(session, hall, visibility=Visibility.PUBLIC_FROM, public_at=NOW + timedelta(days=1))
    for event_id in (build_event(session, hall), later):
        with pytest.raises(browse.EventNotPublic):
            browse.get_event(session, event_id=event_id, now=NOW)
    assert browse.get_event(session, event_id=later, now=NOW + timedelta(days=1)).id == later
    hidden = publish(session, hall, visibility=Visibility.HIDDEN)
    assert browse.get_event(session, event_id=hidden, now=NOW).id == hidden
