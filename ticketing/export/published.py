"""The published columns of each table. Personal data stays out: buyers appear as `analytics_id`.

`analytics_id` is random, and nulled by erasure, which restamps the person's holds, orders and tickets so that the warehouse
hears of it. Codes that open something (of orders, tickets, QR) and providers' references are not published either.

Capacity is counted from `event_seat` and `pool`, which carry no stamp: it is sent with a ticket type whenever that or its
event has changed. Publishing changes the event; **whoever changes capacity later (kills seats, resizes a pool) updates the
ticket type's row too**. The totals of events to come are compared after every increment, so a breach stops publication.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One table. `t` is its alias in all parts."""

    name: str
    columns: str
    joins: str = ""
    also: str | None = None
    """Rows to send although they have not changed themselves; `{low}` is the transaction from which changes are read."""
    period: str = "true"
    """Rows to send again for a backfill of `{start}` to `{end}`; catalogue tables send all."""

    def select(self, *, low: int | None, period: tuple[str, str] | None) -> str:
        """The rows changed by transaction `low` or later (all, if None), and those of a period given as two SQL literals."""
        conditions = ["true"]
        if low is not None:
            conditions = [f"t.changed_xid >= '{low}'::xid8"]
            if self.also is not None:
                conditions.append(self.also.format(low=f"'{low}'::xid8"))
            if period is not None:
                conditions.append(self.period.format(start=period[0], end=period[1]))
        # A union, not an `or`: each part finds its rows by an index of its own.
        rows = " union ".join(f"select t.* from {self.name} t where {condition}" for condition in conditions)
        return f"with t as ({rows}) select {self.columns} from t {self.joins}"


BUYER = "left join user_account buyer on buyer.id = t.buyer_id"
PLACES = """
left join (
  select event_id, ticket_type_id, sum(places)::bigint as places
  from (
    select event_id, ticket_type_id, count(*) as places from event_seat
    where event_id in (select event_id from t) and block_reason is distinct from 'killed'
    group by event_id, ticket_type_id
    union all
    select event_id, ticket_type_id, sum(capacity) from pool where event_id in (select event_id from t) group by event_id, ticket_type_id
  ) part
  group by event_id, ticket_type_id
) place on place.event_id = t.event_id and place.ticket_type_id = t.id
"""

OF_ORDER = "t.order_id in (select id from ticket_order where placed_at >= {start} and placed_at < {end})"

