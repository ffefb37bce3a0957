"""Seats are taken out of sale and released, all or none, whoever else wants them at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

from httpx import Response
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.buying import buy
from tests.inventory.test_vendor_routes import Office, office
from ticketing.foundation.errors import TicketingError
from ticketing.invariants.runner import run_all
from ticketing.inventory.claim import SeatsTaken
from ticketing.inventory.holds import HoldView

__all__ = ["office"]


def block(office: Office, body: Any, *, event: Any = None, key: str | None = None, who: str | None = None) -> Response:
    headers = {"Authorization": f"Bearer {who or office.manager}", "Idempotency-Key": key or uuid4().hex}
    path = f"/api/events/{event or office.sale.event.id}/blocks"
    answer: Response = office.client.post(path, json={"reason": "house"} | body, headers=headers)
    return answer


def release(office: Office, suffix: str, *, who: str | None = None) -> Response:
    return office.ask("DELETE", f"/api/events/{office.sale.event.id}/blocks{suffix}", who=who)


def buyer(office: Office) -> UUID:
    with office.database.transaction() as session:
        return factories.make_buyer(session).id


def hold(office: Office, *seats: int) -> HoldView | TicketingError:
    work = office.booking.hold(event_id=office.sale.event.id, buyer_id=buyer(office), key=uuid4().hex, digest=b"", seats=seats)
    try:
        return office.booking.wait(work)
    except TicketingError as error:
        return error


def rows(office: Office, sql: str) -> list[Any]:
    with office.database.transaction() as session:
        return list(session.execute(text(sql)).all())


def verified(office: Office) -> None:
    assert [result for result in run_all(office.database) if result.broken] == []


def test_blocked_seats_are_not_sold_and_released_ones_are(office: Office) -> None:
    made = block(office, {"seats": [3, 1, 2], "reason": "house", "note": "Press"})
    assert made.status_code == 201
    view = made.json()
    assert (view["seats"], view["reason"], view["note"]) == ([1, 2, 3], "house", "Press")
    assert office.ask("GET", f"/api/events/{office.sale.event.id}/blocks").json() == {"blocks": [view]}
    assert isinstance(hold(office, 2), SeatsTaken)
    best = office.booking.hold_best(event_id=office.sale.event.id, buyer_id=buyer(office), key="b", digest=b"", quantity=5)
    assert not {line.seat_no for line in office.booking.wait(best).lines} & {1, 2, 3}
    assert release(office, "?seats=2").status_code == 204
    assert isinstance(hold(office, 2), HoldView)
    verified(office)
    assert release(office, f"/{view['id']}").status_code == 204
    assert isinstance(hold(office, 1, 3), HoldView)
    problem(release(office, f"/{view['id']}"), 404, "block-not-found")
    assert office.ask("GET", f"/api/events/{office.sale.event.id}/blocks").json() == {"blocks": []}
    assert rows(office, "select action, count(*) from audit_entry where action like 'event.seats%' group by 1 order by 1") == [
        ("event.seats_blocked", 1),
        ("event.seats_released", 2),
    ]
    verified(office)


def test_taken_seats_are_listed_and_nothing_is_blocked(office: Office) -> None:
    buy(office.booking, office.sale, buyer(office), seats=[1])
    assert isinstance(hold(office, 2), HoldView)
    block(office, {"seats": [3]})
    assert problem(block(office, {"seats": [0, 1, 2, 3, 4]}), 409, "seats-taken")["seats"] == [1, 2, 3]
    assert problem(block(office, {"seats": [0, 700]}), 404, "seat-not-found")["seats"] == [700]
    assert rows(office, "select seat_no from event_seat where state = 'blocked'") == [(3,)]
    assert problem(release(office, "?seats=3&seats=4"), 409, "seats-not-blocked")["seats"] == [4]
    assert rows(office, "select seat_no from event_seat where state = 'blocked'") == [(3,)]
    verified(office)


def test_a_seat_whose_hold_has_run_out_is_blocked(office: Office) -> None:
    assert isinstance(hold(office, 7), HoldView)
    with office.database.transaction() as session:
        session.execute(text("update hold set expires_at = now() - interval '1 second'"))
        session.execute(text("update event_seat set held_until = now() - interval '1 second' where state = 'held'"))
    assert block(office, {"seats": [7], "reason": "killed"}).status_code == 201
    assert rows(office, "select state, block_reason, hold_id from event_seat where seat_no = 7") == [("blocked", "killed", None)]
    verified(office)


def test_a_whole_section_is_blocked(office: Office) -> None:
    sections = office.client.get(f"/api/events/{office.sale.event.id}/seats").json()["sections"]
    stalls, floor = sections[0]["section_id"], sections[1]["section_id"]
    assert len(block(office, {"section_id": stalls, "reason": "production"}).json()["seats"]) == 50
    types = office.client.get(f"/api/events/{office.sale.event.id}/tickets").json()["ticket_types"]
    assert [(t["name"], t["available"]) for t in types] == [("Stalls", 0), ("Floor", 100)]
    problem(block(office, {"section_id": floor}), 404, "section-not-found")
    problem(block(office, {"section_id": str(uuid4())}), 404, "section-not-found")


def test_a_draft_is_blocked_before_it_is_published_and_a_clone_is_blocked_alike(office: Office) -> None:
    draft = office.make()
    made = block(office, {"seats": [0, 1], "reason": "companion"}, event=draft["id"])
    assert made.status_code == 201, made.text
    assert office.ask("POST", f"/api/events/{draft['id']}/publish").status_code == 200
    clone = office.ask("POST", f"/api/events/{draft['id']}/clone", {"local_start": "2031-05-02T19:30:00"}).json()
    for event in (draft, clone):
        blocked = f"select seat_no, block_reason from event_seat where event_id = '{event['id']}' and state = 'blocked' order by 1"
        assert rows(office, blocked) == [(0, "companion"), (1, "companion")]
    assert len(office.ask("GET", f"/api/events/{clone['id']}/blocks").json()["blocks"]) == 1
    verified(office)
    problem(block(office, {"seats": [0]}, event=office.make(prices=[])["id"]), 409, "event-incomplete")


def test_blocking_and_holding_never_have_the_same_seat(office: Office) -> None:
    """Buyers hold every seat one by one while the office blocks them in fives: each seat goes to one of them."""
    people = [buyer(office) for _ in range(50)]
    booking, event = office.booking, office.sale.event.id

    def take(seat: int) -> int:
        try:
            booking.wait(booking.hold(event_id=event, buyer_id=people[seat], key=str(seat), digest=b"", seats=[seat]))
        except SeatsTaken:
            return 0
        return 1

    def close(first: int) -> int:
        answer = block(office, {"seats": list(range(first, first + 5))})
        assert answer.status_code in (201, 409), answer.text
        return 5 if answer.status_code == 201 else 0

    with ThreadPoolExecutor(10) as pool:
        works = [pool.submit(close, seat) if seat % 5 == 0 else pool.submit(take, seat) for seat in reversed(range(50))]
        works += [pool.submit(take, seat) for seat in range(0, 50, 5)]
        results = [work.result() for work in works]
    states = dict(rows(office, "select state, count(*) from event_seat group by state"))
    assert sum(results) == states.get("held", 0) + states.get("blocked", 0) > 0
    assert states.get("blocked", 0) % 5 == 0
    verified(office)


def test_the_same_request_twice_blocks_once(office: Office) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: block(office, {"seats": [8, 9]}, key="same"), range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 1
    problem(block(office, {"seats": [8]}, key="same"), 422, "idempotency-key-reused")
    missing = office.ask("POST", f"/api/events/{office.sale.event.id}/blocks", {"seats": [1], "reason": "house"})
    problem(missing, 400, "idempotency-key-missing")


def test_killed_seats_are_no_capacity_and_analytics_hears_of_it(office: Office) -> None:
    stamp = f"select changed_xid::text::bigint from ticket_type where id = '{office.sale.seated_type.id}'"
    ((before,),) = rows(office, stamp)
    made = block(office, {"seats": [0], "reason": "killed"}).json()
    ((killed,),) = rows(office, stamp)
    release(office, f"/{made['id']}")
    ((after,),) = rows(office, stamp)
    assert before < killed < after


def test_bodies_that_can_not_be_and_strangers_are_refused(office: Office) -> None:
    wrong: list[dict[str, Any]] = [
        {"seats": []},
        {"seats": [1, 1]},
        {"seats": [-1]},
        {"seats": [1], "section_id": str(uuid4())},
        {"seats": [1], "reason": "rain"},
        {"seats": [1], "note": "a\x00b"},
        {"seats": [2**31]},
    ]
    for body in wrong:
        answer = block(office, body)
        assert (answer.status_code, bool(answer.json()["fields"])) == (422, True), body
    problem(block(office, {"seats": [1]}, who=office.stranger), 404, "event-unknown")
    made = block(office, {"seats": [1]}).json()
    for suffix in (f"/{made['id']}", "?seats=1"):
        problem(release(office, suffix, who=office.stranger), 404, "event-unknown")
    problem(release(office, ""), 422, "invalid")
    with office.database.transaction() as session:
        session.execute(text("update event set status = 'cancelled'"))
    problem(block(office, {"seats": [5]}), 409, "event-fixed")
