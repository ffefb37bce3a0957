"""Starting to pay: an intent is committed, the provider is asked, its answer is recorded.

The intent extends the holds to the end of the provider's session, so that money in flight keeps its seats. The provider's
key comes from the payment's id: a retry with the same Idempotency-Key resumes the intent and gets the same session.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.errors import Conflict, Expired, NotFound
from ticketing.foundation.idempotency import reused
from ticketing.payments.rules import PaymentState

SESSION_SECONDS = 1800
"""The shortest session of the strictest provider (Stripe: 30 minutes)."""


class OrderNotFound(NotFound):
    """No such order of this buyer."""


class OrderNotPayable(Expired):
    """The order has expired, or was cancelled."""


class OrderPaid(Conflict):
    """The order has been paid."""


class ProviderNotOffered(Conflict):
    """The vendor, or one of the order's events, does not take payments through this provider."""


@dataclass(frozen=True, slots=True)
class IntentRequest:
    payment_id: UUID
    order_id: UUID
    buyer_id: UUID
    provider: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class PaymentView:
    id: UUID
    order_id: UUID
    order_code: str
    provider: str
    account_ref: str
    state: PaymentState
    currency: str
    amount_minor: int
    captured_minor: int
    provider_ref: str | None
    redirect_url: str | None
    """Where the buyer pays; null until the provider has answered."""
    session_expires_at: datetime
    replayed: bool = False

    def opened(self, provider_ref: str, redirect_url: str) -> PaymentView:
        """The same, with the provider's page."""
        return replace(self, provider_ref=provider_ref, redirect_url=redirect_url)


INTENT = """
with req as materialized (
  select r.*, k.resource_id as replay_id, k.request_digest as replay_digest, k.kind as replay_kind
  from unnest(%(ord)s::int[], %(payment)s::uuid[], %(order)s::uuid[], %(buyer)s::uuid[], %(provider)s::text[], %(key)s::text[],
    %(digest)s::bytea[]) as r(ord, payment_id, order_id, buyer_id, provider, key, digest)
  left join idempotency_key k on k.actor_id = r.buyer_id and k.key = r.key
),
open_order as materialized (
  select r.*, o.vendor_id, o.currency, o.total_minor, a.id as account_id
  from req r
  join ticket_order o on o.id = r.order_id and o.buyer_id = r.buyer_id
  join payment_account a on a.vendor_id = o.vendor_id and a.provider = r.provider and a.removed_at is null
  where r.replay_id is null and o.state || '' = 'pending' and o.paid_by_payment is null
  order by o.id
  for no key update of o
),
line_hold as (
  select distinct w.ord, w.account_id, l.hold_id from open_order w join order_line l on l.order_id = w.order_id
),
held as materialized (
  select q.ord, h.id as hold_id,
    greatest(h.expires_at,
      least(app_now() + make_interval(secs => %(session_seconds)s), h.created_at + make_interval(secs => e.checkout_seconds))) as expires_at
  from line_hold q
  join hold h on h.id = q.hold_id
  join event e on e.id = h.event_id
  where h.state || '' = 'active' and h.expires_at > app_now()
    and exists (select from event_payment_method m where m.event_id = h.event_id and m.payment_account_id = q.account_id)
  order by h.id
  for no key update of h
),
won as materialized (
  select w.*, g.expires_at
  from open_order w
  join (select ord, count(*) as holds, min(expires_at) as expires_at from held group by ord) g on g.ord = w.ord
  where g.holds = (select count(*) from line_hold q where q.ord = w.ord)
),
hold_extended as (
  update hold h set expires_at = d.expires_at from held d join won w on w.ord = d.ord where h.id = d.hold_id and h.expires_at < d.expires_at
),
seat_extended as (
  update event_seat es set held_until = d.expires_at
  from held d
  join won w on w.ord = d.ord
  join hold_line l on l.hold_id = d.hold_id and l.seat_no is not null
  where es.event_id = l.event_id and es.seat_no = l.seat_no and es.hold_id = d.hold_id and es.state = 'held'
),
order_extended as (
  update ticket_order o set expires_at = w.expires_at from won w where o.id = w.order_id
),
new_payment as (
  insert into payment (id, vendor_id, order_id, provider, payment_account_id, currency, amount_minor, session_expires_at, created_at)
  select payment_id, vendor_id, order_id, provider, account_id, currency, total_minor, expires_at, app_now() from won
),
new_history as (
  insert into order_event (order_id, kind, detail)
  select order_id, 'payment_started', jsonb_build_object('payment_id', payment_id) from won
),
new_key as (
  insert into idempotency_key (actor_id, key, request_digest, kind, resource_id)
  select buyer_id, key, digest, 'payment', payment_id from won
),
new_audit as (
  insert into audit_entry (actor_id, action, subject_id, digest) select buyer_id, 'payment.started', payment_id, digest from won
)
select r.ord, r.replay_id, r.replay_digest, r.replay_kind, w.ord is not null as has_won
from req r left join won w on w.ord = r.ord
"""

