"""A vendor's endpoints and their deliveries: add, look, rotate the secret, enable, remove, replay.

All of it runs in transactions of the role `vendor`: other vendors' rows are not there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.errors import Conflict, NotFound
from ticketing.foundation.states import advance
from ticketing.webhooks_out.rules import (
    MOST_ATTEMPTS,
    REPLAYED,
    SECRET_OVERLAP,
    DeliveryState,
    WebhookEventKind,
    secret_bytes,
    secret_text,
)
from ticketing.webhooks_out.tables import WebhookDelivery, WebhookEndpoint

MOST_ENDPOINTS = 10
"""Of one vendor."""


class WebhookNotFound(NotFound):
    """No such endpoint, or another vendor's."""


class DeliveryNotFound(NotFound):
    """No such delivery of this endpoint."""


class TooManyWebhooks(Conflict):
    """The vendor has as many endpoints as it may have."""


class WebhookDisabled(Conflict):
    """Nothing is sent to this endpoint until it is enabled again."""


@dataclass(frozen=True, slots=True)
class EndpointView:
    id: UUID
    vendor_id: UUID
    url: str
    events: list[str]
    active: bool
    disabled_at: datetime | None
    """After several deliveries in a row were given up."""
    failures_in_row: int
    previous_secret_until: datetime | None
    created_at: datetime
    secret: str | None = None
    """Only in the answer that made it."""


@dataclass(frozen=True, slots=True)
class EndpointList:
    webhooks: list[EndpointView]


@dataclass(frozen=True, slots=True)
class AttemptView:
    attempt: int
    started_at: datetime
    status: int | None
    duration_ms: int | None
    answer: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    id: UUID
    webhook_id: UUID
    event_id: UUID
    """The header `Webhook-Id`."""
    event: WebhookEventKind
    subject_id: UUID
    state: DeliveryState
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None
    log: list[AttemptView]


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: list[DeliveryView]
    next_cursor: UUID | None


def add_endpoint(
    session: Session,
    *,
    vendor_id: UUID,
    url: str,
    events: Collection[WebhookEventKind],
    actor_id: UUID,
    key: bytes,
    now: datetime,
) -> EndpointView:
    """A new endpoint with its secret; `url` has been checked. Raises `TooManyWebhooks`."""
    session.execute(text("select pg_advisory_xact_lock(hashtextextended('webhooks:' || :vendor, 0))"), {"vendor": str(vendor_id)})
    living = select(func.count()).where(WebhookEndpoint.vendor_id == vendor_id, WebhookEndpoint.removed_at.is_(None))
    if session.execute(living).scalar_one() >= MOST_ENDPOINTS:
        raise TooManyWebhooks(f"A vendor may have {MOST_ENDPOINTS} webhooks: remove one first.", vendor_id=vendor_id)
    endpoint = WebhookEndpoint(vendor_id=vendor_id, url=url, events=sorted(event.value for event in set(events)), created_at=now)
    session.add(endpoint)
    session.flush()
    session.refresh(endpoint)
    record(session, actor_id=actor_id, action="webhook_endpoint.added", subject_id=endpoint.id)
    return _view(endpoint, secret=secret_text(secret_bytes(key, endpoint.id, endpoint.secret_version)))


def list_endpoints(session: Session) -> list[EndpointView]:
    """Those of the vendors that the transaction reaches."""
    living = select(WebhookEndpoint).where(WebhookEndpoint.removed_at.is_(None)).order_by(WebhookEndpoint.id)
    return [_view(endpoint) for endpoint in session.execute(living).scalars()]


def rotate_secret(session: Session, *, endpoint_id: UUID, actor_id: UUID, key: bytes, now: datetime) -> EndpointView:
    """A new secret; the one before signs beside it for `SECRET_OVERLAP`. Raises `WebhookNotFound`."""
    endpoint = _find(session, endpoint_id)
    endpoint.secret_version += 1
    endpoint.previous_until = now + SECRET_OVERLAP
    record(session, actor_id=actor_id, action="webhook_endpoint.secret_rotated", subject_id=endpoint_id)
    return _view(endpoint, secret=secret_text(secret_bytes(key, endpoint.id, endpoint.secret_version)))


def enable_endpoint(session: Session, *, endpoint_id: UUID, actor_id: UUID) -> EndpointView:
    """Send to it again, what is waiting included. Raises `WebhookNotFound`."""
    endpoint = _find(session, endpoint_id)
    if endpoint.disabled_at is not None:
        endpoint.disabled_at, endpoint.failures_in_row = None, 0
        record(session, actor_id=actor_id, action="webhook_endpoint.enabled", subject_id=endpoint_id)
    return _view(endpoint)


