"""Seating plans: what is read from them, what is kept, what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.plans import row, seat, small_plan
from ticketing.catalog.plan import PlanRefused, parse_plan, read_plan, standing_plan
from ticketing.catalog.rules import SectionKind

REAL_PLANS = Path(__file__).resolve().parents[3] / "shared" / "data" / "plans"


def test_sections_and_seats_are_in_plan_order_when_read() -> None:
    plan = read_plan(json.dumps(small_plan()))
    assert [(section.name, section.kind, section.capacity) for section in plan.sections] == [
        ("Stalls", SectionKind.SEATED, 5),
        ("Floor", SectionKind.STANDING, 40),
    ]
    seats = plan.sections[0].seats
    assert [(s.row_label, s.row_position, s.seat_label, s.seat_position) for s in seats] == [
        ("A", 0, "1", 0),
        ("A", 0, "2", 1),
        ("B", 1, "1", 0),
        ("B", 1, "2", 1),
        ("B", 1, "3", 2),
    ]
    assert (seats[4].x, seats[4].y, seats[4].category) == (150.0, 230.0, "Premium")
    assert (plan.seat_count, plan.standing_capacity, plan.categories) == (5, 40, ("Premium", "Stalls"))


@pytest.mark.parametrize(("name", "seats", "sections"), [("hall", 1938, 4), ("arena", 20_104, 80)])
def test_real_plans_are_read_when_they_are_there(name: str, seats: int, sections: int) -> None:
    path = REAL_PLANS / f"{name}.json"
    if not path.is_file():
        pytest.skip("the real plans are not here")
    plan = read_plan(path.read_bytes())
    assert (plan.seat_count, plan.standing_capacity, len(plan.sections)) == (seats, 0, sections)
    assert len({s.guid for section in plan.sections for s in section.seats}) == seats


def test_newer_keys_are_accepted_and_kept_when_known_or_not() -> None:
    source = small_plan()
    zone = source["zones"][0] | {"uuid": "0d4f", "zone_id": "z", "something_new": [1, {"deep": None}]}
    zone["rows"][0] |= {"uuid": "r", "row_number_position": "both", "row_label": "Row %s"}
    zone["rows"][0]["seats"][0] |= {"uuid": "s", "radius": 10}
    zone["areas"] += [
        {"shape": "rectangle", "position": {"x": 1, "y": 2}, "rotation": 45, "rectangle": {"width": 3, "height": 4}, "uuid": "q"},
        {"shape": "circle", "position": {"x": 1, "y": 2}, "circle": {"radius": 3}, "text": {"text": "Bar", "color": "#fff"}},
        {"shape": "ellipse", "position": {"x": 1, "y": 2}, "ellipse": {"radius": {"x": 3, "y": 4}}},
        {"shape": "text", "position": {"x": 1, "y": 2}, "capacity": 5, "text": {"text": "Balcony"}},
    ]
    source["zones"][0] = zone
    plan = parse_plan(source)
    assert plan.source == source
    assert [section.name for section in plan.sections] == ["Stalls", "Balcony", "Floor"]
    assert plan.sections[0].seats[0].row_label == "A"


def test_rows_and_seats_get_their_place_as_label_when_they_have_no_number() -> None:
    source = small_plan()
    rows = source["zones"][0]["rows"]
    del rows[0]["row_number"], rows[0]["seats"][1]["seat_number"], rows[1]["row_number"]
    rows[1]["row_label"] = "Row %s"
    seats = parse_plan(source).sections[0].seats
    assert (seats[1].row_label, seats[1].seat_label, seats[2].row_label) == ("1", "2", "Row 2")


def _seat_of(source: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = source["zones"][0]["rows"][1]["seats"][2]
    return found


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(source: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        target: Any = source
        for part in parents:
            target = target[int(part)] if part.isdigit() else target[part]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: _seat_of(plan).update(seat_guid="a1"), "zone 'Stalls', row 'B', seat 3: seat_guid 'a1' is used twice"),
        (lambda plan: _seat_of(plan).update(category="Gold"), "zone 'Stalls', row 'B', seat 3: category 'Gold' is not one of the plan's"),
        (lambda plan: _seat_of(plan).pop("position"), "zone 'Stalls', row 'B', seat 3: position is missing"),
        (lambda plan: _seat_of(plan).update(position={"x": "1", "y": 2}), "zone 'Stalls', row 'B', seat 3: position needs numbers"),
        (lambda plan: _seat_of(plan).update(position={"x": 10**400, "y": 2}), "zone 'Stalls', row 'B', seat 3: position needs numbers"),
        (lambda plan: _seat_of(plan).update(radius="big"), "zone 'Stalls', row 'B', seat 3: a seat needs numbers radius"),
        (lambda plan: _seat_of(plan).pop("seat_guid"), "zone 'Stalls', row 'B', seat 3: seat_guid is missing"),
        (lambda plan: _seat_of(plan).update(seat_number=["3"]), "zone 'Stalls', row 'B', seat 3: seat_number must be text"),
        (_change("size", {"width": "wide", "height": 3}), "the plan: size needs numbers"),
        (_change("zones.0.position", None), "zone 'Stalls': position is missing"),
        (_change("zones.0.rows.0.position", None), "zone 'Stalls', row 'A': position is missing"),
        (_change("zones.0.areas.0.width", "wide"), "zone 'Stalls', area 1: an area needs numbers"),
        (_change("zones.0.areas.0.circle", {"radius": -1}), "zone 'Stalls', area 1: circle needs numbers radius"),
        (_change("zones.1.areas.0.capacity", 0), "zone 'Pit', area 1: capacity must be a positive whole number"),
        (_change("zones.1.areas.0.category", "Gold"), "zone 'Pit', area 1: category 'Gold'"),
        (_change("zones.1.areas.0.text", "Stalls"), "Two sections are called 'Stalls'"),
        (_change("zones.0.name", " "), "zone 1: name is missing"),
        (_change("zones", []), "no seats and no standing areas"),
        (_change("zones", {"a": 1}), "the plan: zones must be a list of objects"),
        (_change("categories", [{"name": "Stalls"}, {"name": "Stalls"}]), "names a category twice"),
        (_change("zones.0.note", "nul \x00 inside"), "NUL character"),
        (_change("zones.0.note", "half a pair \ud800"), "can't be stored"),
    ],
)
def test_place_is_named_when_the_plan_contradicts_itself(change: Callable[[dict[str, Any]], object], said: str) -> None:
    source = copy.deepcopy(small_plan())
    change(source)
    with pytest.raises(PlanRefused) as refused:
        parse_plan(source)
    assert said in refused.value.message


@pytest.mark.parametrize("text", ["", '{"name": "Hall", "zones": [', "[1, 2]", '{"size": {"width": NaN}}', b"\xff\xfe{", "[" * 100_000])
def test_text_is_refused_when_it_is_no_complete_plan(text: str | bytes) -> None:
    with pytest.raises(PlanRefused):
        read_plan(text)


def test_digest_is_the_same_when_only_the_writing_differs() -> None:
    source = small_plan()
    again = json.dumps(dict(reversed(source.items())), indent=3)
    assert read_plan(again).digest() == parse_plan(source).digest()
    source["zones"][0]["rows"][0]["seats"][0]["position"]["x"] = 1
    assert read_plan(again).digest() != parse_plan(source).digest()


def test_standing_plan_is_one_area_when_a_room_has_no_seats() -> None:
    plan = standing_plan("Club", 300)
    assert [(section.name, section.capacity) for section in plan.sections] == [("General admission", 300)]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=6), inner, max_size=3),
    max_leaves=8,
)
EXTRA = st.dictionaries(st.text("abcxyz", min_size=1, max_size=4).map("x_".__add__), JSON_VALUES, max_size=3)


@given(rows=st.lists(st.integers(1, 6), min_size=1, max_size=5), extras=st.tuples(EXTRA, EXTRA, EXTRA, EXTRA))
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_when_a_plan_is_read(rows: list[int], extras: tuple[dict[str, Any], ...]) -> None:
    of_plan, of_zone, of_row, of_seat = extras
    lines = [row(str(r), [seat(f"{r}-{n}", str(n)) | of_seat for n in range(count)]) | of_row for r, count in enumerate(rows)]
    zone = {"name": "Zone", "position": {"x": 0, "y": 0}, "rows": lines} | of_zone
    source = {"name": "P", "categories": [{"name": "Stalls"}], "zones": [zone]} | of_plan
    plan = read_plan(json.dumps(source))
    assert plan.source == source
    assert [(s.row_position, s.seat_position) for s in plan.sections[0].seats] == [(r, n) for r, c in enumerate(rows) for n in range(c)]
    assert [s.guid for s in plan.sections[0].seats] == [f"{r}-{n}" for r, c in enumerate(rows) for n in range(c)]


def test_example_of_the_guide_is_a_plan() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text()
    plan = read_plan(guide.split("```json\n")[1].split("```")[0])
    assert [(section.name, section.capacity) for section in plan.sections] == [("Stalls", 1), ("Floor", 400)]
