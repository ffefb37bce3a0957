"""Importing a season: everything is stored or reported, and nothing changes the second time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.catalog.plans import small_plan
from tests.factories import make_vendor, unique
from tests.importers.seasons import concert, programme, season
from ticketing.accounts.service import VendorView, find_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.plan import SeatingPlan, parse_plan
from ticketing.foundation.db import Database, database_now
from ticketing.importers.rules_file import ImportRules
from ticketing.importers.season import ImportReport, SeasonImport, VenueNotInFile
from ticketing.importers.season_file import read_season

Table = TypeVar("Table", bound=BaseModel)
NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)
"""Before the season of the test files."""
LATER = datetime(2026, 2, 3, 12, tzinfo=UTC)
"""When it is long over."""


@pytest.fixture
def vendor(session: Session) -> VendorView:
    return find_vendor(session, slug=make_vendor(session, slug=unique("orchestra")).slug)


def run(
    session: Session,
    vendor: VendorView,
    content: bytes,
    *,
    now: datetime = NOW,
    rules: ImportRules | None = None,
    plans: dict[str, SeatingPlan] | None = None,
    into_coming_season: bool = False,
    publish: bool = True,
) -> ImportReport:
    report = SeasonImport(
        session,
        vendor=vendor,
        rules=rules or ImportRules.load(None),
        plans=plans or {},
        into_coming_season=into_coming_season,
        publish=publish,
        now=now,
    ).run(read_season(content))
    assert report.concerts_in == report.stored + report.unchanged + len(report.problems)
    return report


def changed(table: Table, **values: Any) -> Table:
    return table.model_copy(update=values)


def events(session: Session, vendor: VendorView) -> list[dict[str, Any]]:
    rows = session.execute(text("select * from event where vendor_id = :vendor order by starts_at, id"), {"vendor": vendor.id})
    return [row._asdict() for row in rows]


CATALOGUE = (
    "venue",
    "configuration",
    "layout",
    "section",
    "series",
    "event",
    "artist",
    "event_artist",
    "ticket_type",
    "ticket_type_section",
)
EVERYTHING = (*CATALOGUE, "layout_seat", "payment_account", "event_payment_method", "event_seat", "pool", "audit_entry", "outbox")


def state(session: Session) -> dict[str, str]:
    """A digest of all rows of each table, stamps of change included."""
    return {
        table: session.execute(text(f"select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {table} t")).scalar_one()
        for table in EVERYTHING
    }


def test_programme_becomes_series_and_concerts_become_events(session: Session, vendor: VendorView) -> None:
    nights = [concert(), concert(Date="2024-09-13T04:00:00Z", Time="2:00PM")]
    report = run(session, vendor, season(programme(concerts=nights)))
    assert (report.stored, report.published, report.problems) == (2, 2, [])
    first, second = events(session, vendor)
    assert first["series_id"] == second["series_id"] is not None
    assert (first["title"], first["category"], first["tags"], first["currency"]) == ("Handel", "Subscription Season", ["Handel"], "USD")
    assert (first["local_start"].isoformat(), first["zone"]) == ("2024-09-12T19:30:00", "America/New_York")
    assert first["starts_at"] == datetime(2024, 9, 12, 23, 30, tzinfo=UTC)
    assert second["local_start"].isoformat() == "2024-09-13T14:00:00"
    assert first["status"] == "published"
    pool = session.execute(text("select name, capacity from pool where event_id = :event"), {"event": first["id"]}).one()
    assert tuple(pool) == ("General admission", 600)


def test_concert_starts_at_local_time_of_its_venue_when_it_is_abroad(session: Session, vendor: VendorView) -> None:
    run(session, vendor, season(programme(concerts=[concert(Location="Seoul, KOREA", Venue="Arts Center")])))
    (event,) = events(session, vendor)
    assert (event["zone"], event["currency"], event["starts_at"]) == ("Asia/Seoul", "KRW", datetime(2024, 9, 12, 10, 30, tzinfo=UTC))


def test_nothing_changes_when_the_file_is_imported_again(session: Session, vendor: VendorView) -> None:
    content = season(
        programme(1, [concert(), concert(Date="2024-09-13T04:00:00Z")]),
        programme(2, [concert(Date="2024-10-01T04:00:00Z", Venue="Hall 2"), concert(Time="None"), concert(Location="Atlantis")]),
    )
    plans = {"Main Hall": parse_plan(small_plan())}
    first = run(session, vendor, content, plans=plans)
    assert (first.stored, len(first.problems), first.published) == (3, 2, 3)
    before = state(session)
    second = run(session, vendor, content, plans=plans, now=NOW + timedelta(days=1))
    assert (second.stored, second.unchanged, second.published, second.problems) == (0, 3, 0, first.problems)
    assert state(session) == before


def test_only_the_new_concert_is_stored_when_a_later_file_has_one_more_before_the_others(session: Session, vendor: VendorView) -> None:
    run(session, vendor, season(programme(concerts=[concert()])))
    report = run(session, vendor, season(programme(concerts=[concert(Date="2024-09-11T04:00:00Z"), concert()])))
    assert (report.stored, report.unchanged) == (1, 1)
    assert len({event["series_id"] for event in events(session, vendor)}) == 1


def test_place_without_a_rule_is_reported_and_not_taken_for_new_york(session: Session, vendor: VendorView) -> None:
    report = run(session, vendor, season(programme(concerts=[concert(), concert(Location="Pensacola, FL", Venue="Saenger Theatre")])))
    (problem,) = report.problems
    assert problem.reason == "is in a place whose time zone no rule knows (Pensacola, FL)"
    assert len(events(session, vendor)) == 1
    assert report.reasons() == {"is in a place whose time zone no rule knows": 1}


def test_seats_and_prices_follow_the_plan_when_a_venue_has_one(session: Session, vendor: VendorView) -> None:
    run(session, vendor, season(programme()), plans={"Main Hall": parse_plan(small_plan())})
    (event,) = events(session, vendor)
    prices = session.execute(
        text("select name, price_minor from ticket_type where event_id = :event order by position"), {"event": event["id"]}
    ).all()
    # Premium by its name, the others by their place among the plan's categories.
    assert [tuple(price) for price in prices] == [("Premium", 14_500), ("Stalls", 8_000), ("Floor", 6_500)]
    seats = session.execute(text("select count(*) from event_seat where event_id = :event"), {"event": event["id"]}).scalar_one()
    assert seats == 5


def test_layout_that_a_venue_has_is_used_when_no_plan_is_given(session: Session, vendor: VendorView) -> None:
    venue_id = catalog.create_venue(
        session, vendor_id=vendor.id, name="Main Hall", city="Manhattan", country="US", zone_name="America/New_York"
    )
    plan = parse_plan(small_plan())
    layout_id = catalog.create_layout(session, vendor_id=vendor.id, venue_id=venue_id, name="Seated", plan=plan, now=NOW)
    run(session, vendor, season(programme()))
    assert [event["layout_id"] for event in events(session, vendor)] == [layout_id]


def test_plan_is_refused_when_no_concert_is_at_its_venue(session: Session, vendor: VendorView) -> None:
    with pytest.raises(VenueNotInFile, match="did you mean 'Main Hall'"):
        run(session, vendor, season(programme()), plans={"Main Hal": parse_plan(small_plan())})


@pytest.mark.parametrize("event_type", ["Chamber Concert (Private)", "Private Concert"])
def test_private_concert_is_hidden_or_left_out_as_the_rules_say(session: Session, vendor: VendorView, event_type: str) -> None:
    content = season(programme(concerts=[concert(eventType=event_type)]))
    rules = ImportRules.load(None)
    strict = changed(rules, events=changed(rules.events, private_are="left out"))
    left_out = run(session, vendor, content, rules=strict)
    assert [problem.reason for problem in left_out.problems] == [f"is not for the public ({event_type})"]
    hidden = run(session, vendor, content)
    assert (hidden.stored, hidden.hidden) == (1, 1)
    assert [event["visibility"] for event in events(session, vendor)] == ["hidden"]


def test_past_concerts_stay_drafts_when_they_are_not_moved(session: Session, vendor: VendorView) -> None:
    report = run(session, vendor, season(programme()), now=LATER)
    assert (report.stored, report.published, report.over) == (1, 0, 1)
    assert [event["status"] for event in events(session, vendor)] == ["draft"]


def test_weekdays_and_distances_stay_true_when_a_season_is_moved(session: Session, vendor: VendorView) -> None:
    dates = ("2024-09-12T04:00:00Z", "2024-09-14T04:00:00Z", "2024-12-31T05:00:00Z", "2025-05-30T04:00:00Z")
    content = season(
        programme(1, [concert(Date=dates[1])]),  # not the first of the season, though first in the file
        programme(2, [concert(Date=date) for date in (dates[0], dates[2], dates[3])]),
        programme(3, [concert(Date="2030-01-05T05:00:00Z")], season="2029-30"),
    )
    report = run(session, vendor, content, into_coming_season=True, now=LATER)
    assert (report.stored, report.published) == (4 + 1, 5)
    starts = [event["local_start"] for event in events(session, vendor)]
    originals = [datetime.fromisoformat(date[:10]) + timedelta(hours=19, minutes=30) for date in dates]
    assert [start.weekday() for start in starts[:4]] == [original.weekday() for original in originals]
    assert len({start - original for start, original in zip(starts, originals, strict=False)}) == 1
    assert LATER + timedelta(weeks=2) <= starts[0].replace(tzinfo=UTC) < LATER + timedelta(weeks=3)
    assert starts[4].isoformat() == "2030-01-05T19:30:00"  # a season to come stays where it is


def test_concert_moves_with_the_clock_when_its_time_falls_into_a_gap(session: Session, vendor: VendorView) -> None:
    run(session, vendor, season(programme(concerts=[concert(Date="2025-03-09T05:00:00Z", Time="2:30AM")])))
    (event,) = events(session, vendor)
    assert event["local_start"].isoformat() == "2025-03-09T03:30:00"
    assert event["starts_at"] == datetime(2025, 3, 9, 7, 30, tzinfo=UTC)


def test_drafts_are_published_when_the_file_is_imported_again_without_draft(session: Session, vendor: VendorView) -> None:
    content = season(programme())
    assert run(session, vendor, content, publish=False).published == 0
    report = run(session, vendor, content)
    assert (report.stored, report.unchanged, report.published) == (0, 1, 1)
    assert [event["status"] for event in events(session, vendor)] == ["published"]


def test_vendors_keep_their_own_when_two_import_the_same_file(session: Session, vendor: VendorView) -> None:
    other = find_vendor(session, slug=make_vendor(session).slug)
    content = season(programme())
    run(session, vendor, content)
    assert run(session, other, content).stored == 1
    assert {event["venue_id"] for event in events(session, vendor)}.isdisjoint(event["venue_id"] for event in events(session, other))


def test_rules_set_on_sale_dates_and_room_sizes(session: Session, vendor: VendorView) -> None:
    rules = ImportRules.load(None)
    sales = changed(rules.sales, on_sale_days_before=5, max_per_buyer=2)
    room = changed(rules.room, by_venue={"Main Hall": 77})
    run(session, vendor, season(programme()), rules=changed(rules, sales=sales, room=room))
    (event,) = events(session, vendor)
    assert event["sales_open_at"] == event["starts_at"] - timedelta(days=5)
    assert event["max_per_buyer"] == 2
    assert session.execute(text("select capacity from pool where event_id = :event"), {"event": event["id"]}).scalar_one() == 77


def test_everything_is_stored_once_when_two_imports_run_at_once(database: Database) -> None:
    with database.transaction() as session:
        vendor = find_vendor(session, slug=make_vendor(session).slug)
    content = season(*(programme(n, [concert(), concert(Date="2024-09-13T04:00:00Z")]) for n in range(10)))
    both_ready = Barrier(2)

    def import_it() -> ImportReport:
        with database.transaction() as session:
            database_now(session)
            both_ready.wait(10)
            return run(session, vendor, content)

    with ThreadPoolExecutor(2) as threads:
        reports = [future.result(30) for future in [threads.submit(import_it) for _ in range(2)]]
    assert sorted((report.stored, report.unchanged) for report in reports) == [(0, 20), (20, 0)]
