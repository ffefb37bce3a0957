"""Plans are applied while people buy and cancel: nobody loses a seat, nobody gets one twice."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.app.test_api import problem
from tests.venues.conftest import Office
from tests.venues.halls import hall
from ticketing.foundation.db import Role as DatabaseRole
from ticketing.foundation.errors import TicketingError
from ticketing.orders.read import OrderView

SHAPES = ({"A": 6, "B": 6, "C": 6, "D": 6}, {"B": 6, "C": 6, "D": 6, "E": 6}, {"A": 6, "C": 6, "D": 6, "E": 6})
BUYERS = 4
MOST_ROUNDS = 12
ENOUGH = 3
"""Applied plans."""


def seats_in_layout(office: Office, event: str) -> dict[str, int]:
    with office.database.transaction(DatabaseRole.READER) as session:
        sql = "select ls.guid, ls.seat_no from event e join layout_seat ls on ls.layout_id = e.layout_id where e.id = :e"
        return dict(session.execute(text(sql), {"e": event}).tuples().all())


def shop(office: Office, event: str, seed: int, over: threading.Event) -> tuple[int, int]:
    """Buy one or two seats at a time, and cancel some; (bought, cancelled)."""
    chance = random.Random(seed)
    bought: list[OrderView] = []
    cancelled = 0
    while not over.is_set():
        guid = f"{chance.choice('ABCDE')}{chance.randint(1, 5)}"
        wanted = [guid, f"{guid[0]}{int(guid[1]) + 1}"][: chance.randint(1, 2)]
        try:
            if bought and chance.random() < 0.6:
                order = bought.pop(0)
                cancel = office.booking.cancel_order(order_id=order.id, buyer_id=order.buyer_id, key=uuid4().hex, digest=b"")
                office.booking.wait(cancel)
                cancelled += 1
            numbers = seats_in_layout(office, event)
            if all(guid in numbers for guid in wanted):
                bought.append(office.sell(event, *wanted))
        except TicketingError:
            pass  # taken, or the layout has just changed
    return len(bought) + cancelled, cancelled


def test_sales_and_plans_at_once_leave_nothing_that_contradicts(office: Office) -> None:
    configuration = office.configuration()
    event = office.event(office.publish(configuration, hall(SHAPES[0]))["layout"]["id"])
    over = threading.Event()
    outcomes: dict[str, int] = {}
    with ThreadPoolExecutor(BUYERS) as pool:
        shopping = [pool.submit(shop, office, event, seed, over) for seed in range(BUYERS)]
        try:
            for round_ in range(1, MOST_ROUNDS + 1):
                office.publish(configuration, hall(SHAPES[round_ % 3]))
                for _ in range(6):
                    plan = office.ask("POST", f"/api/events/{event}/reseatings")
                    if plan.status_code == 409:
                        break
                    answer = office.apply(plan.json()["id"])
                    outcome = "applied" if answer.is_success else answer.json()["type"].rpartition("/")[2]
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1
                    assert answer.status_code in (200, 409, 503), answer.text
                    if answer.is_success:
                        break
                if outcomes.get("applied", 0) >= ENOUGH:
                    break
        finally:
            over.set()
    done = [future.result() for future in shopping]
    office.check()
    assert outcomes["applied"] > 0
    assert sum(bought for bought, _ in done) > BUYERS
    assert sum(cancelled for _, cancelled in done) > 0
    with office.database.transaction(DatabaseRole.READER) as session:
        lost = session.execute(
            text(
                "select count(*) from ticket t join event e on e.id = t.event_id where t.event_id = :e and t.state = 'valid' and not exists"
                " (select from layout_seat ls where ls.layout_id = e.layout_id and ls.seat_no = t.seat_no)"
            ),
            {"e": UUID(event)},
        ).scalar_one()
    assert lost == 0


def test_an_order_that_is_just_being_changed_is_waited_for(office: Office) -> None:
    """Cancelling locks the order, then looks where its seats are: they must not move in between."""
    configuration = office.configuration()
    event = office.event(office.publish(configuration, hall(SHAPES[0]))["layout"]["id"])
    order = office.sell(event, "A1")
    office.publish(configuration, hall(SHAPES[1]))
    plan = office.plan_of(event)["id"]
    with ThreadPoolExecutor(1) as pool, office.database.connect() as cancelling:
        cancelling.execute("select 1 from ticket_order where id = %s for no key update", [order.id])
        applying = pool.submit(office.apply, plan)
        with pytest.raises(StillWaiting):
            applying.result(timeout=0.8)
        cancelling.rollback()
        assert applying.result(timeout=20).status_code == 200
    assert office.seats_of(order) != ["A1"]
    office.check()


def test_a_plan_that_never_gets_its_locks_says_so(office: Office) -> None:
    configuration = office.configuration()
    event = office.event(office.publish(configuration, hall(SHAPES[0]))["layout"]["id"])
    office.publish(configuration, hall(SHAPES[1]))
    plan = office.plan_of(event)["id"]
    with office.database.connect() as selling:
        selling.execute("select 1 from event_seat where event_id = %s and seat_no = 0 for no key update", [event])
        answer = office.apply(plan)
        selling.rollback()
    problem(answer, 503, "event-busy")
    assert "Retry-After" in answer.headers
    assert office.apply(plan).status_code == 200
    office.check()
