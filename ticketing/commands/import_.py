"""`ticketing import`: season files and seating plans."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.orm import Session

from ticketing.accounts.service import find_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.lookup import find_venues
from ticketing.catalog.plan import SeatingPlan, read_plan
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Invalid
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import load_settings
from ticketing.importers.names import plain
from ticketing.importers.rules_file import ImportRules
from ticketing.importers.season import ImportReport, SeasonImport
from ticketing.importers.season_file import read_season

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN_PROBLEMS = 50


@click.group()
def command() -> None:
    """Import season files and seating plans."""


def _venue_plans(values: tuple[str, ...]) -> dict[str, SeatingPlan]:
    plans: dict[str, SeatingPlan] = {}
    for value in values:
        name, separator, path = value.rpartition("=")
        if not separator or not name or not Path(path).is_file():
            raise Invalid(f"--venue-plan {value!r}: write NAME=PLAN with the venue's name and a plan file that exists.")
        plans[plain(name)] = read_plan(Path(path).read_bytes())
    return plans


@command.command()
@click.argument("file", type=FILE)
@click.option("--vendor", "slug", required=True, help="Short name of the vendor whose season it is.")
@click.option(
    "--venue-plan",
    "venue_plans",
    multiple=True,
    metavar="NAME=PLAN",
    help="Seating plan of a venue. Without one a venue keeps the layout it has; a new one is a standing room.",
)
@click.option("--into-coming-season", is_flag=True, help="Move past seasons by whole weeks, so that they start two weeks from now.")
@click.option("--rules", type=FILE, help="Prices, on-sale dates, zones: see docs/importing.md.")
@click.option("--draft", is_flag=True, help="Leave coming events unpublished.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of text.")
def season(
    file: Path, slug: str, venue_plans: tuple[str, ...], into_coming_season: bool, rules: Path | None, draft: bool, as_json: bool
) -> int:
    """Import a season; what can't be placed is listed and left out (exit code 1)."""
    started = perf_counter()
    plans, import_rules = _venue_plans(venue_plans), ImportRules.load(rules)
    source = read_season(file.read_bytes())
    database = _database()
    with Progress(console=Console(stderr=True), transient=True) as bar, database.transaction() as session:
        task = bar.add_task("publishing", total=None)
        report = SeasonImport(
            session,
            vendor=find_vendor(session, slug=slug),
            rules=import_rules,
            plans=plans,
            into_coming_season=into_coming_season,
            publish=not draft,
            now=database_now(session),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        ).run(source)
    database.dispose()
    _tell(report, seconds=perf_counter() - started, as_json=as_json)
    return 1 if report.problems else 0


def _database() -> Database:
    database = Database.from_settings(load_settings())
    check_serving(database)
    return database


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())


def _tell(report: ImportReport, *, seconds: float, as_json: bool) -> None:
    counts = {
        "concerts_in": report.concerts_in,
        "stored": report.stored,
        "unchanged": report.unchanged,
        "left_out": len(report.problems),
        "published": report.published,
        "hidden": report.hidden,
        "over": report.over,
    }
    if as_json:
        problems = [asdict(problem) for problem in report.problems]
        click.echo(json.dumps({**counts, "seconds": round(seconds, 2), "reasons": report.reasons(), "problems": problems}))
        return
    for problem in report.problems[:SHOWN_PROBLEMS]:
        click.echo(f"left out: line {problem.line}: {problem.place} {problem.reason}")
    if len(report.problems) > SHOWN_PROBLEMS:
        click.echo(f"… and {len(report.problems) - SHOWN_PROBLEMS} more; --json lists all")
    click.echo(f"{_in_words(counts)} ({seconds:.1f} s)")


@command.command()
@click.argument("file", type=FILE)
@click.option("--vendor", "slug", help="With --venue: store the plan for this vendor.")
@click.option("--venue", help="Name of the venue; with --city and --zone it is made if the vendor has none of that name there.")
@click.option("--city", help="Its city.")
@click.option("--country", help="Its country, ISO code.")
@click.option("--zone", help="Its IANA zone, e.g. Europe/Berlin.")
@click.option("--configuration", help="Name of the set-up that the plan is a version of [default: the plan's name].")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of text.")
def plan(
    file: Path,
    slug: str | None,
    venue: str | None,
    city: str | None,
    country: str | None,
    zone: str | None,
    configuration: str | None,
    as_json: bool,
) -> None:
    """Check a seating plan and count its places; with --vendor and --venue, store it as the venue's newest layout."""
    seating = read_plan(file.read_bytes())
    if (slug is None) != (venue is None):
        raise Invalid("Give --vendor and --venue together, or neither to check the plan only.")
    layout_id: UUID | None = None
    if slug is not None and venue is not None:
        database = _database()
        with database.transaction() as session:
            vendor_id = find_vendor(session, slug=slug).id
            venue_id = _venue(session, vendor_id=vendor_id, name=plain(venue), city=city, country=country, zone=zone)
            layout_id = catalog.create_layout(
                session,
                vendor_id=vendor_id,
                venue_id=venue_id,
                name=configuration or seating.name,
                plan=seating,
                now=database_now(session),
            )
        database.dispose()
    counts = {"seats": seating.seat_count, "standing_places": seating.standing_capacity, "sections": len(seating.sections)}
    if as_json:
        click.echo(json.dumps({"name": seating.name, **counts, "layout_id": None if layout_id is None else str(layout_id)}))
        return
    click.echo(f"{seating.name}: {_in_words(counts)}")
    click.echo("The plan is in order; nothing was stored." if layout_id is None else f"Stored as layout {layout_id}.")


def _venue(session: Session, *, vendor_id: UUID, name: str, city: str | None, country: str | None, zone: str | None) -> UUID:
    """The vendor's venue of that name (in that city), or a new one."""
    found = [venue for venue in find_venues(session, vendor_id=vendor_id, name=name) if city in (None, venue[1])]
    if len(found) > 1:
        raise Invalid(f"There are venues called {name!r} in {', '.join(venue[1] for venue in found)}: say which with --city.")
    if found:
        return found[0][0]
    if city is None or zone is None:
        raise Invalid(f"The vendor has no venue {name!r}{f' in {city}' if city else ''}: give --city and --zone to make it.")
    return catalog.create_venue(session, vendor_id=vendor_id, name=name, city=city, country=country, zone_name=zone)
