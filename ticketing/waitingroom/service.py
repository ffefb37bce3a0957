"""The waiting room as vendors and ops set it, and a place in it as its buyer sees it."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.catalog.lookup import find_vendor_of_event
from ticketing.foundation.errors import Conflict, NotFound
from ticketing.waitingroom.rules import EntryState
from ticketing.waitingroom.tables import Queue, QueueEntry

SEED_BYTES = 32


class QueueNotFound(NotFound):
    """The event has no waiting room, or is another vendor's."""


class QueueHasOpened(Conflict):
    """Places were drawn already: the opening can't be moved any more."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    opens_at: datetime
    most_shoppers: int
    grace_seconds: int
    shopping_seconds: int
    per_minute: int | None


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue as those see it who run it."""

    event_id: UUID
    opens_at: datetime
    most_shoppers: int
    grace_seconds: int
    shopping_seconds: int
    per_minute: int | None
    paused_at: datetime | None
    drawn_at: datetime | None
    admitted_upto: int
    waiting: int
    admitted: int
    shopping: int
    done: int
    lapsed: int
    left: int


def set_queue(session: Session, *, vendor_ids: Collection[UUID], event_id: UUID, settings: QueueSettings, actor_id: UUID) -> QueueView:
    """Give an event a waiting room, or change how it lets people in. Raises `QueueNotFound`, `QueueHasOpened`."""
    vendor_id = find_vendor_of_event(session, event_id=event_id)
    if vendor_id is None or vendor_id not in vendor_ids:
        raise QueueNotFound("There is no such event.", event_id=event_id)
    queue = session.execute(select(Queue).where(Queue.event_id == event_id).with_for_update()).scalar_one_or_none()
    if queue is None:
        queue = Queue(event_id=event_id, vendor_id=vendor_id, seed=secrets.token_bytes(SEED_BYTES))
        session.add(queue)
    elif queue.drawn_at is not None and queue.opens_at != settings.opens_at:
        raise QueueHasOpened("This queue has opened: its opening can't be moved.", event_id=event_id)
    queue.opens_at = settings.opens_at
    queue.most_shoppers = settings.most_shoppers
    queue.grace_seconds = settings.grace_seconds
    queue.shopping_seconds = settings.shopping_seconds
    queue.per_minute = settings.per_minute
    session.flush()
    record(session, actor_id=actor_id, action="queue.set", subject_id=event_id)
    return _view(session, event_id)


def pause_queue(
    session: Session, *, vendor_ids: Collection[UUID], event_id: UUID, paused: bool, actor_id: UUID, now: datetime
) -> QueueView:
    """Let nobody in for a while, or go on; those inside stay. Raises `QueueNotFound`."""
    changed = update(Queue).where(Queue.event_id == event_id, Queue.vendor_id.in_(vendor_ids))
    values = {"paused_at": func.coalesce(Queue.paused_at, now) if paused else None}
    if session.execute(changed.values(values)).rowcount != 1:  # type: ignore[attr-defined]
        raise QueueNotFound("This event has no waiting room.", event_id=event_id)
    record(session, actor_id=actor_id, action="queue.paused" if paused else "queue.resumed", subject_id=event_id)
    return _view(session, event_id)


def read_queue(session: Session, *, vendor_ids: Collection[UUID], event_id: UUID) -> QueueView:
    """Settings and numbers. Raises `QueueNotFound`."""
    if session.execute(select(Queue.event_id).where(Queue.event_id == event_id, Queue.vendor_id.in_(vendor_ids))).first() is None:
        raise QueueNotFound("This event has no waiting room.", event_id=event_id)
    return _view(session, event_id)


def _view(session: Session, event_id: UUID) -> QueueView:
    queue = session.execute(select(Queue).where(Queue.event_id == event_id).execution_options(populate_existing=True)).scalar_one()
    counted = session.execute(select(QueueEntry.state, func.count()).where(QueueEntry.event_id == event_id).group_by(QueueEntry.state))
    states = dict(counted.tuples().all())
    return QueueView(
        event_id=event_id,
        opens_at=queue.opens_at,
        most_shoppers=queue.most_shoppers,
        grace_seconds=queue.grace_seconds,
        shopping_seconds=queue.shopping_seconds,
        per_minute=queue.per_minute,
        paused_at=queue.paused_at,
        drawn_at=queue.drawn_at,
        admitted_upto=queue.admitted_upto,
        **{state.value: states.get(state, 0) for state in EntryState},
    )


def leave_queue(session: Session, *, entry_id: UUID) -> None:
    """Give the place up: the next in line gets the turn. Who has left already, or has bought, is left as they are."""
    staying = (EntryState.WAITING, EntryState.ADMITTED, EntryState.SHOPPING)
    left = session.execute(
        update(QueueEntry)
        .where(QueueEntry.id == entry_id, QueueEntry.state.in_(staying))
        .values(state=EntryState.LEFT)
        .returning(QueueEntry.buyer_id)
    ).scalar_one_or_none()
    if left is not None:
        record(session, actor_id=left, action="queue.left", subject_id=entry_id)
