"""The Venues page: plans are uploaded as drafts and published, and what that does to coming events is decided there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from tests import factories
from tests.dashboards.walks import labels, open_page, press, run, said
from tests.venues.conftest import Office, office  # noqa: F401 - a fixture
from tests.venues.halls import hall
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.edge import MOST_PLAN_BYTES
from ticketing.foundation.db import Role, database_now


def venues_page(core: str, owner: str, reader: str, token: str, vendor: str) -> None:
    from uuid import UUID

    from dashboards.office import Office
    from dashboards.views import venues
    from ticketing.foundation.db import Database

    database = Database(core_url=core, owner_url=owner, reader_url=reader, pool_size=2)
    try:
        venues.show(Office(database, token, UUID(vendor)), "Europe/Berlin")
    finally:
        database.dispose()


class Desk:
    """The owner's page, and a member's who may only look."""

    def __init__(self, office: Office) -> None:  # noqa: F811
        self.office = office
        with office.database.transaction() as session:
            now = database_now(session)
            member = factories.make_buyer(session).id
            accounts.add_member(session, vendor_id=office.vendor_id, user_id=member, role=MemberRole.SUPPORT)
            self.tokens = {
                name: sessions.open_session(session, user_id=user, audience=Audience.DESK, now=now)
                for name, user in (("owner", office.owner_id), ("support", member))
            }

    def open(self, configuration: str | None = None, *, who: str = "owner", **query: object) -> AppTest:
        if configuration is not None:
            query["venue"] = self.one("select venue_id from configuration where id = :c", c=configuration)[0]
        return open_page(venues_page, self.office.database, token=self.tokens[who], vendor=self.office.vendor_id, **query)

    def one(self, query: str, **parameters: Any) -> Any:
        with self.office.database.transaction(Role.READER) as session:
            return session.execute(text(query), parameters).one()

    def drafts(self, configuration: str) -> Any:
        return self.one("select count(*) from layout where configuration_id = :c and published_at is null", c=configuration)[0]


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:  # noqa: F811
    return Desk(office)


def upload(app: AppTest, plan: bytes) -> AppTest:
    app.file_uploader[0].set_value(("plan.json", plan, "application/json"))
    return press(run(app), "Make a draft …")


def test_venues_are_listed_and_another_vendors_are_not(desk: Desk) -> None:
    configuration = desk.office.configuration()
    venue = desk.one("select v.id, v.name from venue v join configuration c on c.venue_id = v.id where c.id = :c", c=configuration)
    other = desk.office.ask(
        "POST", "/api/venues", {"name": "Theirs", "city": "Ulm", "country": "DE", "zone": "Europe/Berlin"}, who=desk.office.other
    ).json()
    listed = said(desk.open())
    assert venue.name in listed
    assert "Theirs" not in listed
    for wanted in (other["id"], "no-id"):
        assert [error.value for error in desk.open(venue=wanted).error] == ["There is no such venue among yours."]


def enter(app: AppTest, label: str, value: str) -> None:
    next(box for box in app.text_input if box.label == label).set_value(value)


def test_a_venue_is_added_and_set_up(desk: Desk) -> None:
    app = desk.open()
    name = factories.unique("Odeon *")
    for label, value in (("Name", name), ("City", "Ulm"), ("Country", "de")):
        enter(app, label, value)
    app = press(press(app, "Add the venue …"), "Add the venue")
    assert name in said(app)
    venue = desk.one("select id, vendor_id, country, zone from venue where name = :n", n=name)
    assert (venue.vendor_id, venue.country, venue.zone) == (desk.office.vendor_id, "DE", "Europe/Berlin")
    app = desk.open(venue=venue.id)
    enter(app, "Name", "Floor standing")
    app.selectbox[0].set_value("standing")
    app = press(press(app, "Add the configuration …"), "Add the configuration")
    assert desk.one("select kind from configuration where venue_id = :v", v=venue.id)[0] == "standing"
    assert len(app.file_uploader) == 1


@pytest.mark.parametrize(("label", "value"), [("Country", "1"), ("Time zone", "Europe/Nowhere"), ("City", "U\u0000lm"), ("Name", " ")])
def test_what_is_wrong_with_a_venue_is_named_by_field(desk: Desk, label: str, value: str) -> None:
    app = desk.open()
    for field, entered in (("Name", factories.unique("Odeon")), ("City", "Ulm"), (label, value)):
        enter(app, field, entered)
    app = press(app, "Add the venue …")
    field = {"Time zone": "zone"}.get(label, label.lower())
    assert f"- {field}: " in app.error[0].value
    assert "Add the venue" not in labels(app)


def test_a_plan_becomes_a_draft_and_is_published(desk: Desk) -> None:
    configuration = desk.office.configuration()
    app = upload(desk.open(configuration), json.dumps(hall({"A": 6}, floor=20)).encode())
    assert "6 seats and 20 standing places" in said(app)
    assert desk.drafts(configuration) == 0  # only asked so far
    app = press(app, "Make a draft")
    assert desk.drafts(configuration) == 1
    assert app.dataframe[0].value["state"][0] == "draft"
    app = press(press(app, "Publish version 1 …"), "Publish")
    assert "No coming event loses anything." in said(app)
    assert desk.drafts(configuration) == 0
    actor = desk.one("select actor_id from audit_entry where action = 'layout.published' order by id desc limit 1")[0]
    assert actor == desk.office.owner_id


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (b"{", "not complete JSON"),
        (b"[]", "JSON object"),
        (b" " * (MOST_PLAN_BYTES + 1), "larger than 8 MiB"),
        (json.dumps(hall({"A": 2}, category="Else") | {"categories": []}).encode(), "zones.0.rows.0.seats.0.category"),
    ],
    ids=["broken", "list", "large", "category"],
)
def test_what_is_wrong_with_a_plan_is_named_by_path(desk: Desk, plan: bytes, problem: str) -> None:
    configuration = desk.office.configuration()
    app = upload(desk.open(configuration), plan)
    assert problem in app.error[0].value.replace("\\", "")
    assert "Make a draft" not in labels(app)
    assert desk.drafts(configuration) == 0


def test_a_plan_that_does_not_fit_its_configuration_is_refused_in_place(desk: Desk) -> None:
    configuration = desk.office.configuration(kind="seated")
    app = press(upload(desk.open(configuration), json.dumps(hall({"A": 2}, floor=5)).encode()), "Make a draft")
    assert "the configuration is seated" in app.error[0].value
    assert desk.drafts(configuration) == 0


def with_conflict(desk: Desk) -> tuple[str, str, AppTest]:
    """A sold event whose seats A5 and A6 are gone in a version that was just published on the page."""
    configuration = desk.office.configuration()
    first = desk.office.publish(configuration, hall({"A": 6, "B": 6}))
    event = desk.office.event(first["layout"]["id"])
    desk.office.sell(event, "A5", "A6")
    app = upload(desk.open(configuration), json.dumps(hall({"A": 4, "B": 6})).encode())
    app = press(press(app, "Make a draft"), "Publish version 2 …")
    return configuration, event, press(app, "Publish")


def test_conflicts_are_shown_and_a_plan_is_applied_once(desk: Desk) -> None:
    configuration, event, app = with_conflict(desk)
    assert "2 sold and 0 held seats are gone; 1 groups have to move, 0 of them have nowhere to go" in said(app)
    assert list(app.dataframe[1].value["from"]) == ["Hall, row A, seat 5 (Stalls)", "Hall, row A, seat 6 (Stalls)"]
    app = press(press(app, "Apply …"), "Apply")
    assert "The event is in its newer layout" in said(app)
    assert "No plan waits for you." in said(app)
    assert desk.office.plan_of(event)["state"] == "applied"
    assert "Apply …" not in labels(desk.open(configuration))


def test_a_plan_is_refused(desk: Desk) -> None:
    _, event, app = with_conflict(desk)
    app = press(press(app, "Refuse …"), "Refuse")
    assert "the event keeps its layout" in said(app)
    assert desk.office.plan_of(event)["state"] == "refused"


def test_a_plan_that_is_outdated_says_so_and_is_made_again(desk: Desk) -> None:
    _, event, app = with_conflict(desk)
    taken = [move["to_seat"] for group in desk.office.plan_of(event)["groups"] for move in group["tickets"]]
    desk.office.sell(event, *(f"{seat['row']}{seat['seat']}" for seat in taken))
    app = press(press(app, "Apply …"), "Apply")
    assert "propose a plan again" in app.error[0].value
    app = press(press(app, "Plan again …"), "Plan again")
    press(press(app, "Apply …"), "Apply")
    assert desk.office.plan_of(event)["state"] == "applied"


def test_members_without_the_right_see_versions_and_no_buttons(desk: Desk) -> None:
    configuration, _, _ = with_conflict(desk)
    app = desk.open(configuration, who="support")
    assert len(app.dataframe) == 1
    assert labels(app) == []
    assert not app.file_uploader


def test_who_lost_the_right_meanwhile_decides_nothing(desk: Desk) -> None:
    _, event, app = with_conflict(desk)
    app = press(app, "Apply …")
    role = "update vendor_member set role = :role where user_id = :user"
    with desk.office.database.transaction() as session:
        session.execute(text(role), {"role": "finance", "user": desk.office.owner_id})
    try:
        app = press(app, "Apply")
    finally:
        with desk.office.database.transaction() as session:
            session.execute(text(role), {"role": "owner", "user": desk.office.owner_id})
    assert "This is not for your role" in app.error[0].value
    assert desk.office.plan_of(event)["state"] == "proposed"
