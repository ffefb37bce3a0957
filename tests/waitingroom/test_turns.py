"""Who is let in, when, and in what order."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.buying import captured, start_payment
from tests.waitingroom.conftest import Room
from ticketing.foundation.errors import TicketingError
from ticketing.orders.admission import NotYourTurn, OneHoldAtATime
from ticketing.orders.booking import Booking
from ticketing.orders.rules import Channel
from ticketing.waitingroom import service
from ticketing.waitingroom.enter import NoQueue


def test_places_are_drawn_by_lot_when_buyers_come_before_the_opening(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(-600)
    early = [room.enter(buyer) for buyer in buyers[:20]]
    assert {place.position for place in early} == {None}
    room.at(1)
    late = [room.enter(buyer) for buyer in buyers[20:24]]
    assert [place.position for place in late] == [21, 22, 23, 24]
    positions = room.positions()
    assert sorted(positions[buyer] for buyer in buyers[:20]) == list(range(1, 21))
    (seed,) = room.connection.execute("select seed from queue").fetchone() or (b"",)
    lot = sorted(range(20), key=lambda i: hashlib.sha256(seed + early[i].entry_id.bytes).digest())
    assert [positions[buyers[i]] for i in lot] == list(range(1, 21))
    assert lot != list(range(20))


def test_same_place_when_a_buyer_enters_again(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(5)
    first = room.enter(buyers[0])
    room.enter(buyers[1])
    assert room.enter(buyers[0]) == first


def test_entering_is_refused_when_the_event_has_no_queue(room: Room, buyers: list[UUID]) -> None:
    with pytest.raises(NoQueue):
        room.enter(buyers[0])


def test_nobody_is_let_in_before_the_opening(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(-5)
    room.enter(buyers[0])
    assert room.advance().admitted_upto == 0
    with pytest.raises(NotYourTurn):
        room.hold(buyers[0], 1)


def test_turns_go_in_order_and_never_above_the_cap(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=3)
    room.at(1)
    for buyer in buyers[:8]:
        room.enter(buyer)
    assert room.advance().admitted_now == 3
    assert room.inside() == set(buyers[:3])
    assert room.advance().admitted_now == 0
    with pytest.raises(NotYourTurn):
        room.hold(buyers[3], 3)
    room.hold(buyers[1], 1)
    room.at(62)  # the turns of 0 and 2 are over, unused
    assert room.advance().admitted_now == 2
    assert room.inside() == {buyers[1], buyers[3], buyers[4]}
    with pytest.raises(NotYourTurn):
        room.hold(buyers[0], 0)


def test_a_place_is_given_anew_at_the_end_when_a_turn_was_missed(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=1)
    room.at(1)
    room.enter(buyers[0])
    room.enter(buyers[1])
    room.advance()
    room.at(100)
    room.advance()
    assert room.enter(buyers[0]).position == 3
    assert room.inside() == {buyers[1]}


def test_one_hold_at_a_time_when_it_is_a_buyers_turn(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(1)
    room.enter(buyers[0])
    room.advance()
    first = room.hold(buyers[0], 1, key="k")
    assert room.hold(buyers[0], 1, key="k").replayed
    with pytest.raises(OneHoldAtATime):
        room.hold(buyers[0], 2)
    room.booking.wait(room.booking.release_hold(hold_id=first.id, buyer_id=buyers[0]))
    assert room.hold(buyers[0], 2).id != first.id


def test_the_turn_is_kept_when_a_hold_fails(room: Room, buyers: list[UUID]) -> None:
    room.open()
    room.at(1)
    room.enter(buyers[0])
    room.advance()
    with pytest.raises(TicketingError, match="no such seat"):
        room.hold(buyers[0], 999_999)
    assert room.states()[buyers[0]] == "admitted"
    assert [line.seat_no for line in room.hold(buyers[0], 2).lines] == [2]


def test_next_is_let_in_when_somebody_has_bought(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=1)
    room.at(1)
    room.enter(buyers[0])
    room.enter(buyers[1])
    room.advance()
    hold = room.hold(buyers[0], 1)
    place = room.booking.place_order(hold_ids=[hold.id], buyer_id=buyers[0], key="o", digest=b"", channel=Channel.WEB)
    payment = start_payment(room.booking, room.booking.wait(place))
    assert room.advance().admitted_now == 0
    room.booking.wait(room.booking.settle(captured(payment)))
    assert room.advance().admitted_now == 1
    assert room.states() == {buyers[0]: "done", buyers[1]: "admitted"}


def test_nobody_is_let_in_for_a_buyer_whose_hold_outlives_the_turn(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=1, shopping_seconds=60)
    room.at(1)
    room.enter(buyers[0])
    room.enter(buyers[1])
    room.advance()
    room.hold(buyers[0], 1)
    room.at(120)
    assert room.advance().admitted_now == 0
    with pytest.raises(NotYourTurn):
        room.hold(buyers[0], 2)
    room.at(700)  # the hold is over, too
    assert room.advance().admitted_now == 1


def test_nobody_is_let_in_when_paused_or_nothing_is_free(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=2)
    room.at(1)
    room.enter(buyers[0])
    with room.database.transaction() as session:
        now = room.database.clock
        assert now is not None
        service.pause_queue(
            session, vendor_ids=[room.sale.vendor.id], event_id=room.sale.event.id, paused=True, actor_id=buyers[0], now=now
        )
    assert room.advance().admitted_now == 0
    with room.database.transaction() as session:
        service.pause_queue(
            session, vendor_ids=[room.sale.vendor.id], event_id=room.sale.event.id, paused=False, actor_id=buyers[0], now=now
        )
    room.connection.execute("update event_seat set state = 'blocked' where state = 'free'")
    room.connection.execute("update pool set sold = capacity")
    assert room.advance().admitted_now == 0
    room.connection.execute("update pool set sold = capacity - 1")
    assert room.advance().admitted_now == 1


def test_pace_is_kept_when_the_queue_has_one(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=40, per_minute=60)
    room.at(0.5)
    for buyer in buyers:
        room.enter(buyer)
    admitted = []
    for second in range(1, 21):
        room.at(second)
        admitted.append(room.advance().admitted_now)
    assert sum(admitted) == 20
    assert max(admitted) == 1
    room.at(60)
    assert room.advance().admitted_now == 5  # what a pause has saved up is bounded


def test_leaving_gives_the_turn_to_the_next(room: Room, buyers: list[UUID]) -> None:
    room.open(most_shoppers=1)
    room.at(1)
    places = [room.enter(buyer) for buyer in buyers[:3]]
    room.advance()
    with room.database.transaction() as session:
        service.leave_queue(session, entry_id=places[0].entry_id)
        service.leave_queue(session, entry_id=places[1].entry_id)
    room.advance()
    assert room.states() == {buyers[0]: "left", buyers[1]: "left", buyers[2]: "admitted"}


def test_one_hold_when_two_processes_hold_for_one_shopper_at_once(room: Room, buyers: list[UUID]) -> None:
    other = Booking(room.database, providers={})
    other.start()
    try:
        room.open(most_shoppers=20)
        room.at(1)
        for buyer in buyers[:20]:
            room.enter(buyer)
        room.advance()

        def attempt(number: int) -> bool:
            booking, buyer = (room.booking, other)[number % 2], buyers[number // 2]
            try:
                booking.wait(booking.hold(event_id=room.sale.event.id, buyer_id=buyer, key=f"k{number}", digest=b"", seats=[number]))
            except OneHoldAtATime:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(attempt, range(40)))
    finally:
        other.stop()
    assert [sum(won[2 * i : 2 * i + 2]) for i in range(20)] == [1] * 20
