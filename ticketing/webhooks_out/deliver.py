"""Delivering: claimed, sent outside any transaction, recorded. Any run may be killed anywhere and run again.

At least once: a deliverer that stops after the receiver has answered leaves an attempt whose outcome is not known, and the delivery
goes out again under the same `Webhook-Id`, by which receivers tell a repeat. An endpoint that fails several times in a row is left
alone for the rest of the run.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.errors import Unavailable
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.foundation.outbound import AddressRefused, Answer, NoAnswer, Outside
from ticketing.foundation.outbox import enqueue
from ticketing.foundation.resilience import Circuit, CircuitOpen
from ticketing.webhooks_out.rules import (
    GIVEN_UP_IN_A_ROW,
    MOST_ATTEMPTS,
    DeliveryState,
    kept_answer,
    pause_after,
    secret_bytes,
    signature,
)

LEASE = timedelta(minutes=3)
"""For one delivery; it begins anew with each attempt. A call is bounded by seconds."""
AT_ONCE = 8
FAILURES_BEFORE_REST = 3
"""In a row; then an endpoint is left alone for the rest of the run."""
REST = timedelta(seconds=40)
"""How long the untried deliveries of such an endpoint wait at least."""
GONE = 410
"""The receiver says that it wants no more: the endpoint is disabled at once."""


class EndpointFailing(Unavailable):
    """An attempt has failed, and is recorded."""


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Attempts by outcome."""

    delivered: int = 0
    failed: int = 0
    """Tried again later."""
    given_up: int = 0
    rested: int = 0
    """Not tried: their endpoint had failed several times."""

    def __add__(self, other: DeliveryRun) -> DeliveryRun:
        return DeliveryRun(
            self.delivered + other.delivered, self.failed + other.failed, self.given_up + other.given_up, self.rested + other.rested
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery, claimed and begun."""

    delivery_id: UUID
    endpoint_id: UUID
    event_id: UUID
    number: int
    """Of all attempts, for the log."""
    left: int
    """Attempts of this round that are left after this one."""
    url: str
    body: bytes
    secrets: list[bytes]
    began: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Answer | None
    detail: str | None
    """Why it failed; None when it was delivered."""


LOST = """
with lost as (
  select id, attempts from webhook_delivery where state = 'sending' and lease_until <= :now for update skip locked
),
attempt_lost as (
  update webhook_attempt a set finished_at = :now, detail = 'its deliverer stopped'
  from lost where a.delivery_id = lost.id and a.attempt = lost.attempts and a.finished_at is null
)
update webhook_delivery d set state = 'pending', attempts_left = greatest(d.attempts_left, 1), lease_until = null, lease_token = null
from lost where d.id = lost.id
"""

CLAIM = """
with due as (
  select d.id from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
  where d.state = 'pending' and d.next_try_at <= :now and w.disabled_at is null and w.removed_at is null
    and d.endpoint_id <> all(cast(:resting as uuid[]))
  order by d.next_try_at
  limit :limit
  for update of d skip locked
)
update webhook_delivery d set state = 'sending', lease_until = :lease_until, lease_token = :token
from due where d.id = due.id
returning d.id, d.endpoint_id
"""

START = """
with started as (
  update webhook_delivery set attempts = attempts + 1, attempts_left = attempts_left - 1, lease_until = :lease_until
  where id = :id and lease_token = :token and state = 'sending'
  returning id, vendor_id, endpoint_id, event_id, attempts, attempts_left
),
logged as (
  insert into webhook_attempt (delivery_id, attempt, vendor_id, started_at) select id, attempts, vendor_id, :now from started
)
select s.id, s.endpoint_id, s.event_id, s.attempts, s.attempts_left, w.url, w.secret_version, w.previous_until, e.body
from started s join webhook_endpoint w on w.id = s.endpoint_id join webhook_event e on e.id = s.event_id
"""

RECORD_ATTEMPT = """
update webhook_attempt set finished_at = :now, status = :status, duration_ms = :duration_ms, answer = :answer, detail = :detail
where delivery_id = :id and attempt = :attempt and finished_at is null
"""

RECORD = """
update webhook_delivery d set lease_until = null, lease_token = null, next_try_at = :next,
  state = case when :state = 'pending' and w.removed_at is not null then 'abandoned' else :state end,
  delivered_at = case when :state = 'delivered' then :now else d.delivered_at end
from webhook_endpoint w
where d.id = :id and d.lease_token = :token and w.id = d.endpoint_id
returning d.endpoint_id
"""

COUNT_FAILURE = """
update webhook_endpoint set failures_in_row = failures_in_row + 1,
  disabled_at = case when :gone or failures_in_row + 1 >= :most then :now end
where id = :endpoint and disabled_at is null and removed_at is null
returning disabled_at
"""

GIVE_BACK = """
update webhook_delivery set state = 'pending', lease_until = null, lease_token = null, next_try_at = :next
where id = :id and lease_token = :token and state = 'sending'
"""


@dataclass
class Deliverer:
    """One run: its breakers forget when it ends. Many may run at once, in processes of their own."""

    database: Database
    outside: Outside
    key: bytes
    """Of the endpoints' secrets: `settings.secrets.derive(SECRET_PURPOSE)`."""
    chance: Callable[[], float] = random.random
    _circuits: dict[UUID, Circuit] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def deliver_due(self, *, limit: int = 64, at_once: int = AT_ONCE) -> DeliveryRun:
        """Send up to `limit` due deliveries, `at_once` at a time. Nothing was due when all counts are 0."""
        token = new_id()
        claimed = self._claim(token, limit)
        with ThreadPoolExecutor(at_once) as pool:
            outcomes = Counter(pool.map(lambda row: self._deliver(row.id, row.endpoint_id, token), claimed))
        del outcomes[""]
        return DeliveryRun(**outcomes)

    def _claim(self, token: UUID, limit: int) -> list[Any]:
        resting = [endpoint_id for endpoint_id, circuit in self._circuits.items() if circuit.state.state == "opened"]
        with self.database.transaction() as session:
            now = database_now(session)
            session.execute(text(LOST), {"now": now})
            parameters = {"now": now, "limit": limit, "lease_until": now + LEASE, "token": token, "resting": resting}
            return list(session.execute(text(CLAIM), parameters).all())

    def _deliver(self, delivery_id: UUID, endpoint_id: UUID, token: UUID) -> str:
        """What one delivery counts as; empty when its lease was lost to another deliverer."""
        try:
            return self._circuit(endpoint_id).call(lambda: self._attempt(delivery_id, token))
        except EndpointFailing as failing:
            return str(failing.details["outcome"])
        except CircuitOpen:
            with self.database.transaction() as session:
                session.execute(text(GIVE_BACK), {"id": delivery_id, "token": token, "next": database_now(session) + REST})
            return "rested"

    def _circuit(self, endpoint_id: UUID) -> Circuit:
        with self._lock:
            if endpoint_id not in self._circuits:
                self._circuits[endpoint_id] = Circuit(
                    f"webhook-{endpoint_id}",
                    failures=(EndpointFailing,),
                    threshold=FAILURES_BEFORE_REST,
                    rest_seconds=REST.total_seconds(),
                )
            return self._circuits[endpoint_id]

    def _attempt(self, delivery_id: UUID, token: UUID) -> str:
        attempt = self._start(delivery_id, token)
        if attempt is None:
            return ""
        fault_point("webhook_claimed")
        outcome = self._send(attempt)
        fault_point("webhook_answered")
        counted = self._record(attempt, outcome, token)
        if outcome.detail is not None:
            raise EndpointFailing(outcome.detail, outcome=counted)
        return counted

    def _start(self, delivery_id: UUID, token: UUID) -> Attempt | None:
        with self.database.transaction() as session:
            now = database_now(session)
            parameters = {"id": delivery_id, "token": token, "now": now, "lease_until": now + LEASE}
            row = session.execute(text(START), parameters).one_or_none()
        if row is None:
            return None
        overlap = row.previous_until is not None and row.previous_until > now
        versions = [row.secret_version, row.secret_version - 1] if overlap else [row.secret_version]
        secrets = [secret_bytes(self.key, row.endpoint_id, version) for version in versions]
        return Attempt(row.id, row.endpoint_id, row.event_id, row.attempts, row.attempts_left, row.url, row.body.encode(), secrets, now)

    def _send(self, attempt: Attempt) -> Outcome:
        timestamp = int(attempt.began.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ticketing-Webhooks/1",
            "Webhook-Id": str(attempt.event_id),
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signature(attempt.secrets, webhook_id=str(attempt.event_id), timestamp=timestamp, body=attempt.body),
        }
        try:
            answer = self.outside.request("POST", attempt.url, headers=headers, body=attempt.body)
        except (AddressRefused, NoAnswer) as error:
            return Outcome(None, error.message)
        if 200 <= answer.status < 300:
            return Outcome(answer, None)
        return Outcome(answer, "redirects are not followed" if 300 <= answer.status < 400 else f"it answered {answer.status}")

    def _record(self, attempt: Attempt, outcome: Outcome, token: UUID) -> str:
        """Returns what it counts as; empty when another deliverer took it over meanwhile."""
        answer = outcome.answer
        gone = answer is not None and answer.status == GONE
        if outcome.detail is None:
            state, counted = DeliveryState.DELIVERED, "delivered"
        elif attempt.left <= 0 or gone:
            state, counted = DeliveryState.GIVEN_UP, "given_up"
        else:
            state, counted = DeliveryState.PENDING, "failed"
        with self.database.transaction() as session:
            now = database_now(session)
            values = {
                "status": answer.status if answer else None,
                "duration_ms": round(answer.seconds * 1000) if answer else None,
                "answer": kept_answer(answer.body) if answer else None,
                "detail": outcome.detail,
            }
            session.execute(text(RECORD_ATTEMPT), {"id": attempt.delivery_id, "attempt": attempt.number, "now": now, **values})
            pause = pause_after(MOST_ATTEMPTS - attempt.left, chance=self.chance())
            parameters = {"id": attempt.delivery_id, "token": token, "state": state.value, "now": now, "next": now + pause}
            if session.execute(text(RECORD), parameters).one_or_none() is None:
                return ""
            if state is DeliveryState.DELIVERED:
                session.execute(
                    text("update webhook_endpoint set failures_in_row = 0 where id = :id and failures_in_row > 0"),
                    {"id": attempt.endpoint_id},
                )
            elif state is DeliveryState.GIVEN_UP:
                _count_failure(session, attempt.endpoint_id, gone=gone, now=now)
        return counted


def _count_failure(session: Session, endpoint_id: UUID, *, gone: bool, now: datetime) -> None:
    """After too many in a row, or when the receiver wants no more, the endpoint is disabled."""
    parameters = {"endpoint": endpoint_id, "gone": gone, "most": GIVEN_UP_IN_A_ROW, "now": now}
    if session.execute(text(COUNT_FAILURE), parameters).scalar_one_or_none() is not None:
        record(session, actor_id=None, action="webhook_endpoint.disabled", subject_id=endpoint_id)
        enqueue(session, topic="webhook.disabled", subject_id=endpoint_id)
