"""`ticketing import`: season files and seating plans."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from ticketing.accounts.service import find_vendor
from ticketing.catalog import service as catalog
from ticketing.catalog.plan import SeatingPlan, read_plan
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Invalid
from ticketing.foundation.settings import load_settings
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
        plans[name] = read_plan(Path(path).read_bytes())
    return plans


@command.command()
@click.argument("file", type=FILE)
@click.option("--vendor", "slug", required=True, help="Short name of the vendor whose season it is.")
@click.option("--venue-plan", "venue_plans", multiple=True, metavar="NAME=PLAN", help="Seating plan of a venue; others are standing rooms.")
@click.option("--into-coming-season", is_flag=True, help="Move past seasons by whole weeks, so that they start two weeks from now.")
@click.option("--rules", type=FILE, help="Prices, on-sale dates, zones: see docs/importing.md.")
@click.option("--draft", is_flag=True, help="Leave coming events unpublished.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of text.")
def season(
    file: Path, slug: str, venue_plans: tuple[str, ...], into_coming_season: bool, rules: Path | None, draft: bool, as_json: bool
) -> None:
    """Import a season; what can't be placed is listed and left out (exit code 1)."""
    plans, import_rules = _venue_plans(venue_plans), ImportRules.load(rules)
    source = read_season(file.read_bytes())
    database = Database.from_settings(load_settings())
    with Progress(console=Console(stderr=True), transient=True) as bar, database.transaction() as session:
        task = bar.add_task("concerts", total=sum(len(p.concerts) for p in source.programmes))
        report = SeasonImport(
            session,
            vendor=find_vendor(session, slug=slug),
            rules=import_rules,
            plans=plans,
            into_coming_season=into_coming_season,
            publish=not draft,
            now=database_now(session),
            progress=lambda done: bar.advance(task, done),
        ).run(source)
    _tell(report, as_json=as_json)
    sys.exit(1 if report.problems else 0)


def _tell(report: ImportReport, *, as_json: bool) -> None:
    counts = {
        "concerts_in": report.concerts_in,
        "stored": report.stored,
        "unchanged": report.unchanged,
        "published": report.published,
        "left_out": len(report.problems),
    }
    if as_json:
        problems = [{"place": problem.place, "reason": problem.reason} for problem in report.problems]
        click.echo(json.dumps({**counts, "reasons": report.reasons(), "problems": problems}))
        return
    click.echo("  ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items()))
    for problem in report.problems[:SHOWN_PROBLEMS]:
        click.echo(f"left out: {problem.place} {problem.reason}")
    if len(report.problems) > SHOWN_PROBLEMS:
        click.echo(f"… and {len(report.problems) - SHOWN_PROBLEMS} more; --json lists all")


@command.command()
@click.argument("file", type=FILE)
@click.option("--vendor", "slug", help="With --venue: store the plan for this vendor.")
@click.option("--venue", help="Name of the venue (made if the vendor has none of that name in that city).")
@click.option("--city", default="", help="Its city.")
@click.option("--zone", help="Its IANA zone [default: the vendor's].")
def plan(file: Path, slug: str | None, venue: str | None, city: str, zone: str | None) -> None:
    """Check a seating plan and count its places; with --vendor and --venue, store it as the venue's newest layout."""
    seating = read_plan(file.read_bytes())
    seats, standing, sections = seating.seat_count, seating.standing_capacity, len(seating.sections)
    click.echo(f"{seating.name}: {seats} seats, {standing} standing places, {sections} sections")
    if (slug is None) != (venue is None):
        raise Invalid("Give --vendor and --venue together, or neither to check the plan only.")
    if slug is None or venue is None:
        return
    database = Database.from_settings(load_settings())
    with database.transaction() as session:
        vendor = find_vendor(session, slug=slug)
        venue_id = catalog.create_venue(session, vendor_id=vendor.id, name=venue, city=city, country=None, zone_name=zone or vendor.zone)
        layout_id = catalog.create_layout(
            session, vendor_id=vendor.id, venue_id=venue_id, name=seating.name, plan=seating, now=database_now(session)
        )
    click.echo(f"stored as layout {layout_id}")