PUBLISHED = (
    Published("vendor", "t.id, t.slug, t.name, t.zone"),
    Published("venue", "t.id, t.vendor_id, t.name, t.city, t.country, t.zone"),
    Published(
        "event",
        "t.id, t.vendor_id, t.venue_id, t.series_id, t.title, t.category, t.local_start, t.zone, t.starts_at, t.sales_open_at,"
        " t.sales_close_at, t.currency, t.status, t.published_at",
        also="t.venue_id in (select id from venue where changed_xid >= {low})",
    ),
    Published(
        "ticket_type",
        "t.id, t.event_id, t.vendor_id, t.name, t.position, t.price_minor, t.fee_minor, t.tax_minor, coalesce(place.places, 0) as capacity",
        joins=PLACES,
        also="t.event_id in (select id from event where changed_xid >= {low})",
    ),
    Published(
        "hold",
        "t.id, t.vendor_id, t.event_id, buyer.analytics_id, t.state, t.quantity, t.created_at, t.expires_at, t.order_id, t.ended_at",
        joins=BUYER,
        period="t.created_at >= {start} and t.created_at < {end}",
    ),
    Published(
        "ticket_order",
        "t.id, t.vendor_id, buyer.analytics_id, t.state, t.currency, t.subtotal_minor, t.discount_minor, t.fee_minor, t.tax_minor,"
        " t.total_minor, t.placed_at, t.expires_at, t.confirmed_at, t.ended_at, t.paid_by_payment, t.channel, t.referrer, t.late_reclaim",
        joins=BUYER,
        period="t.placed_at >= {start} and t.placed_at < {end}",
    ),
    Published(
        "order_line",
        "t.id, t.vendor_id, t.order_id, t.line_no, t.hold_id, t.event_id, t.ticket_type_id, t.seat_no, t.pool_id, t.price_minor,"
        " t.fee_minor, t.tax_minor, t.discount_minor, t.state",
        period=OF_ORDER,
    ),
    Published("order_event", "t.id, t.order_id, t.kind, t.recorded_at", period=OF_ORDER),
    Published(
        "payment",
        "t.id, t.vendor_id, t.order_id, t.provider, t.state, t.currency, t.amount_minor, t.captured_minor, t.refund_reserved_minor,"
        " t.refunded_minor, t.created_at, t.captured_at",
        period=OF_ORDER,
    ),
    Published(
        "refund",
        "t.id, t.vendor_id, t.batch_id, t.payment_id, t.order_id, t.amount_minor, t.currency, t.reason, t.state, t.created_at, t.done_at",
        period=OF_ORDER,
    ),
    Published(
        "refund_line",
        "t.refund_id, t.order_line_id, t.amount_minor",
        period=f"t.refund_id in (select id from refund t where {OF_ORDER})",
    ),
    Published(
        "ledger_entry",
        "t.id, t.journal_id, t.journal_kind, t.account, t.vendor_id, t.order_id, t.event_id, t.payment_id, t.refund_id, t.amount_minor,"
        " t.currency, t.recorded_at",
        period=OF_ORDER,
    ),
    Published(
        "ticket",
        "t.id, t.vendor_id, t.order_id, t.order_line_id, t.event_id, t.ticket_type_id, t.seat_no, holder.analytics_id, t.state,"
        " t.issued_at, t.ended_at",
        joins="left join user_account holder on holder.id = t.holder_id",
        period=OF_ORDER,
    ),
)

TOTALS = """
select 'vendor' as table_name, '' as part, count(*) as counted, 0::bigint as total from vendor
union all
select 'venue', '', count(*), 0 from venue
union all
select 'event', status, count(*), 0 from event group by status
union all
select 'ticket_type', event_id::text, count(*), sum(price_minor + fee_minor)::bigint from ticket_type group by event_id
union all
select 'capacity', y.event_id::text, count(*), sum(coalesce(s.places, 0) + coalesce(p.places, 0))::bigint
from ticket_type y
join event e on e.id = y.event_id and e.starts_at > app_now()
left join (
  select event_id, ticket_type_id, count(*) as places from event_seat
  where event_id in (select id from event where starts_at > app_now()) and block_reason is distinct from 'killed'
  group by event_id, ticket_type_id
) s on s.event_id = y.event_id and s.ticket_type_id = y.id
left join (
  select event_id, ticket_type_id, sum(capacity) as places from pool group by event_id, ticket_type_id
) p on p.event_id = y.event_id and p.ticket_type_id = y.id
group by y.event_id
union all
select 'hold', concat(event_id, ' ', state), count(*), sum(quantity)::bigint from hold group by event_id, state
union all
select 'ticket_order', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(total_minor)::bigint
from ticket_order group by vendor_id, state, currency
union all
select 'order_line', concat(event_id, ' ', state), count(*), sum(price_minor - discount_minor + fee_minor)::bigint
from order_line group by event_id, state
union all
select 'order_event', kind, count(*), 0 from order_event group by kind
union all
select 'payment', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(captured_minor - refunded_minor)::bigint
from payment group by vendor_id, state, currency
union all
select 'refund', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(amount_minor)::bigint
from refund group by vendor_id, state, currency
union all
select 'refund_line', r.currency, count(*), sum(l.amount_minor)::bigint
from refund_line l join refund r on r.id = l.refund_id group by r.currency
union all
select 'ledger_entry', concat(coalesce(event_id::text, '-'), ' ', journal_kind, ' ', account, ' ', currency), count(*),
  sum(amount_minor)::bigint
from ledger_entry group by event_id, journal_kind, account, currency
union all
select 'ticket', concat(event_id, ' ', state), count(*), 0 from ticket group by event_id, state
"""
"""Counts and sums of the core, by table and part: what the warehouse must agree with (invariant W1)."""
