"""Browsing: what is listed, found and paged through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from tests.catalog.hall import NOW, Hall, build_event, build_hall
from ticketing.catalog import browse
from ticketing.catalog import service as catalog
from ticketing.catalog.rules import Visibility
from ticketing.foundation.errors import Malformed
from ticketing.inventory.publish import publish_event


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
