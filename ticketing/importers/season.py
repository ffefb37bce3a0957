"""Importing a season: programmes become series, concerts become events; a second import of the same file changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.accounts.service import VendorView
from ticketing.catalog import service as catalog
from ticketing.catalog.plan import SeatingPlan, standing_plan
from ticketing.catalog.rules import SectionKind, Visibility
from ticketing.catalog.tables import Event
from ticketing.foundation.clock import to_utc, whole_weeks_between
from ticketing.importers.rules_file import ImportRules, Place
from ticketing.importers.season_file import Concert, Problem, Programme, SeasonFile
from ticketing.inventory.publish import publish_event

COMING_SEASON_STARTS_AFTER = timedelta(weeks=2)
PROVIDER = "fake"


@dataclass(slots=True)
class ImportReport:
    """Concerts: `concerts_in = stored + unchanged + len(problems)`."""

    concerts_in: int
    stored: int = 0
    unchanged: int = 0
    published: int = 0
    problems: list[Problem] = field(default_factory=list)

    def reasons(self) -> dict[str, int]:
        """How many were left out, by reason."""
        return dict(Counter(problem.reason.partition(" (")[0] for problem in self.problems).most_common())


@dataclass(slots=True)
class _Hall:
    venue_id: UUID
    layout_id: UUID
    plan: SeatingPlan


class SeasonImport:
    """One import in the caller's transaction: all of it, or nothing."""

    def __init__(
        self,
        session: Session,
        *,
        vendor: VendorView,
        rules: ImportRules,
        plans: Mapping[str, SeatingPlan],
        into_coming_season: bool,
        publish: bool,
        now: datetime,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._vendor = vendor
        self._rules = rules
        self._plans = plans
        self._into_coming_season = into_coming_season
        self._publish = publish
        self._now = now
        self._progress = progress
        self._halls: dict[tuple[str, str], _Hall] = {}
        self._weeks: dict[str, int] = {}

    def run(self, file: SeasonFile) -> ImportReport:
        """Store what can be placed; report the rest."""
        report = ImportReport(file.concerts_in, problems=list(file.problems))
        keys = select(Event.source_key).where(Event.vendor_id == self._vendor.id, Event.source_key.is_not(None))
        known = set(self._session.execute(keys).scalars())
        if self._into_coming_season:
            self._plan_weeks(file)
        catalog.connect_payment_account(
            self._session, vendor_id=self._vendor.id, provider=PROVIDER, account_ref=f"acct_{self._vendor.slug}"
        )
        for programme in file.programmes:
            for concert in programme.concerts:
                if _source_key(concert) in known:
                    report.unchanged += 1
                    continue
                place = self._rules.place_of(concert.location)
                if place is None:
                    report.problems.append(Problem(concert.place, f"is in a place whose time zone no rule knows ({concert.location})"))
                    continue
                self._store(programme, concert, place, report)
            self._progress(len(programme.concerts))
        return report

    def _plan_weeks(self, file: SeasonFile) -> None:
        """Each season moves as one, by whole weeks, so that weekdays and the order of its nights stay true."""
        first: dict[str, datetime] = {}
        for concert in (concert for programme in file.programmes for concert in programme.concerts):
            start = to_utc(datetime.combine(concert.day, concert.wall_time), "America/New_York")
            first[concert.season] = min(start, first.get(concert.season, start))
        target = self._now + COMING_SEASON_STARTS_AFTER
        self._weeks = {season: whole_weeks_between(start, target) for season, start in first.items()}

    def _store(self, programme: Programme, concert: Concert, place: Place, report: ImportReport) -> None:
        hall = self._hall(concert, place)
        local_start = datetime.combine(concert.day, concert.wall_time) + timedelta(weeks=self._weeks.get(concert.season, 0))
        starts_at = to_utc(local_start, place.zone)
        sales = self._rules.tables["sales"]
        draft = catalog.EventDraft(
            title=programme.title,
            description=programme.description,
            category=concert.event_type,
            tags=programme.tags,
            local_start=local_start,
            zone=place.zone,
            currency=place.currency,
            sales_open_at=starts_at - timedelta(days=sales["on_sale_days_before"]),
            visibility=Visibility.HIDDEN if self._rules.is_private(concert.event_type) else Visibility.PUBLIC,
            max_per_buyer=sales["max_per_buyer"],
            refund_policy=sales["refund_policy"],
            source_key=_source_key(concert),
        )
        vendor_id = self._vendor.id
        series_id = catalog.create_series(self._session, vendor_id=vendor_id, title=programme.title, source_key=f"season:{programme.id}")
        event_id = catalog.create_event(
            self._session, vendor_id=vendor_id, venue_id=hall.venue_id, layout_id=hall.layout_id, draft=draft, series_id=series_id
        )
        catalog.add_artists(self._session, event_id=event_id, artists=programme.artists)
        catalog.price_layout(
            self._session,
            vendor_id=vendor_id,
            event_id=event_id,
            layout_id=hall.layout_id,
            prices_minor=self._prices(hall.plan, place.currency),
            tax_rate_bps=self._rules.tables["prices"]["tax_rate_bps"],
        )
        catalog.allow_payment(self._session, vendor_id=vendor_id, event_id=event_id, provider=PROVIDER)
        report.stored += 1
        if self._publish and starts_at > self._now:
            publish_event(self._session, event_id=event_id, now=self._now)
            report.published += 1

    def _prices(self, plan: SeatingPlan, currency: str) -> dict[str, int]:
        standing = [section.name for section in plan.sections if section.kind is SectionKind.STANDING]
        categories = dict.fromkeys([*plan.categories, *standing])
        return {name: self._rules.price_minor(name, position, currency) for position, name in enumerate(categories)}

    def _hall(self, concert: Concert, place: Place) -> _Hall:
        key = (concert.venue, place.city)
        if key not in self._halls:
            venue_id = catalog.create_venue(
                self._session,
                vendor_id=self._vendor.id,
                name=concert.venue,
                city=place.city,
                country=place.country,
                zone_name=place.zone,
            )
            plan = self._plans.get(concert.venue) or standing_plan(concert.venue, self._rules.tables["room"]["capacity"])
            layout_id = catalog.create_layout(
                self._session, vendor_id=self._vendor.id, venue_id=venue_id, name=plan.name, plan=plan, now=self._now
            )
            self._halls[key] = _Hall(venue_id, layout_id, plan)
        return self._halls[key]


def _source_key(concert: Concert) -> str:
    return f"season:{concert.programme_id}:{concert.number}"
