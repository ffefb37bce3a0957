"""Settling: money has arrived (or will not). Redirect, webhook and polling all end here.

The usual case, a first capture while the hold lives, is one statement for a batch of notices. Everything else, late money,
a second capture, a failed session, a notice that fits nothing, is handled one by one in `orders.late`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection, named_cursor
from ticketing.foundation.ids import new_id
from ticketing.inventory.writer import RunAlone
from ticketing.orders.late import settle_alone
from ticketing.payments.providers import ProviderNotice


class Settlement(StrEnum):
    """What a notice led to."""

    CONFIRMED = "confirmed"
    RECLAIMED = "reclaimed"
    """Late money, and the places were still free."""
    REFUND_PLANNED = "refund_planned"
    """Late or second money: it goes back."""
    NOTED = "noted"
    """A failed or expired session, or a refund's result."""
    PARKED = "parked"
    """It fits no payment of ours (yet); kept, and tried again."""
    REPEATED = "repeated"
    """Known already; nothing was done."""


@dataclass(frozen=True, slots=True)
class SettleRequest:
    notice: ProviderNotice
    event_row_id: UUID

    @classmethod
    def of(cls, notice: ProviderNotice) -> SettleRequest:
        return cls(notice=notice, event_row_id=new_id())


SETTLE = """
with req as materialized (
  select r.*, known.id is not null and known.state <> 'parked' as repeated
  from unnest(%(ord)s::int[], %(row)s::uuid[], %(provider)s::text[], %(event_key)s::text[], %(kind)s::text[], %(ref)s::text[],
    %(payment)s::uuid[], %(amount)s::bigint[], %(currency)s::text[], %(body)s::bytea[])
    as r(ord, row_id, provider, event_key, kind, payment_ref, payment_id, amount_minor, currency, body)
  left join provider_event known on known.provider = r.provider and known.event_key = r.event_key
),
paid as materialized (
  select r.*, p.order_id, p.vendor_id
  from req r
  join payment p on p.id = r.payment_id
  where not r.repeated and r.kind = 'payment.captured' and p.state = 'created' and p.provider || '' = r.provider
    and p.amount_minor = r.amount_minor and p.currency = r.currency and (p.provider_ref is null or p.provider_ref = r.payment_ref)
    and not exists (select from provider_event k where k.provider = r.provider and k.event_key = r.event_key)
  order by p.id
  for no key update of p
),
open_order as materialized (
  select p.*, o.code, o.buyer_id, o.total_minor
  from paid p
  join ticket_order o on o.id = p.order_id
  where o.state || '' = 'pending' and o.paid_by_payment is null
  order by o.id
  for no key update of o
),
line_hold as materialized (
  select distinct w.ord, l.hold_id from open_order w join order_line l on l.order_id = w.order_id
),
held as materialized (
  select q.ord, h.id as hold_id
  from line_hold q join hold h on h.id = q.hold_id
  where h.state || '' = 'active' and h.expires_at > app_now()
  order by h.id
  for no key update of h
),
won as materialized (
  select w.* from open_order w
  where (select count(*) from held d where d.ord = w.ord) = (select count(*) from line_hold q where q.ord = w.ord)
),
line as materialized (
  select w.ord, w.order_id, w.vendor_id, w.buyer_id, w.payment_id, w.currency,
    w.code || '-' || l.line_no as ticket_code, uuidv7() as ticket_id,
    l.id as line_id, l.hold_id, l.event_id, l.ticket_type_id, l.seat_no, l.pool_id,
    l.price_minor - l.discount_minor as paid_minor, l.fee_minor, l.tax_minor
  from won w join order_line l on l.order_id = w.order_id
),
new_event as (
  insert into provider_event (id, provider, event_key, kind, payment_ref, amount_minor, currency, body, state)
  select row_id, provider, event_key, kind, payment_ref, amount_minor, currency, body, 'settled' from won
),
payment_captured as (
  update payment p set state = 'captured', captured_minor = w.amount_minor, captured_at = app_now(),
    provider_ref = coalesce(p.provider_ref, w.payment_ref)
  from won w where p.id = w.payment_id
),
order_confirmed as (
  update ticket_order o set state = 'confirmed', confirmed_at = app_now(), paid_by_payment = w.payment_id
  from won w where o.id = w.order_id
),
line_confirmed as (
  update order_line l set state = 'confirmed' from line n where l.id = n.line_id
),
hold_converted as (
  update hold h set state = 'converted', ended_at = app_now() from held d join won w on w.ord = d.ord where h.id = d.hold_id
),
seat_sold as (
  update event_seat es set state = 'sold', held_until = null, ticket_id = n.ticket_id
  from line n
  where es.event_id = n.event_id and es.seat_no = n.seat_no and es.hold_id = n.hold_id and es.state = 'held'
  returning es.seat_no
),
pool_places as materialized (
  select p.id, g.quantity
  from (select pool_id, count(*)::int as quantity from line where pool_id is not null group by pool_id) g
  join pool p on p.id = g.pool_id
  order by p.id
  for no key update of p
),
pool_sold as (
  update pool p set held = p.held - g.quantity, sold = p.sold + g.quantity from pool_places g where p.id = g.id
),
new_ticket as (
  insert into ticket (id, code, vendor_id, order_id, order_line_id, event_id, ticket_type_id, seat_no, holder_id, state, nonce, issued_at)
  select ticket_id, ticket_code, vendor_id, order_id, line_id, event_id, ticket_type_id, seat_no, buyer_id, 'valid',
    substr(uuid_send(gen_random_uuid()), 1, 8), app_now()
  from line
),
sale as (
  select ord, order_id, vendor_id, payment_id, currency, event_id, uuidv7() as journal_id,
    sum(paid_minor + fee_minor)::bigint as total, sum(fee_minor)::bigint as fee, sum(tax_minor)::bigint as tax
  from line group by ord, order_id, vendor_id, payment_id, currency, event_id
),
capture as (
  select w.*, uuidv7() as journal_id from won w
),
new_ledger as (
  insert into ledger_entry (journal_id, journal_kind, account, vendor_id, order_id, event_id, payment_id, amount_minor, currency)
  select s.journal_id, 'sale', e.account, s.vendor_id, s.order_id, s.event_id, s.payment_id, e.amount_minor, s.currency
  from sale s
  cross join lateral (
    values ('buyer_receivable', s.total), ('vendor_payable', s.tax + s.fee - s.total), ('platform_fee', -s.fee), ('tax', -s.tax)
  ) as e(account, amount_minor)
  where e.amount_minor <> 0
  union all
  select c.journal_id, 'capture', e.account, c.vendor_id, c.order_id, null, c.payment_id, e.amount_minor, c.currency
  from capture c
  cross join lateral (values ('provider_clearing', c.amount_minor), ('buyer_receivable', -c.amount_minor)) as e(account, amount_minor)
  where e.amount_minor <> 0
),
new_history as (
  insert into order_event (order_id, kind, detail)
  select order_id, 'confirmed', jsonb_build_object('payment_id', payment_id) from won
),
new_outbox as (
  insert into outbox (topic, subject_id) select 'order.confirmed', order_id from won
),
new_audit as (
  insert into audit_entry (action, subject_id) select 'order.confirmed', order_id from won
)
select r.ord, r.repeated, w.ord is not null as has_won,
  (select count(*) from line n where n.seat_no is not null) = (select count(*) from seat_sold) as seats_agree
from req r left join won w on w.ord = r.ord
"""


