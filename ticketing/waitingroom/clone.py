"""Cloning an event with its waiting room."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.changes import EventSetup, read_own_event
from ticketing.inventory.clone import OtherNight, clone_event
from ticketing.waitingroom.service import SEED_BYTES
from ticketing.waitingroom.tables import Queue


def clone_night(
    session: Session, *, vendor_ids: Sequence[UUID], event_id: UUID, night: OtherNight, now: datetime, actor_id: UUID
) -> EventSetup:
    """A draft like the event, with a waiting room if it has one: it opens as long before the sales as the original's did.

    The lot is drawn anew; nobody is in the queue. Raises as `clone_event` does.
    """
    cloned = clone_event(session, vendor_ids=vendor_ids, event_id=event_id, night=night, now=now, actor_id=actor_id)
    queue = session.execute(select(Queue).where(Queue.event_id == event_id)).scalar_one_or_none()
    if queue is not None:
        session.add(
            Queue(
                event_id=cloned.event_id,
                vendor_id=cloned.vendor_id,
                seed=secrets.token_bytes(SEED_BYTES),
                opens_at=cloned.sales_open_at + (queue.opens_at - cloned.original_sales_open_at),
                most_shoppers=queue.most_shoppers,
                grace_seconds=queue.grace_seconds,
                shopping_seconds=queue.shopping_seconds,
                per_minute=queue.per_minute,
            )
        )
        session.flush()
        record(session, actor_id=actor_id, action="queue.set", subject_id=cloned.event_id)
    return read_own_event(session, vendor_ids=vendor_ids, event_id=cloned.event_id)
