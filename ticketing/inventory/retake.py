"""Taking the places of an order for good, whether its holds still live or not.

Used when money arrives outside the usual case. For each hold of the order: if it lives, its places become sold; if it has
ended, its places are claimed again straight to sold, when they are free, the event stands and the buyer's cap allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.inventory.holds import end_holds
from ticketing.inventory.rules import HoldState

LOCK_SEATS = """
select es.seat_no from event_seat es
where es.event_id = %(event)s and es.seat_no = any(%(seats)s)
  and (es.state = 'free' or (es.state = 'held' and (es.held_until <= app_now() or es.hold_id = any(%(holds)s))))
order by es.seat_no for no key update
"""

TAKE_SEATS = """
update event_seat es set state = 'sold', held_until = null, hold_id = t.hold_id, ticket_id = t.ticket_id
from unnest(%(seats)s::int[], %(holds)s::uuid[], %(tickets)s::uuid[]) as t(seat_no, hold_id, ticket_id)
where es.event_id = %(event)s and es.seat_no = t.seat_no
"""

TAKE_ALLOWANCE = """
insert into buyer_allowance as a (event_id, buyer_id, taken, allowed)
select id, %(buyer)s, %(quantity)s, max_per_buyer from event where id = %(event)s and max_per_buyer >= %(quantity)s
on conflict (event_id, buyer_id) do update set taken = a.taken + excluded.taken, allowed = excluded.allowed
  where a.taken + excluded.taken <= excluded.allowed
"""


class PlacesGone(Exception):
    """Some place can't be had any more."""


def retake_places(connection: Connection, *, order_id: UUID, buyer_id: UUID, lines: Sequence[Any]) -> bool | None:
    """Make the places of `lines` sold (each has id, hold_id, event_id, seat_no, pool_id, ticket_id).

    True: at least one hold had ended and its places were claimed again; False: all holds lived; None: they can't all be
    had, and nothing was changed.
    """
    try:
        with connection.transaction():
            return _retake(connection, order_id=order_id, buyer_id=buyer_id, lines=lines)
    except PlacesGone:
        return None


def _retake(connection: Connection, *, order_id: UUID, buyer_id: UUID, lines: Sequence[Any]) -> bool:
    hold_ids = sorted({line.hold_id for line in lines})
    holds = connection.execute(
        "select id, state, expires_at > app_now() from hold where id = any(%s) and order_id = %s order by id for no key update",
        [hold_ids, order_id],
    ).fetchall()
    living = {hold for hold, state, in_time in holds if state == HoldState.ACTIVE and in_time}
    overdue = [hold for hold, state, in_time in holds if state == HoldState.ACTIVE and not in_time]
    end_holds(connection, hold_ids=overdue, state=HoldState.EXPIRED)
    for event_id in sorted({line.event_id for line in lines}):
        mine = [line for line in lines if line.event_id == event_id]
        _take_event(connection, event_id=event_id, buyer_id=buyer_id, lines=mine, living=living)
    connection.execute("update hold set state = 'converted', ended_at = app_now() where id = any(%s)", [sorted(living)])
    return len(living) < len(hold_ids)


def _take_event(connection: Connection, *, event_id: UUID, buyer_id: UUID, lines: Sequence[Any], living: set[UUID]) -> None:
    anew = [line for line in lines if line.hold_id not in living]
    if anew:
        standing = connection.execute("select 1 from event where id = %s and status = 'published'", [event_id]).fetchone()
        if standing is None:
            raise PlacesGone
    seats = [line for line in lines if line.seat_no is not None]
    if seats:
        numbers = [line.seat_no for line in seats]
        locked = connection.execute(LOCK_SEATS, {"event": event_id, "seats": numbers, "holds": sorted(living)}).fetchall()
        if len(locked) != len(seats):
            raise PlacesGone
        holds, tickets = [line.hold_id for line in seats], [line.ticket_id for line in seats]
        connection.execute(TAKE_SEATS, {"event": event_id, "seats": numbers, "holds": holds, "tickets": tickets})
    if anew and connection.execute(TAKE_ALLOWANCE, {"event": event_id, "buyer": buyer_id, "quantity": len(anew)}).rowcount != 1:
        raise PlacesGone
    for pool_id in sorted({line.pool_id for line in lines if line.pool_id is not None}):
        mine = [line for line in lines if line.pool_id == pool_id]
        held = sum(line.hold_id in living for line in mine)
        taken = connection.execute(
            "update pool set held = held - %s, sold = sold + %s where id = %s and sold + held + %s <= capacity",
            [held, len(mine), pool_id, len(mine) - held],
        )
        if taken.rowcount != 1:
            raise PlacesGone
