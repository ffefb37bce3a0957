"""Messages: planned from the outbox, claimed, composed, sent, recorded. Any run may be killed anywhere and run again.

Each mail is an intent, a call and an outcome: its attempt is committed, then the mail server is asked outside any
transaction, then the answer is committed. A sender that stops in between leaves an attempt whose outcome is `unknown`.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from operator import add
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.links import answer_requests
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.faults import fault_point
from ticketing.foundation.ids import new_id
from ticketing.messages.render import Composer, NothingToSay, NotNow
from ticketing.messages.rules import AT_LEAST_ONCE, MessageKind, MessageState
from ticketing.messages.smtp import Mailer, MailServerDown

log = logging.getLogger(__name__)

TOPICS = {
    "order.confirmed": MessageKind.ORDER_CONFIRMED,
    "order.cancelled": MessageKind.ORDER_CANCELLED,
    "ticket.cancelled": MessageKind.TICKET_CANCELLED,
    "payment.returned": MessageKind.PAYMENT_RETURNED,
    "account.verification_asked": MessageKind.VERIFY_EMAIL,
    "account.reset_asked": MessageKind.RESET_PASSWORD,
    "account.change_asked": MessageKind.CHANGE_EMAIL,
    "account.address_changing": MessageKind.ADDRESS_CHANGING,
    "account.orders_asked": MessageKind.FIND_ORDERS,
    "queue.turn": MessageKind.YOUR_TURN,
    "waiting_list.offered": MessageKind.PLACES_OFFERED,
    "event.postponed": MessageKind.EVENT_POSTPONED,
    "order.reseated": MessageKind.SEATS_CHANGED,
    "layout.conflicts": MessageKind.LAYOUT_CONFLICTS,
}
"""What of the outbox people are told. Other topics (`event.published`, `refund.settled`) are consumed and tell nobody."""

LEASE = timedelta(minutes=3)
"""For one mail; it begins anew with each, so that a long batch doesn't outlive it."""

MOST_ATTEMPTS = 12
BACKOFF = timedelta(minutes=1)
"""Doubles with each attempt: twelve attempts take a day and a half."""


@dataclass(frozen=True, slots=True)
class PlanRun:
    consumed: int
    """Rows of the outbox …"""
    planned: int
    """… of which so many became messages …"""
    ignored: int
    """… and so many are of topics that tell nobody."""


PLAN = """
with open_row as materialized (
  select id, topic, subject_id, payload, created_at from outbox where consumed_at is null order by id limit :limit for update skip locked
),
consumed as (
  update outbox o set consumed_at = :now from open_row r where o.id = r.id
),
planned as (
  insert into message (id, kind, recipient_id, subject_id, due_at, channel, next_try_at)
  select uuidv7(), k.kind, reader.id,
    case k.kind when 'payment_returned' then (r.payload ->> 'refund_id')::uuid else r.subject_id end, r.created_at, 'email', r.created_at
  from open_row r
  join unnest(cast(:topics as text[]), cast(:kinds as text[])) as k(topic, kind) on k.topic = r.topic
  left join ticket_order o on o.id = r.subject_id
  cross join lateral (
    select coalesce(o.buyer_id, (r.payload ->> 'user_id')::uuid) as id where k.kind <> 'event_postponed'
    union
    select t.holder_id from ticket t
    where k.kind = 'event_postponed' and t.event_id = (r.payload ->> 'event_id')::uuid and t.state in ('valid', 'listed')
  ) reader
  on conflict do nothing
  returning id
)
select (select count(*) from open_row), (select count(*) from planned),
  (select count(*) from open_row where topic <> all(cast(:topics as text[])))
"""


def plan_messages(session: Session, *, limit: int = 1000, now: datetime) -> PlanRun:
    """Turn up to `limit` outbox rows into messages, each slot once. Any number of planners may run at once.

    Links that somebody has asked for are made first: they come through the outbox.
    """
    answer_requests(session, limit=limit, now=now)
    parameters = {"limit": limit, "now": now, "topics": list(TOPICS), "kinds": [kind.value for kind in TOPICS.values()]}
    consumed, planned, ignored = session.execute(text(PLAN), parameters).one()
    return PlanRun(consumed=consumed, planned=planned, ignored=ignored)


LOST = """
with lost as (
  select m.id, m.attempts, a.attempt is not null as begun
  from message m
  left join message_attempt a on a.message_id = m.id and a.attempt = m.attempts and a.finished_at is null
  where m.state = 'sending' and m.lease_until <= :now
  for update of m skip locked
),
attempt_lost as (
  update message_attempt a set finished_at = :now, outcome = 'unknown', detail = 'its sender stopped'
  from lost where lost.begun and a.message_id = lost.id and a.attempt = lost.attempts
)
update message m set state = case when lost.begun then 'unknown' else 'pending' end, lease_until = null, lease_token = null
from lost where m.id = lost.id
"""

