-- Sales, refunds and cancellations by day. The one definition of gross, discount, fee, tax, refund and net.
-- grain: event_id, ticket_type_id, channel, day, currency
-- source: fct_order_lines, fct_orders, fct_refund_lines, fct_refunds, fct_tickets, dim_vendor; only events in changed_events
-- units: money in minor units of `currency`; days in the vendor's zone
with purchase as (
  select
    o.order_id,
    o.vendor_id,
    o.channel,
    o.currency,
    v.zone,
    cast(timezone(v.zone, o.confirmed_at) as date) as sale_day,
  from fct_orders o
  join dim_vendor v on v.vendor_id = o.vendor_id
),
sold as (
  select
    p.vendor_id,
    l.event_id,
    l.ticket_type_id,
    p.channel,
    p.sale_day as day,
    p.currency,
    count(*) as tickets,
    sum(l.price_minor + l.fee_minor) as gross_minor,
    sum(l.discount_minor) as discount_minor,
    sum(l.fee_minor) as fee_minor,
    sum(l.tax_minor) as tax_minor,
    0 as refund_minor,
    0 as cancelled_tickets,
  from fct_order_lines l
  join changed_events c on c.event_id = l.event_id
  join purchase p on p.order_id = l.order_id
  where l.state in ('confirmed', 'cancelled')
  group by all
),
refunded as (
  select p.vendor_id, l.event_id, l.ticket_type_id, p.channel, cast(timezone(p.zone, f.done_at) as date) as day, p.currency,
    0, 0, 0, 0, 0, sum(r.amount_minor), 0,
  from fct_refund_lines r
  join fct_order_lines l on l.order_line_id = r.order_line_id
  join changed_events c on c.event_id = l.event_id
  join fct_refunds f on f.refund_id = r.refund_id
  join purchase p on p.order_id = l.order_id
  where f.state = 'succeeded'
  group by all
),
given_back as (
  select p.vendor_id, t.event_id, t.ticket_type_id, p.channel, cast(timezone(p.zone, t.ended_at) as date) as day, p.currency,
    0, 0, 0, 0, 0, 0, count(*),
  from fct_tickets t
  join changed_events c on c.event_id = t.event_id
  join purchase p on p.order_id = t.order_id
  where t.state = 'cancelled'
  group by all
),
movement as (
  select * from sold
  union all
  select * from refunded
  union all
  select * from given_back
)
select
  m.vendor_id,  -- the vendor
  m.event_id,  -- the event
  m.ticket_type_id,  -- the price category
  m.channel,  -- through which the order came
  m.day,  -- the day of the sale, the refund or the cancellation, in the vendor's zone
  m.currency,  -- ISO 4217 code of the amounts
  cast(sum(m.tickets) as bigint) as tickets,  -- tickets sold that day, those included that were given back later
  cast(sum(m.gross_minor) as bigint) as gross_minor,  -- gross: price (tax included) and fee of the tickets sold that day, before discounts
  cast(sum(m.discount_minor) as bigint) as discount_minor,  -- discounts on them
  cast(sum(m.fee_minor) as bigint) as fee_minor,  -- the platform's fees on them, part of gross
  cast(sum(m.tax_minor) as bigint) as tax_minor,  -- the tax that their prices contain, part of gross
  cast(sum(m.refund_minor) as bigint) as refund_minor,  -- paid back that day for order lines of this event
  cast(sum(m.cancelled_tickets) as bigint) as cancelled_tickets,  -- tickets given back that day, whenever they were sold
  cast(sum(m.gross_minor - m.discount_minor - m.refund_minor) as bigint) as net_minor,  -- net: gross - discounts - refunds
from movement m
group by all
