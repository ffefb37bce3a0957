"""Sweeping: holds and orders whose time is over are marked so. Sales never depend on it."""

from __future__ import annotations

from dataclasses import dataclass

from ticketing.foundation.db import Connection
from ticketing.inventory.holds import expire_holds
from ticketing.orders.codes import give_back_uses

EXPIRE_ORDERS = """
with due as materialized (
  select id from ticket_order where state = 'pending' and expires_at <= app_now() order by id limit %(limit)s for no key update skip locked
),
expired as (
  update ticket_order o set state = 'expired', ended_at = app_now() from due where o.id = due.id returning o.id
),
lapsed as (
  update order_line l set state = 'lapsed' from due where l.order_id = due.id
),
history as (
  insert into order_event (order_id, kind) select id, 'expired' from expired
)
insert into audit_entry (action, subject_id) select 'order.expired', id from expired returning subject_id
"""

COMPLETE_ORDERS = """
with due as materialized (
  select o.id from ticket_order o
  where o.state = 'confirmed'
    and o.id in (
      select l.order_id from order_line l join event e on e.id = l.event_id
      where e.status = 'completed' and e.starts_at > app_now() - interval '60 days'
    )
    and not exists (
      select from order_line l join event e on e.id = l.event_id where l.order_id = o.id and e.status <> 'completed'
    )
  order by o.id limit %(limit)s for no key update skip locked
),
completed as (
  update ticket_order o set state = 'completed' from due where o.id = due.id returning o.id
),
history as (
  insert into order_event (order_id, kind) select id, 'completed' from completed
)
insert into audit_entry (action, subject_id) select 'order.completed', id from completed
"""

COMPLETE_EVENTS = """
with completed as (
  update event set status = 'completed' where status = 'published' and starts_at <= app_now() - interval '12 hours' returning id
)
insert into audit_entry (action, subject_id) select 'event.completed', id from completed
"""


@dataclass(frozen=True, slots=True)
class SweepRun:
    """What one sweep did; `latest_seconds` is how long after its time the latest hold was expired."""

    holds: int
    orders: int
    events_completed: int
    orders_completed: int
    latest_seconds: float


def sweep(connection: Connection, *, limit: int = 1000) -> SweepRun:
    """Mark up to `limit` due holds and orders as expired, and what has taken place as completed. One transaction."""
    late = expire_holds(connection, limit=limit)
    orders = [row[0] for row in connection.execute(EXPIRE_ORDERS, {"limit": limit})]
    give_back_uses(connection, orders)
    events = connection.execute(COMPLETE_EVENTS).rowcount
    completed = connection.execute(COMPLETE_ORDERS, {"limit": limit}).rowcount
    return SweepRun(
        holds=len(late), orders=len(orders), events_completed=events, orders_completed=completed, latest_seconds=max(late, default=0.0)
    )