CLAIM = """
with due as (
  select id from message
  where next_try_at <= :now and attempts < :most and (state in ('pending', 'failed') or (state = 'unknown' and kind = any(:again)))
  order by next_try_at
  limit :limit
  for update skip locked
)
update message m set state = 'sending', lease_until = :lease_until, lease_token = :token
from due where m.id = due.id
returning m.id, m.kind, m.recipient_id, m.subject_id
"""

START = """
with started as (
  update message set attempts = attempts + 1, lease_until = :lease_until
  where id = :id and lease_token = :token and state = 'sending'
  returning id, attempts
)
insert into message_attempt (message_id, attempt, started_at) select id, attempts, :now from started
returning attempt
"""

RECORD = """
with attempt_done as (
  update message_attempt set finished_at = :now, outcome = :state, detail = :detail
  where message_id = :id and attempt = :attempt and finished_at is null
)
update message set state = :state, lease_until = null, lease_token = null, next_try_at = :next,
  accepted_at = case when :state = 'accepted' then :now else accepted_at end
where id = :id and lease_token = :token
"""

GIVE_BACK = "update message set state = 'pending', lease_until = null, lease_token = null where state = 'sending' and lease_token = :token"


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Messages by outcome."""

    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    suppressed: int = 0

    def __add__(self, other: DeliveryRun) -> DeliveryRun:
        return DeliveryRun(*map(add, astuple(self), astuple(other)))


def deliver_due(database: Database, mailer: Mailer, composer: Composer, *, limit: int = 200) -> DeliveryRun:
    """Send up to `limit` due messages. Any number of deliverers may run at once.

    Raises `MailServerDown`: then nothing more is claimed, and no message has lost one of its attempts but the one at hand.
    """
    mailer.connect()
    token = new_id()
    claimed = _claim(database, token, limit)
    outcomes: Counter[str] = Counter()
    try:
        for row in claimed:
            state = _deliver(database, mailer, composer, row, token)
            if state is not None:
                outcomes[state.value] += 1
    except MailServerDown:
        with database.transaction() as session:
            session.execute(text(GIVE_BACK), {"token": token})
        raise
    return DeliveryRun(**outcomes)


def _claim(database: Database, token: UUID, limit: int) -> list[Any]:
    """Due messages, leased to `token`. A retry goes from failed or unknown over pending to sending, here in one step."""
    with database.transaction() as session:
        now = database_now(session)
        session.execute(text(LOST), {"now": now})
        parameters = {
            "now": now,
            "most": MOST_ATTEMPTS,
            "again": [kind.value for kind in AT_LEAST_ONCE],
            "limit": limit,
            "lease_until": now + LEASE,
            "token": token,
        }
        return list(session.execute(text(CLAIM), parameters).all())


def _deliver(database: Database, mailer: Mailer, composer: Composer, row: Any, token: UUID) -> MessageState | None:
    """One message; None when its lease was lost to another deliverer, who sends it, and in its reader's quiet hours."""
    with database.transaction() as session:
        now = database_now(session)
        parameters = {"id": row.id, "token": token, "now": now, "lease_until": now + LEASE}
        attempt = session.execute(text(START), parameters).scalar_one_or_none()
    if attempt is None:
        return None
    fault_point("message_claimed")
    state, detail, again_at = MessageState.FAILED, "no connection", None
    try:
        mail = _compose(database, mailer, composer, row, now=now)
    except NothingToSay as reason:
        state, detail = MessageState.SUPPRESSED, reason.message
    except NotNow as quiet:
        state, detail, again_at = MessageState.PENDING, quiet.message, quiet.until
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one message must not keep the others from being sent
        where = "".join(traceback.format_tb(error.__traceback__))  # without the error's words: they may repeat an address
        log.error("message %s can't be composed: %s\n%s", row.id, type(error).__name__, where)
        detail = f"can't be composed: {type(error).__name__}"
    else:
        try:
            state, detail = mailer.send(mail)
        except MailServerDown:
            _record(database, row.id, token, attempt, state, detail)
            raise
    fault_point("message_answered")
    _record(database, row.id, token, attempt, state, detail, again_at)
    return None if state is MessageState.PENDING else state


def _compose(database: Database, mailer: Mailer, composer: Composer, row: Any, *, now: datetime) -> EmailMessage:
    with database.transaction() as session:
        slot = {"kind": MessageKind(row.kind), "subject_id": row.subject_id, "recipient_id": row.recipient_id}
        mail = composer.compose(session, **slot, now=now)
        address = composer.address(session, **slot)
    mail["From"] = mailer.sender
    mail["To"] = address
    mail["Date"] = now
    mail["Message-ID"] = f"<{row.id}@{mailer.domain}>"
    return mail


def _record(
    database: Database,
    message_id: UUID,
    token: UUID,
    attempt: int,
    state: MessageState,
    detail: str,
    again_at: datetime | None = None,
) -> None:
    with database.transaction() as session:
        now = database_now(session)
        parameters = {"id": message_id, "token": token, "attempt": attempt, "state": state.value, "detail": detail, "now": now}
        session.execute(text(RECORD), parameters | {"next": again_at or now + BACKOFF * 2 ** (attempt - 1)})
