"""Messages: planned from the outbox, claimed, rendered, sent, recorded. Any run may be killed anywhere and run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.service import email_of
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.messages.render import compose
from ticketing.messages.rules import AT_LEAST_ONCE, MessageKind, MessageState
from ticketing.messages.smtp import Mailer
from ticketing.tickets.qr import TicketSigner

TOPICS = {
    "order.confirmed": MessageKind.ORDER_CONFIRMED,
    "order.cancelled": MessageKind.ORDER_CANCELLED,
    "payment.returned": MessageKind.PAYMENT_RETURNED,
}
"""What of the outbox people are told; other topics are consumed and tell nobody yet."""

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 6
BACKOFF = timedelta(minutes=1)
"""Doubles with each attempt."""


@dataclass(frozen=True, slots=True)
class PlanRun:
    consumed: int
    planned: int


PLAN = """
with open_row as materialized (
  select id, topic, subject_id, created_at from outbox where consumed_at is null order by id limit :limit for update skip locked
),
consumed as (
  update outbox o set consumed_at = :now from open_row r where o.id = r.id
),
planned as (
  insert into message (id, kind, recipient_id, subject_id, due_at, channel, next_try_at)
  select uuidv7(), k.kind, o.buyer_id, r.subject_id, r.created_at, 'email', r.created_at
  from open_row r
  join unnest(cast(:topics as text[]), cast(:kinds as text[])) as k(topic, kind) on k.topic = r.topic
  join ticket_order o on o.id = r.subject_id
  on conflict do nothing
  returning id
)
select (select count(*) from open_row), (select count(*) from planned)
"""


def plan_messages(session: Session, *, limit: int = 1000, now: datetime) -> PlanRun:
    """Turn up to `limit` outbox rows into messages, each slot once."""
    parameters = {"limit": limit, "now": now, "topics": list(TOPICS), "kinds": [kind.value for kind in TOPICS.values()]}
    consumed, planned = session.execute(text(PLAN), parameters).one()
    return PlanRun(consumed=consumed, planned=planned)


CLAIM = """
with due as (
  select id from message
  where next_try_at <= :now and attempts < :most
    and (state in ('pending', 'failed') or (state = 'unknown' and kind = any(:again)) or (state = 'sending' and lease_until <= :now))
  order by next_try_at
  limit :limit
  for update skip locked
)
update message m set state = 'sending', attempts = m.attempts + 1, lease_until = :lease_until, lease_token = :token
from due where m.id = due.id
returning m.id, m.kind, m.recipient_id, m.subject_id, m.attempts
"""

RECORD = """
update message set state = cast(:state as text), lease_until = null, lease_token = null, next_try_at = :next,
  accepted_at = case when cast(:state as text) = 'accepted' then :now else accepted_at end
where id = :id and lease_token = :token
"""


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Messages by outcome."""

    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    suppressed: int = 0


def deliver_due(
    database: Database, mailer: Mailer, *, cipher: ContactCipher, signer: TicketSigner, public_url: str, limit: int = 200
) -> DeliveryRun:
    """Send up to `limit` due messages. Any number of deliverers may run at once."""
    token = new_id()
    with database.transaction() as session:
        now = database_now(session)
        parameters = {
            "now": now,
            "most": MOST_ATTEMPTS,
            "again": [kind.value for kind in AT_LEAST_ONCE],
            "limit": limit,
            "lease_until": now + LEASE,
            "token": token,
        }
        claimed = session.execute(text(CLAIM), parameters).all()
        if claimed:
            session.execute(
                text("insert into message_attempt (message_id, attempt, started_at) values (:id, :attempt, :now) on conflict do nothing"),
                [{"id": row.id, "attempt": row.attempts, "now": now} for row in claimed],
            )
    fault_point("message_claimed")
    counts: dict[str, int] = {}
    for row in claimed:
        with database.transaction() as session:
            address = email_of(session, user_id=row.recipient_id, cipher=cipher)
            kind = MessageKind(row.kind)
            mail = address and compose(
                session,
                kind=kind,
                order_id=row.subject_id,
                message_id=row.id,
                address=address,
                sender=mailer.sender,
                signer=signer,
                public_url=public_url,
            )
        state, detail = mailer.send(mail) if mail else (MessageState.SUPPRESSED, "no address")
        fault_point("message_answered")
        _record(database, row, token, state, detail)
        counts[state.value] = counts.get(state.value, 0) + 1
    return DeliveryRun(**counts)


def _record(database: Database, row: Any, token: UUID, state: MessageState, detail: str) -> None:
    with database.transaction() as session:
        now = database_now(session)
        next_try = now + BACKOFF * 2 ** (row.attempts - 1)
        session.execute(text(RECORD), {"state": state.value, "next": next_try, "now": now, "id": row.id, "token": token})
        session.execute(
            text(
                "update message_attempt set finished_at = :now, outcome = :state, detail = :detail where message_id = :id and attempt = :n"
            ),
            {"now": now, "state": state.value, "detail": detail, "id": row.id, "n": row.attempts},
        )
