"""Importing a season: programmes become series, concerts become events; a second import of the same file changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.service import VendorView
from ticketing.catalog import service as catalog
from ticketing.catalog.lookup import find_imported_events, find_layout
from ticketing.catalog.plan import SeatingPlan, standing_plan
from ticketing.catalog.rules import EventStatus, SectionKind, Visibility
from ticketing.foundation.clock import to_utc, whole_weeks_between
from ticketing.foundation.errors import Invalid
from ticketing.importers.rules_file import ImportRules, Place
from ticketing.importers.season_file import Concert, Problem, Programme, SeasonFile
from ticketing.inventory.publish import publish_events

COMING_SEASON_STARTS_AFTER = timedelta(weeks=2)
PROVIDER = "fake"
PUBLISHED_AT_ONCE = 50
"""Events per statement: a hundred thousand seats, so that progress is seen."""


class VenueNotInFile(Invalid):
    """A seating plan was given for a venue that the file does not have."""


@dataclass(slots=True)
class ImportReport:
    """Concerts: `concerts_in = stored + unchanged + len(problems)`."""

    concerts_in: int
    stored: int = 0
    unchanged: int = 0
    """There already; left as they are."""
    hidden: int = 0
    """Of the stored ones: private, so not listed."""
    published: int = 0
    """Stored now or before, and put on sale now."""
    over: int = 0
    """Of the stored ones: past, so they stay drafts."""
    problems: list[Problem] = field(default_factory=list)

    def reasons(self) -> dict[str, int]:
        """How many were left out, by reason."""
        return dict(Counter(problem.reason.partition(" (")[0] for problem in self.problems).most_common())


@dataclass(slots=True)
class _Hall:
    venue_id: UUID
    layout_id: UUID
    plan: SeatingPlan


@dataclass(frozen=True, slots=True)
class _NewEvent:
    placed: catalog.PlacedDraft
    artists: tuple[tuple[str, str], ...]
    prices_minor: dict[str, int]
    starts_at: datetime


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
        progress: Callable[[int, int], None] | None = None,
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
        self._series: dict[str, UUID] = {}
        self._weeks: dict[str, int] = {}

    def run(self, file: SeasonFile) -> ImportReport:
        """Store what can be placed; report the rest. Raises `VenueNotInFile`, `RulesRefused`."""
        self._check_plans(file)
        # One import of a vendor at a time: the other one finds everything there.
        self._session.execute(text("select from vendor where id = :vendor for no key update"), {"vendor": self._vendor.id})
        report = ImportReport(file.concerts_in, problems=list(file.problems))
        known = find_imported_events(self._session, vendor_id=self._vendor.id)
        if self._into_coming_season:
            self._plan_weeks(file)
        catalog.connect_payment_account(
            self._session, vendor_id=self._vendor.id, provider=PROVIDER, account_ref=f"acct_{self._vendor.slug}"
        )
        publishable: list[UUID] = []
        new: list[_NewEvent] = []
        for programme in file.programmes:
            for concert, key in _keys(programme):
                event = known.get(key)
                if event is not None:
                    report.unchanged += 1
                    if event.status is EventStatus.DRAFT and event.sales_close_at > self._now:
                        publishable.append(event.id)
                elif isinstance(place := self._place(concert), str):
                    report.problems.append(concert.problem(place))
                else:
                    new.append(self._new_event(programme, concert, key, place))
        publishable += self._store(new, report)
        if self._publish:
            self._publish_all(publishable, report)
        report.problems.sort(key=lambda problem: problem.line)
        return report

    def _check_plans(self, file: SeasonFile) -> None:
        venues = {concert.venue for programme in file.programmes for concert in programme.concerts}
        for name in self._plans:
            if name not in venues:
                near = get_close_matches(name, venues, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "name it as the file does."
                raise VenueNotInFile(f"No concert of the file is at {name!r}: {hint}")

    def _place(self, concert: Concert) -> Place | str:
        """Where it is, or why it is left out."""
        if self._rules.events.private_are == "left out" and self._rules.is_private(concert.event_type):
            return f"is not for the public ({concert.event_type})"
        place = self._rules.place_of(concert.location)
        return place or f"is in a place whose time zone no rule knows ({concert.location})"

    def _plan_weeks(self, file: SeasonFile) -> None:
        """Each season that has begun moves as one, by whole weeks, so that weekdays and the order of its nights stay true."""
        first: dict[str, datetime] = {}
        for concert in (concert for programme in file.programmes for concert in programme.concerts):
            start = datetime.combine(concert.day, concert.wall_time, UTC)
            first[concert.season] = min(start, first.get(concert.season, start))
        target = self._now + COMING_SEASON_STARTS_AFTER
        self._weeks = {season: whole_weeks_between(start, target) for season, start in first.items() if start < self._now}

    def _new_event(self, programme: Programme, concert: Concert, key: str, place: Place) -> _NewEvent:
        """The event, with venue, layout and series made."""
        hall, rules = self._hall(concert, place), self._rules
        local_start = datetime.combine(concert.day, concert.wall_time) + timedelta(weeks=self._weeks.get(concert.season, 0))
        starts_at = to_utc(local_start, place.zone)
        draft = catalog.EventDraft(
            title=programme.title,
            description=programme.description,
            category=concert.event_type,
            tags=programme.tags,
            local_start=local_start,
            zone=place.zone,
            currency=place.currency,
            sales_open_at=starts_at - timedelta(days=rules.sales.on_sale_days_before),
            visibility=Visibility.HIDDEN if rules.is_private(concert.event_type) else Visibility.PUBLIC,
            max_per_buyer=rules.sales.max_per_buyer,
            refund_policy=rules.sales.refund_policy.model_dump(mode="json"),
            source_key=key,
        )
        placed = catalog.PlacedDraft(draft, hall.venue_id, hall.layout_id, self._series_of(programme))
        return _NewEvent(placed, programme.artists, self._prices(hall.plan, place.currency), starts_at)

    def _store(self, new: list[_NewEvent], report: ImportReport) -> list[UUID]:
        """Make the events; returns those that can be published."""
        session, vendor_id = self._session, self._vendor.id
        ids = catalog.create_events(session, vendor_id=vendor_id, drafts=[event.placed for event in new])
        catalog.bill_artists(session, billing={event_id: event.artists for event_id, event in zip(ids, new, strict=True)})
        tax_rate_bps = self._rules.prices.tax_rate_bps
        prices = [
            catalog.EventPrices(event_id, event.placed.layout_id, event.prices_minor, tax_rate_bps)
            for event_id, event in zip(ids, new, strict=True)
        ]
        catalog.price_events(session, vendor_id=vendor_id, events=prices)
        catalog.allow_payments(session, vendor_id=vendor_id, event_ids=ids, provider=PROVIDER)
        coming = [event_id for event_id, event in zip(ids, new, strict=True) if event.starts_at > self._now]
        report.stored = len(new)
        report.hidden = sum(event.placed.draft.visibility is Visibility.HIDDEN for event in new)
        report.over = len(new) - len(coming)
        return coming

    def _publish_all(self, event_ids: list[UUID], report: ImportReport) -> None:
        for start in range(0, len(event_ids), PUBLISHED_AT_ONCE):
            part = event_ids[start : start + PUBLISHED_AT_ONCE]
            publish_events(self._session, event_ids=part, now=self._now)
            report.published += len(part)
            if self._progress is not None:
                self._progress(report.published, len(event_ids))

    def _series_of(self, programme: Programme) -> UUID:
        if programme.id not in self._series:
            self._series[programme.id] = catalog.create_series(
                self._session, vendor_id=self._vendor.id, title=programme.title, source_key=f"season:{programme.id}"
            )
        return self._series[programme.id]

    def _prices(self, plan: SeatingPlan, currency: str) -> dict[str, int]:
        standing = [section.name for section in plan.sections if section.kind is SectionKind.STANDING]
        categories = dict.fromkeys([*plan.categories, *standing])
        return {name: self._rules.price_minor(name, position, currency) for position, name in enumerate(categories)}

    def _hall(self, concert: Concert, place: Place) -> _Hall:
        """The venue with the plan given for it, else with the layout it has, else as one room to stand in."""
        key = (concert.venue, place.city)
        if key not in self._halls:
            vendor_id, name = self._vendor.id, concert.venue
            venue_id = catalog.create_venue(
                self._session, vendor_id=vendor_id, name=name, city=place.city, country=place.country, zone_name=place.zone
            )
            plan = self._plans.get(name)
            found = None if plan else find_layout(self._session, vendor_id=vendor_id, venue_id=venue_id)
            if found is None:
                room = self._rules.room
                plan = plan or standing_plan(name, room.by_venue.get(name, room.capacity))
                found = (
                    catalog.create_layout(self._session, vendor_id=vendor_id, venue_id=venue_id, name=plan.name, plan=plan, now=self._now),
                    plan,
                )
            self._halls[key] = _Hall(venue_id, *found)
        return self._halls[key]


def _keys(programme: Programme) -> Iterator[tuple[Concert, str]]:
    """Each concert with what makes it the same when it is imported again: programme, day and time as the file has them.

    Not its number: a later file may have a concert more before it. The venue is added only where a programme is given
    twice at once.
    """
    seen: set[str] = set()
    for concert in programme.concerts:
        key = f"season:{programme.id}:{concert.day}T{concert.wall_time:%H:%M}"
        key = f"{key}:{concert.venue}" if key in seen else key
        seen.add(key)
        yield concert, key
