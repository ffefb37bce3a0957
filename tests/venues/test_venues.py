"""Venues, configurations and layouts over HTTP."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.venues.conftest import Office
from tests.venues.halls import hall
from ticketing.catalog.tables import Venue
from ticketing.edge import MOST_BODY_BYTES, MOST_PLAN_BYTES
from ticketing.foundation.db import Role

REAL_PLANS = Path(__file__).resolve().parents[3] / "shared" / "data" / "plans"
ZONE = {"city": "Berlin", "zone": "Europe/Berlin"}


def shared_venue(office: Office) -> str:
    with office.database.transaction() as session:
        venue = Venue(name=factories.unique("Arena"), city="Berlin", zone="Europe/Berlin", source_key=factories.unique("shared"))
        session.add(venue)
        session.flush()
        return str(venue.id)


def test_a_venue_is_made_read_changed_and_listed(office: Office) -> None:
    name = factories.unique("Hall")
    venue = office.made("POST", "/api/venues", {"name": name, "country": "DE"} | ZONE)
    assert (venue["name"], venue["vendor_id"]) == (name, str(office.vendor_id))
    assert office.made("GET", f"/api/venues/{venue['id']}") == venue
    changed = office.made("PATCH", f"/api/venues/{venue['id']}", {"city": "Potsdam", "country": None})
    assert changed == venue | {"city": "Potsdam", "country": None}
    assert changed in office.made("GET", "/api/venues?limit=100")["venues"]
    problem(office.ask("POST", "/api/venues", {"name": name} | ZONE), 409, "venue-taken")


def test_pages_of_venues_follow_each_other(office: Office) -> None:
    for _ in range(3):
        office.made("POST", "/api/venues", {"name": factories.unique("Hall")} | ZONE)
    everything = office.made("GET", "/api/venues?limit=100")["venues"]
    found, cursor = [], ""
    while True:
        page = office.made("GET", f"/api/venues?limit=2{cursor}")
        found += page["venues"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == everything


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "  "}, "name"),
        ({"city": "x" * 201}, "city"),
        ({"country": "Germany"}, "country"),
        ({"zone": "Europe/Nowhere"}, "zone"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_with_a_venue_is_named(office: Office, change: dict[str, Any], name: str) -> None:
    answer = office.ask("POST", "/api/venues", {"name": "Hall"} | ZONE | change)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [name])


def test_a_shared_venue_is_copied_to_be_changed(office: Office) -> None:
    shared = shared_venue(office)
    path = f"/api/venues/{shared}"
    assert office.made("GET", path)["vendor_id"] is None
    problem(office.ask("PATCH", path, {"name": "Mine"}), 409, "venue-shared")
    office.made("POST", f"{path}/configurations", {"name": "Own set-up", "kind": "seated"})
    (configuration,) = office.made("GET", f"{path}/configurations")["configurations"]
    plan = hall({"A": 3})
    office.publish(configuration["id"], plan)
    mine = office.made("POST", f"{path}/copy", {"name": factories.unique("Mine")})
    assert mine["vendor_id"] == str(office.vendor_id)
    (copied,) = office.made("GET", f"/api/venues/{mine['id']}/configurations")["configurations"]
    (draft,) = copied["layouts"]
    assert (copied["name"], draft["published_at"], draft["version"]) == ("Own set-up", None, 1)
    assert office.made("GET", f"/api/layouts/{draft['id']}") == plan
    office.made("PATCH", f"/api/venues/{mine['id']}", {"city": "Potsdam"})
    assert office.made("GET", path)["city"] == "Berlin"
    assert office.ask("GET", f"{path}/configurations", who=office.other).json() == {"configurations": []}
    problem(office.ask("POST", f"{path}/copy", {"name": mine["name"]}), 409, "venue-taken")


def test_another_vendors_things_are_not_there(office: Office) -> None:
    configuration = office.configuration()
    layout = office.made("POST", f"/api/configurations/{configuration}/layouts", hall({"A": 2}))
    event = office.event(office.publish(office.configuration(), hall({"A": 2}))["layout"]["id"])
    venue = office.made("GET", "/api/venues")["venues"][-1]["id"]
    for method, path, body in (
        ("GET", f"/api/venues/{venue}", None),
        ("PATCH", f"/api/venues/{venue}", {"name": "x"}),
        ("POST", f"/api/venues/{venue}/copy", {}),
        ("GET", f"/api/venues/{venue}/configurations", None),
        ("POST", f"/api/venues/{venue}/configurations", {"name": "x", "kind": "seated"}),
        ("POST", f"/api/configurations/{configuration}/layouts", hall({"A": 2})),
        ("GET", f"/api/layouts/{layout['id']}", None),
        ("PUT", f"/api/layouts/{layout['id']}", hall({"A": 2})),
        ("POST", f"/api/layouts/{layout['id']}/publish", None),
        ("GET", f"/api/events/{event}/reseatings", None),
        ("POST", f"/api/events/{event}/reseatings", None),
    ):
        answer = office.ask(method, path, body, who=office.other)
        assert answer.status_code == 404, (method, path, answer.text)


def test_a_configuration_of_the_same_name_is_refused(office: Office) -> None:
    venue = office.made("POST", "/api/venues", {"name": factories.unique("Hall")} | ZONE)
    path = f"/api/venues/{venue['id']}/configurations"
    office.made("POST", path, {"name": "Seated", "kind": "seated"})
    problem(office.ask("POST", path, {"name": "Seated", "kind": "mixed"}), 409, "configuration-taken")


def test_import_export_import_is_identical(office: Office) -> None:
    plan = hall({"A": 4, "B": 3}, accessible=["A1"], companions={"A2": "A1"}, floor=20)
    plan |= {"x_new": [1, 2.5, {"deep": [None, True, "ö 𝄞"]}], "x_large": 2**70, "x_small": 1.5e-7}
    plan["zones"][0]["rows"][0]["seats"][0] |= {"view_note": "Behind a pillar", "radius": 4, "uuid": "u"}
    configuration = office.configuration()
    first = office.made("POST", f"/api/configurations/{configuration}/layouts", plan)
    exported = office.made("GET", f"/api/layouts/{first['id']}")
    assert exported == plan
    second = office.publish(configuration, exported)["layout"]
    assert office.made("GET", f"/api/layouts/{second['id']}") == plan
    with office.database.transaction() as session:
        digests = session.execute(text("select plan_digest from layout where configuration_id = :c"), {"c": configuration}).scalars().all()
        assert len(digests) == 2
        assert len(set(digests)) == 1
        sql = "select guid, accessible, companion_of, view_note from layout_seat where layout_id = :l and seat_no < 2 order by seat_no"
        seats = session.execute(text(sql), {"l": second["id"]}).all()
    assert [tuple(seat) for seat in seats] == [("A1", True, None, "Behind a pillar"), ("A2", False, 0, None)]


def test_a_plan_may_be_larger_than_other_bodies(office: Office) -> None:
    plan = hall({f"R{n}-": 40 for n in range(30)})
    assert len(json.dumps(plan)) > MOST_BODY_BYTES
    layout = office.made("POST", f"/api/configurations/{office.configuration()}/layouts", plan)
    assert layout["seat_count"] == 1200
    larger = plan | {"x": "x" * MOST_PLAN_BYTES}
    assert office.ask("PUT", f"/api/layouts/{layout['id']}", larger).status_code == 413
    assert office.ask("POST", "/api/venues", {"name": "x" * MOST_BODY_BYTES}).status_code == 413


@pytest.mark.parametrize("name", ["hall", "arena"])
def test_real_plans_come_out_as_they_went_in(office: Office, name: str) -> None:
    path = REAL_PLANS / f"{name}.json"
    if not path.is_file():
        pytest.skip("the real plans are not here")
    plan = json.loads(path.read_bytes())
    layout = office.publish(office.configuration(), plan)["layout"]
    assert office.made("GET", f"/api/layouts/{layout['id']}") == plan


def test_every_place_of_a_plan_that_is_wrong_is_named(office: Office) -> None:
    plan = copy.deepcopy(hall({"A": 3}, floor=5))
    row = plan["zones"][0]["rows"][0]
    row["seats"][0]["category"] = "Gold of S3cr3t"
    row["seats"][1] |= {"seat_guid": "A1", "companion_of": "nobody"}
    row["seats"][2] |= {"position": {"x": "far", "y": 0}, "accessible": "yes"}
    plan["zones"][0]["areas"][0]["capacity"] = -1
    answer = office.ask("POST", f"/api/configurations/{office.configuration()}/layouts", plan)
    problem(answer, 422, "plan-not-acceptable")
    seats = "zones.0.rows.0.seats"
    assert answer.json()["fields"].keys() == {
        f"{seats}.0.category",
        f"{seats}.1.seat_guid",
        f"{seats}.1.companion_of",
        f"{seats}.2.position",
        f"{seats}.2.accessible",
        "zones.0.areas.0.capacity",
    }
    assert "S3cr3t" not in answer.text


@pytest.mark.parametrize(
    ("kind", "plan"),
    [("seated", hall({"A": 2}, floor=5)), ("standing", hall({"A": 2}, floor=5))],
)
def test_a_plan_fits_its_configuration(office: Office, kind: str, plan: dict[str, Any]) -> None:
    answer = office.ask("POST", f"/api/configurations/{office.configuration(kind=kind)}/layouts", plan)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["zones"])


def test_a_draft_may_change_and_a_published_layout_never(office: Office) -> None:
    configuration = office.configuration()
    draft = office.made("POST", f"/api/configurations/{configuration}/layouts?valid_from=2030-01-01T00:00:00Z", hall({"A": 2}))
    assert (draft["version"], draft["seat_count"], draft["published_at"]) == (1, 2, None)
    path = f"/api/layouts/{draft['id']}"
    changed = office.made("PUT", f"{path}?valid_from=2031-01-01T00:00:00Z", hall({"A": 3}))
    assert (changed["seat_count"], changed["valid_from"][:4]) == (3, "2031")
    event = {"layout_id": draft["id"], "title": "x", "category": "x", "local_start": "2099-03-20T20:00:00", "zone": "Europe/Berlin"}
    unpublished = office.ask("POST", "/api/events", event | {"sales_open_at": "2020-03-20T20:00:00Z", "currency": "EUR"})
    assert (unpublished.status_code, list(unpublished.json()["fields"])) == (422, ["layout_id"])
    office.made("POST", f"{path}/publish")
    problem(office.ask("PUT", path, hall({"A": 4})), 409, "layout-published")
    problem(office.ask("POST", f"{path}/publish"), 409, "layout-published")
    assert office.made("GET", path) == hall({"A": 3})


def test_seats_keep_their_numbers_through_versions(office: Office) -> None:
    """Also when they move to another row, and those of seats that are gone are not used again."""
    configuration = office.configuration()
    versions = [hall({"A": 3, "B": 2}), hall({"B": 2, "A": 2, "C": 2}), hall({"A": 3, "C": 2})]
    numbers = []
    for plan in versions:
        layout = office.publish(configuration, plan)["layout"]
        with office.database.transaction() as session:
            rows = session.execute(text("select guid, seat_no from layout_seat where layout_id = :l"), {"l": layout["id"]})
            numbers.append(dict(rows.tuples().all()))
    assert numbers == [
        {"A1": 0, "A2": 1, "A3": 2, "B1": 3, "B2": 4},
        {"A1": 0, "A2": 1, "B1": 3, "B2": 4, "C1": 5, "C2": 6},
        {"A1": 0, "A2": 1, "A3": 2, "C1": 5, "C2": 6},
    ]


def test_drafts_are_not_shown_to_other_vendors_by_the_database(office: Office) -> None:
    layout = office.made("POST", f"/api/configurations/{office.configuration()}/layouts", hall({"A": 2}))
    for vendor_ids, seen in (([uuid4()], []), ([office.vendor_id], [UUID(layout["id"])])):
        with office.database.transaction(Role.VENDOR, vendor_ids=vendor_ids) as session:
            assert session.execute(text("select id from layout where id = :l"), {"l": layout["id"]}).scalars().all() == seen