class SeatsNotHeld(RuntimeError):
    """A living hold lacked one of its seats; the batch is rolled back."""


class SettleHandler:
    """The writer's handler for `SettleRequest`; outcomes are a `Settlement` or an error."""

    def conflict_keys(self, request: SettleRequest) -> Iterable[Hashable]:
        yield (request.notice.provider, request.notice.event_key)
        yield request.notice.reference

    def run(self, connection: Connection, requests: Sequence[SettleRequest], *, alone: bool) -> list[Any]:
        notices = [r.notice for r in requests]
        parameters = {
            "ord": list(range(len(requests))),
            "row": [r.event_row_id for r in requests],
            "provider": [n.provider for n in notices],
            "event_key": [n.event_key for n in notices],
            "kind": [n.kind for n in notices],
            "ref": [n.payment_ref for n in notices],
            "payment": [n.reference for n in notices],
            "amount": [n.amount_minor for n in notices],
            "currency": [n.currency for n in notices],
            "body": [n.body for n in notices],
        }
        with named_cursor(connection, binary=True) as cursor:
            rows = cursor.execute(SETTLE, parameters).fetchall()
        if not all(row.seats_agree for row in rows):
            raise SeatsNotHeld("a living hold lacked one of its seats")
        outcomes: list[Any] = [None] * len(requests)
        for row in rows:
            if row.has_won:
                outcomes[row.ord] = Settlement.CONFIRMED
            elif row.repeated:
                outcomes[row.ord] = Settlement.REPEATED
            elif alone:
                outcomes[row.ord] = Settlement(settle_alone(connection, requests[row.ord].notice, row_id=requests[row.ord].event_row_id))
            else:
                outcomes[row.ord] = RunAlone()
        return outcomes