def remove_endpoint(session: Session, *, endpoint_id: UUID, actor_id: UUID, now: datetime) -> None:
    """For good; what waits for it is abandoned. Raises `WebhookNotFound`."""
    endpoint = _find(session, endpoint_id)
    endpoint.removed_at = now
    waiting = WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == DeliveryState.PENDING
    session.execute(update(WebhookDelivery).where(*waiting).values(state=DeliveryState.ABANDONED))
    record(session, actor_id=actor_id, action="webhook_endpoint.removed", subject_id=endpoint_id)


DELIVERIES = """
select d.id, d.endpoint_id, d.event_id, e.kind, e.subject_id, d.state, d.attempts, d.next_try_at, d.created_at, d.delivered_at
from webhook_delivery d join webhook_event e on e.id = d.event_id
where d.endpoint_id = :endpoint and (cast(:before as uuid) is null or d.id < :before)
order by d.id desc limit :limit
"""

ATTEMPTS = """
select delivery_id, attempt, started_at, status, duration_ms, answer, detail
from webhook_attempt where delivery_id = any(:deliveries) order by delivery_id, attempt
"""


def list_deliveries(session: Session, *, endpoint_id: UUID, before: UUID | None = None, limit: int = 50) -> DeliveryPage:
    """An endpoint's deliveries, newest first, with the log of their attempts. Raises `WebhookNotFound`."""
    _find(session, endpoint_id)
    rows = session.execute(text(DELIVERIES), {"endpoint": endpoint_id, "before": before, "limit": limit + 1}).all()
    return DeliveryPage(_deliveries(session, rows[:limit]), rows[limit - 1].id if len(rows) > limit else None)


def replay_delivery(session: Session, *, endpoint_id: UUID, delivery_id: UUID, actor_id: UUID, now: datetime) -> DeliveryView:
    """Send it again, now and with a new round of attempts, under the same `Webhook-Id`.

    Raises `WebhookNotFound`, `DeliveryNotFound`, `WebhookDisabled`, `TransitionNotAllowed` while it is being sent.
    """
    endpoint = _find(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise WebhookDisabled("This webhook is disabled: enable it first.", webhook_id=endpoint_id)
    found = select(WebhookDelivery.state).where(WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id)
    state = session.execute(found.with_for_update()).scalar_one_or_none()
    if state is None:
        raise DeliveryNotFound("There is no such delivery.", delivery_id=delivery_id)
    again = advance(REPLAYED, state, DeliveryState.PENDING)
    values = {"state": again, "attempts_left": MOST_ATTEMPTS, "next_try_at": now}
    session.execute(update(WebhookDelivery).where(WebhookDelivery.id == delivery_id).values(values))
    record(session, actor_id=actor_id, action="webhook_delivery.replayed", subject_id=delivery_id)
    one = DELIVERIES.replace("d.endpoint_id = :endpoint", "d.endpoint_id = :endpoint and d.id = :delivery")
    rows = session.execute(text(one), {"endpoint": endpoint_id, "delivery": delivery_id, "before": None, "limit": 1}).all()
    return _deliveries(session, rows)[0]


def _find(session: Session, endpoint_id: UUID) -> WebhookEndpoint:
    """Locked, so that a change sees what is there."""
    wanted = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.removed_at.is_(None))
    endpoint = session.execute(wanted.with_for_update()).scalar_one_or_none()
    if endpoint is None:
        raise WebhookNotFound("There is no such webhook.", webhook_id=endpoint_id)
    return endpoint


def _view(endpoint: WebhookEndpoint, *, secret: str | None = None) -> EndpointView:
    return EndpointView(
        id=endpoint.id,
        vendor_id=endpoint.vendor_id,
        url=endpoint.url,
        events=list(endpoint.events),
        active=endpoint.disabled_at is None,
        disabled_at=endpoint.disabled_at,
        failures_in_row=endpoint.failures_in_row,
        previous_secret_until=endpoint.previous_until,
        created_at=endpoint.created_at,
        secret=secret,
    )


def _deliveries(session: Session, rows: Sequence[Any]) -> list[DeliveryView]:
    logs: dict[UUID, list[AttemptView]] = {row.id: [] for row in rows}
    for attempt in session.execute(text(ATTEMPTS), {"deliveries": list(logs)}):
        logs[attempt.delivery_id].append(AttemptView(*attempt[1:]))
    waits = (DeliveryState.PENDING.value, DeliveryState.SENDING.value)
    return [
        DeliveryView(
            id=row.id,
            webhook_id=row.endpoint_id,
            event_id=row.event_id,
            event=WebhookEventKind(row.kind),
            subject_id=row.subject_id,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            next_try_at=row.next_try_at if row.state in waits else None,
            created_at=row.created_at,
            delivered_at=row.delivered_at,
            log=logs[row.id],
        )
        for row in rows
    ]
