"""From the outbox to deliveries: what happened is written down once, as its vendor is told, for each endpoint that listens.

The outbox's second reader, beside messages: it marks `webhooks_at`. One transaction each time, so a planner may be killed anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from ticketing.foundation.ids import new_id
from ticketing.webhooks_out.rules import MOST_ATTEMPTS, WebhookEventKind
from ticketing.webhooks_out.tables import WebhookDelivery, WebhookEvent


@dataclass(frozen=True, slots=True)
class PlanRun:
    consumed: int
    """Rows of the outbox …"""
    events: int
    """… of which so many are told to somebody …"""
    deliveries: int
    """… by so many deliveries."""


OPEN = """
with open_row as materialized (
  select id, topic, subject_id, payload, created_at from outbox
  where webhooks_at is null and topic in ('order.confirmed', 'order.cancelled', 'event.published')
  order by id limit :limit for no key update skip locked
),
consumed as (
  update outbox o set webhooks_at = :now from open_row r where o.id = r.id
)
select r.id, r.topic, r.subject_id, r.payload, r.created_at, s.vendor_id,
  array(
    select w.id from webhook_endpoint w
    where w.vendor_id = s.vendor_id and w.disabled_at is null and w.removed_at is null and r.topic = any(w.events)
      and w.created_at <= r.created_at
    order by w.id
  ) as endpoint_ids
from open_row r
left join lateral (
  select o.vendor_id from ticket_order o where r.topic like 'order.%' and o.id = r.subject_id
  union all
  select e.vendor_id from event e where r.topic like 'event.%' and e.id = r.subject_id
) s on true
order by r.id
"""

ORDERS = """
select o.id as order_id, o.code, o.currency, o.subtotal_minor, o.discount_minor, o.fee_minor, o.tax_minor, o.total_minor, o.placed_at,
  o.confirmed_at, o.ended_at
from ticket_order o where o.id = any(:orders)
"""

LINES = """
select order_id, id as line_id, event_id, ticket_type_id, seat_no, price_minor, discount_minor, fee_minor, tax_minor
from order_line where order_id = any(:orders) order by order_id, line_no
"""

EVENTS = """
select id as event_id, title, category, venue_id, starts_at, zone, currency, sales_open_at, sales_close_at
from event where id = any(:events)
"""


def plan_deliveries(session: Session, *, limit: int = 1000, now: datetime) -> PlanRun:
    """Turn up to `limit` outbox rows into deliveries. Any number of planners may run at once."""
    rows = session.execute(text(OPEN), {"limit": limit, "now": now}).all()
    heard = [row for row in rows if row.endpoint_ids]
    if not heard:
        return PlanRun(consumed=len(rows), events=0, deliveries=0)
    facts = _facts(session, heard)
    events, deliveries = [], []
    for row in heard:
        event_id = new_id()
        events.append(
            {
                "id": event_id,
                "vendor_id": row.vendor_id,
                "outbox_id": row.id,
                "kind": WebhookEventKind(row.topic),
                "subject_id": row.subject_id,
                "body": _body(row, facts[row.subject_id]),
            }
        )
        deliveries += [
            {
                "id": new_id(),
                "vendor_id": row.vendor_id,
                "endpoint_id": endpoint_id,
                "event_id": event_id,
                "attempts_left": MOST_ATTEMPTS,
                "next_try_at": now,
            }
            for endpoint_id in row.endpoint_ids
        ]
    session.execute(insert(WebhookEvent), events)
    session.execute(insert(WebhookDelivery), deliveries)
    return PlanRun(consumed=len(rows), events=len(events), deliveries=len(deliveries))


def _facts(session: Session, rows: Sequence[Any]) -> dict[UUID, dict[str, Any]]:
    """By subject: the order with its lines, or the event."""
    orders = {"orders": [row.subject_id for row in rows if row.topic.startswith("order.")]}
    events = {"events": [row.subject_id for row in rows if row.topic.startswith("event.")]}
    found = {row["order_id"]: {**row, "lines": []} for row in session.execute(text(ORDERS), orders).mappings()}
    for line in session.execute(text(LINES), orders).mappings():
        found[line["order_id"]]["lines"].append({name: value for name, value in line.items() if name != "order_id"})
    return found | {row["event_id"]: dict(row) for row in session.execute(text(EVENTS), events).mappings()}


def _body(row: Any, facts: Mapping[str, Any]) -> str:
    """What is sent. No buyer, no contact, nothing of another vendor."""
    data = dict(facts)
    if row.topic == WebhookEventKind.ORDER_CONFIRMED:
        data.pop("ended_at")
    elif row.topic == WebhookEventKind.ORDER_CANCELLED:
        data["refund_minor"] = row.payload.get("refund_minor", 0)
    return orjson.dumps({"type": row.topic, "timestamp": row.created_at, "data": data}, option=orjson.OPT_UTC_Z).decode()
