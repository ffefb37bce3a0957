"""The Events page: what members may do there is what the API lets them do, asked for first, and done once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from dashboards.confirm import Question, Said, Slip, answer
from dashboards.office import (
    ADD_CONFIGURATION,
    ADD_VENUE,
    APPLY_PLAN,
    CHANGE_EVENT,
    CHANGE_TYPE,
    CLONE,
    CLOSE,
    DRAFT_LAYOUT,
    POSTPONE,
    PROPOSE_PLAN,
    PUBLISH,
    PUBLISH_LAYOUT,
    REFUSE_PLAN,
    RELEASE_BLOCK,
    REOPEN,
    Office,
)
from tests import factories
from tests.dashboards.walks import labels, open_page, press, run, said
from ticketing.accounts import service as accounts
from ticketing.accounts import sessions
from ticketing.accounts.access import Endpoint, RoleMissing
from ticketing.accounts.rules import Audience, MemberRole
from ticketing.foundation.db import Database, Role, database_now
from ticketing.foundation.errors import Unauthenticated
from ticketing.foundation.ids import new_id
from ticketing.foundation.settings import Settings
from ticketing.inventory.blocks import block_seats
from ticketing.inventory.rules import BlockReason

CHANGES = [
    *(PUBLISH, CHANGE_EVENT, CLOSE, REOPEN, POSTPONE, CLONE, CHANGE_TYPE, RELEASE_BLOCK),
    *(ADD_VENUE, ADD_CONFIGURATION, DRAFT_LAYOUT, PUBLISH_LAYOUT, PROPOSE_PLAN, APPLY_PLAN, REFUSE_PLAN),
]


def events_page(core: str, owner: str, reader: str, token: str, vendor: str) -> None:
    from uuid import UUID

    from dashboards.office import Office
    from dashboards.views import events
    from ticketing.foundation.db import Database

    database = Database(core_url=core, owner_url=owner, reader_url=reader, pool_size=2)
    try:
        events.show(Office(database, token, UUID(vendor)), "Europe/Berlin")
    finally:
        database.dispose()


@dataclass
class Scene:
    database: Database
    on: factories.OnSale
    owner_id: UUID
    tokens: dict[str, str]

    def open(self, who: str = "owner", *, event: UUID | None = None, vendor: UUID | None = None) -> AppTest:
        query = {} if event is None else {"event": event}
        return open_page(events_page, self.database, token=self.tokens[who], vendor=vendor or self.on.vendor.id, **query)

    def office(self, who: str) -> Office:
        return Office(self.database, self.tokens.get(who, "no session"), self.on.vendor.id)

    def one(self, query: str, **parameters: Any) -> Any:
        with self.database.transaction(Role.READER) as session:
            return session.execute(text(query), parameters).one()

    def state(self, event: UUID | None = None) -> Any:
        return self.one("select status, sales_paused_at, local_start, version from event where id = :e", e=event or self.on.event.id)

    def audited(self, action: str) -> list[UUID]:
        with self.database.transaction(Role.READER) as session:
            return list(session.execute(text("select actor_id from audit_entry where action = :a"), {"a": action}).scalars())


@pytest.fixture
def scene(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    from dashboards.data import desk

    monkeypatch.setenv("TICKETING_HOME", str(settings.home_path))  # where snapshots would be: there are none
    desk.clear()
    tokens: dict[str, str] = {}
    with database.transaction() as session:
        on = factories.make_event_on_sale(session, title="Nocturnes <b>[x](y)")
        other = factories.make_event_on_sale(session, title="Somebody else's night")
        now = database_now(session)
        people: dict[str, UUID] = {}
        for name, vendor_id, role in (
            ("owner", on.vendor.id, MemberRole.OWNER),
            ("manager", on.vendor.id, MemberRole.MANAGER),
            ("support", on.vendor.id, MemberRole.SUPPORT),
            ("stranger", other.vendor.id, MemberRole.OWNER),
        ):
            people[name] = factories.make_buyer(session, display_name=name).id
            accounts.add_member(session, vendor_id=vendor_id, user_id=people[name], role=role)
            tokens[name] = sessions.open_session(session, user_id=people[name], audience=Audience.DESK, now=now)
    return Scene(database, on, people["owner"], tokens)


def test_sales_are_closed_and_reopened_by_the_member_who_says_yes(scene: Scene) -> None:
    app = press(scene.open(event=scene.on.event.id), "Close sales …")
    assert scene.state().sales_paused_at is None  # only asked so far
    app = press(app, "Close sales")
    assert scene.state().sales_paused_at is not None
    assert "Sales are closed." in said(app)
    assert "paused" in said(app)
    assert scene.audited("event.sales_closed") == [scene.owner_id]
    app = press(press(app, "Reopen sales …"), "Reopen sales")
    assert scene.state().sales_paused_at is None
    assert scene.audited("event.sales_reopened") == [scene.owner_id]


def test_nothing_happens_when_the_question_is_left(scene: Scene) -> None:
    app = press(press(scene.open(event=scene.on.event.id), "Close sales …"), "Leave it")
    assert scene.state().sales_paused_at is None
    assert "Close sales" not in labels(app)


def test_a_second_click_and_a_rerun_do_nothing_more(scene: Scene) -> None:
    app = press(scene.open(event=scene.on.event.id), "Clone …")
    yes = next(button for button in app.button if button.label == "Clone")
    yes.click()
    run(app)
    yes.click()  # the same button once more, as a double click sends it
    run(app)
    run(app)
    assert scene.one("select count(*) from event where vendor_id = :v", v=scene.on.vendor.id)[0] == 2
    assert len(scene.audited("event.cloned")) == 1


def test_of_many_answers_at_once_one_does_it() -> None:
    done: list[int] = []

    def work() -> str:
        time.sleep(0.05)
        done.append(1)
        return "Done."

    question = Question("here", "here", "Really?", "Yes", work)
    slip = Slip(asked=question)
    with ThreadPoolExecutor(8) as clicks:
        list(clicks.map(lambda _: answer(slip, question), range(8)))
    assert done == [1]
    assert slip.said == Said("here", "Done.", is_problem=False)


def test_a_fault_names_a_reference_and_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    entered = "the secret word"

    def work() -> str:
        raise RuntimeError(entered)

    question = Question("here", "here", "Really?", "Yes", work)
    slip = Slip(asked=question)
    answer(slip, question)
    assert slip.said is not None
    assert "Tell the operator this reference" in slip.said.text
    assert entered not in slip.said.text + caplog.text


def test_members_without_the_right_see_no_buttons(scene: Scene) -> None:
    app = scene.open("support", event=scene.on.event.id)
    assert "Nocturnes" in app.subheader[0].value
    assert app.dataframe
    assert labels(app) == []
    assert "Close sales …" in labels(scene.open("manager", event=scene.on.event.id))


def test_who_lost_the_right_meanwhile_is_refused_when_they_say_yes(scene: Scene) -> None:
    app = press(scene.open("manager", event=scene.on.event.id), "Close sales …")
    with scene.database.transaction() as session:
        session.execute(text("update vendor_member set role = 'scanner' where role = 'manager'"))
    app = press(app, "Close sales")
    assert [error.value for error in app.error] == ["This is not for your role\\."]
    assert scene.state().sales_paused_at is None
    assert labels(app) == []


@pytest.mark.parametrize("endpoint", CHANGES)
def test_every_action_is_refused_to_members_without_the_right(scene: Scene, endpoint: Endpoint) -> None:
    for who in ("support", "stranger"):
        with pytest.raises(RoleMissing), scene.office(who).acting(endpoint):
            pass
    with pytest.raises(Unauthenticated), scene.office("nobody").acting(endpoint):
        pass
    for who in ("owner", "manager"):
        with scene.office(who).acting(endpoint) as acting:
            assert acting.own == [scene.on.vendor.id]


def test_another_vendors_events_are_not_there(scene: Scene) -> None:
    stranger = scene.open("stranger", vendor=scene.on.vendor.id)
    assert "Nocturnes" not in said(stranger)
    assert "not for your role" in stranger.error[0].value
    mine = scene.open("owner")
    assert "Nocturnes" in said(mine)
    assert "Somebody else" not in said(mine)
    missing = scene.open("owner", event=new_id())
    assert [error.value for error in missing.error] == ["There is no such event among yours."]


def test_a_change_by_somebody_else_meanwhile_is_named(scene: Scene) -> None:
    app = press(scene.open(event=scene.on.event.id), "Close sales …")
    with scene.database.transaction() as session:
        session.execute(text("update event set version = version + 1 where id = :e"), {"e": scene.on.event.id})
    app = press(app, "Close sales")
    assert "changed meanwhile" in app.error[0].value
    assert scene.state().sales_paused_at is None


def test_a_postponement_into_the_gap_of_the_clock_change_is_refused_by_name(scene: Scene) -> None:
    app = scene.open(event=scene.on.event.id)
    app.datetime_input[0].set_value(datetime.fromisoformat("2027-03-28T02:30"))
    app = press(app, "Postpone …")
    assert "No clock in Europe/Berlin" in app.error[0].value
    assert "Postpone" not in labels(app)
    assert scene.state().status == "published"


def test_a_postponed_event_stands_still_until_its_sales_are_reopened(scene: Scene) -> None:
    app = scene.open(event=scene.on.event.id)
    app.datetime_input[0].set_value(datetime.fromisoformat("2027-04-28T20:30"))
    app = press(press(app, "Postpone …"), "Postpone")
    after = scene.state()
    assert (after.status, after.local_start) == ("postponed", datetime.fromisoformat("2027-04-28T20:30"))
    assert "Moved to" in said(app)
    press(press(app, "Reopen sales …"), "Reopen sales")
    assert scene.state().status == "published"


def test_a_clone_is_a_draft_that_is_published_from_its_own_page(scene: Scene) -> None:
    app = press(press(scene.open(event=scene.on.event.id), "Clone …"), "Clone")
    clone = scene.one("select id, status from event where id <> :e and vendor_id = :v", e=scene.on.event.id, v=scene.on.vendor.id)
    assert clone.status == "draft"
    assert str(clone.id) in said(app)
    draft = scene.open(event=clone.id)
    press(press(draft, "Publish …"), "Publish")
    assert scene.state(clone.id).status == "published"
    assert scene.audited("event.published") == [scene.owner_id]


def test_what_a_draft_lacks_is_said_where_it_was_to_be_published(scene: Scene) -> None:
    with scene.database.transaction() as session:
        session.execute(text("update event set status = 'draft', published_at = null where id = :e"), {"e": scene.on.event.id})
        session.execute(text("delete from event_payment_method where event_id = :e"), {"e": scene.on.event.id})
    app = press(press(scene.open(event=scene.on.event.id), "Publish …"), "Publish")
    assert "lacks a way to be paid" in app.error[0].value
    assert scene.state().status == "draft"


def choose_floor(app: AppTest) -> AppTest:
    app.selectbox[0].set_value("Floor")
    return run(app)


def test_capacity_changes_and_never_below_what_is_sold(scene: Scene) -> None:
    with scene.database.transaction() as session:
        session.execute(text("update pool set sold = 30 where id = :p"), {"p": scene.on.pool.id})
    app = choose_floor(scene.open(event=scene.on.event.id))
    app.number_input[0].set_value(20)
    app = press(press(app, "Change …"), "Change")
    assert "More places are held and sold" in app.error[0].value
    app.number_input[0].set_value(40)
    press(press(app, "Change …"), "Change")
    assert scene.one("select capacity from pool where id = :p", p=scene.on.pool.id)[0] == 40


def windows(app: AppTest) -> tuple[Any, Any]:
    boxes = [box for box in app.datetime_input if box.label.startswith("Sold ")]
    return boxes[0], boxes[-1]


def own_window(app: AppTest, own: bool) -> AppTest:
    for box in app.checkbox:
        box.set_value(own)
    return run(app)


def test_a_ticket_type_gets_its_own_window_in_local_time_and_loses_it(scene: Scene) -> None:
    app = choose_floor(scene.open(event=scene.on.event.id))
    day = scene.on.event.local_start - timedelta(days=10)
    wall = day.replace(hour=12, minute=0, second=0, microsecond=0)
    app = own_window(app, True)
    windows(app)[0].set_value(wall)
    app = press(press(app, "Change …"), "Change")
    query = "select sales_open_at at time zone 'Europe/Berlin' from ticket_type where id = :t"
    assert scene.one(query, t=scene.on.standing_type.id)[0] == wall
    press(press(own_window(app, False), "Change …"), "Change")
    assert scene.one(query, t=scene.on.standing_type.id)[0] is None


def test_sales_that_ended_get_a_later_end_and_are_reopened(scene: Scene) -> None:
    with scene.database.transaction() as session:
        ended = "update event set sales_close_at = now() - interval '1 hour', sales_paused_at = now() - interval '2 hours' where id = :e"
        session.execute(text(ended), {"e": scene.on.event.id})
    app = press(press(scene.open(event=scene.on.event.id), "Reopen sales …"), "Reopen sales")
    assert "set a later end first" in app.error[0].value
    close = next(box for box in app.datetime_input if box.label.startswith("Sales close"))
    later = scene.on.event.local_start.replace(second=0, microsecond=0) - timedelta(days=1)
    close.set_value(later)
    app = press(press(app, "Change the window …"), "Change the window")
    end = "select sales_close_at at time zone zone as wall from event where id = :e"
    assert scene.one(end, e=scene.on.event.id).wall == later
    press(press(app, "Reopen sales …"), "Reopen sales")
    assert scene.state().sales_paused_at is None


def test_a_window_that_ends_before_it_begins_names_the_field(scene: Scene) -> None:
    app = choose_floor(scene.open(event=scene.on.event.id))
    start = scene.on.event.local_start.replace(second=0, microsecond=0)
    app = own_window(app, True)
    windows(app)[0].set_value(start - timedelta(days=5))
    windows(app)[1].set_value(start - timedelta(days=6))
    app = press(press(app, "Change …"), "Change")
    assert "sales\\_open\\_at: must be before sales\\_close\\_at" in app.error[0].value


def test_a_block_is_listed_and_released(scene: Scene) -> None:
    with scene.database.transaction() as session:
        block_seats(
            session,
            vendor_ids=[scene.on.vendor.id],
            event_id=scene.on.event.id,
            block_id=new_id(),
            seats=[3, 4],
            section_id=None,
            reason=BlockReason.HOUSE,
            note="Press",
            now=database_now(session),
            actor_id=scene.owner_id,
        )
    app = scene.open(event=scene.on.event.id)
    assert "House · Press · 2 seats" in said(app)
    app = press(press(app, "Release …"), "Release")
    assert "No seats are out of sale." in said(app)
    free = scene.one("select count(*) from event_seat where event_id = :e and state = 'free'", e=scene.on.event.id)[0]
    assert free == scene.on.seats


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("sales_open_at = now() + interval '1 day'", "coming"),
        ("sales_paused_at = now()", "paused"),
        ("status = 'draft', published_at = null", "draft"),
        ("status = 'postponed'", "postponed"),
        ("status = 'completed'", "over"),
        ("starts_at = now() - interval '1 hour'", "on sale"),
        ("starts_at = now() - interval '1 hour', sales_close_at = now() - interval '1 minute'", "over"),
    ],
)
def test_the_list_says_where_an_event_stands(scene: Scene, change: str, state: str) -> None:
    with scene.database.transaction() as session:
        session.execute(text(f"update event set {change} where id = :e"), {"e": scene.on.event.id})
    app = scene.open()
    if state == "over":
        assert "No event is coming." in said(app)
        app.query_params["events"] = "over"
        run(app)
    table = next(element.value for element in app.markdown if "desk-events" in element.value)
    assert f"<span class=desk-state>{state}</span>" in table
    assert "Nocturnes &lt;b&gt;" in table