READ = """
select p.id, p.order_id, o.code, p.provider, a.account_ref, p.state, p.currency, p.amount_minor, p.captured_minor, p.provider_ref,
  p.redirect_url, p.session_expires_at
from unnest(%s::uuid[]) as wanted(id)
join payment p on p.id = wanted.id
join ticket_order o on o.id = p.order_id
join payment_account a on a.id = p.payment_account_id
"""


def read_payments(connection: Connection, payment_ids: Sequence[UUID]) -> list[PaymentView]:
    """The payments of these ids that exist."""
    if not payment_ids:
        return []
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(READ, [list(payment_ids)]).fetchall()
    return [_payment((*row[:5], PaymentState(row[5]), *row[6:])) for row in rows]


def _payment(values: tuple[Any, ...]) -> PaymentView:
    return PaymentView(*values)


class IntentHandler:
    """The writer's handler for `IntentRequest`; outcomes are `PaymentView` (not yet sent to the provider) or an error."""

    def conflict_keys(self, request: IntentRequest) -> Iterable[Hashable]:
        yield (request.buyer_id, request.key)
        yield request.order_id

    def run(self, connection: Connection, requests: Sequence[IntentRequest], *, alone: bool) -> list[Any]:
        parameters = {
            "session_seconds": SESSION_SECONDS,
            "ord": list(range(len(requests))),
            "payment": [r.payment_id for r in requests],
            "order": [r.order_id for r in requests],
            "buyer": [r.buyer_id for r in requests],
            "provider": [r.provider for r in requests],
            "key": [r.key for r in requests],
            "digest": [r.digest for r in requests],
        }
        with named_cursor(connection, binary=True) as cursor:
            rows = cursor.execute(INTENT, parameters).fetchall()
        outcomes: list[Any] = [None] * len(requests)
        wanted: dict[UUID, tuple[int, bool]] = {}
        for row in rows:
            request = requests[row.ord]
            if row.has_won:
                wanted[request.payment_id] = (row.ord, False)
            elif row.replay_id is None:
                outcomes[row.ord] = _why_not(connection, request)
            elif row.replay_kind != "payment" or row.replay_digest != request.digest:
                outcomes[row.ord] = reused(key=request.key)
            else:
                wanted[row.replay_id] = (row.ord, True)
        for payment in read_payments(connection, list(wanted)):
            ord_, replayed = wanted[payment.id]
            outcomes[ord_] = replace(payment, replayed=replayed)
        return outcomes


def _why_not(connection: Connection, request: IntentRequest) -> Exception:
    row = connection.execute(
        "select o.state, o.paid_by_payment is not null,"
        " exists (select from payment_account a where a.vendor_id = o.vendor_id and a.provider = %s and a.removed_at is null"
        "   and not exists (select from order_line l where l.order_id = o.id and not exists ("
        "     select from event_payment_method m where m.event_id = l.event_id and m.payment_account_id = a.id)))"
        " from ticket_order o where o.id = %s and o.buyer_id = %s",
        [request.provider, request.order_id, request.buyer_id],
    ).fetchone()
    if row is None:
        return OrderNotFound("There is no such order.", order_id=request.order_id)
    state, paid, offered = row
    if paid or state in ("confirmed", "completed"):
        return OrderPaid("This order has been paid.", order_id=request.order_id)
    if not offered:
        return ProviderNotOffered(f"This can't be paid through {request.provider}.", provider=request.provider)
    return OrderNotPayable("This order has ended: choose again.", order_id=request.order_id)


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The provider's answer to an intent."""

    payment_id: UUID
    provider_ref: str
    redirect_url: str


class SessionOpenedHandler:
    """Records the provider's answers; safe to repeat."""

    def conflict_keys(self, request: SessionOpened) -> Iterable[Hashable]:
        yield request.payment_id

    def run(self, connection: Connection, requests: Sequence[SessionOpened], *, alone: bool) -> list[Any]:
        ordered = sorted(requests, key=lambda r: r.payment_id)
        connection.execute(
            "with locked as materialized ("
            "  select p.id, r.ref, r.url from unnest(%s::uuid[], %s::text[], %s::text[]) as r(id, ref, url)"
            "  join payment p on p.id = r.id where p.provider_ref is null order by p.id for no key update of p)"
            " update payment p set provider_ref = l.ref, redirect_url = l.url from locked l where p.id = l.id",
            [[r.payment_id for r in ordered], [r.provider_ref for r in ordered], [r.redirect_url for r in ordered]],
        )
        return [None] * len(requests)
