-- Sales, refunds and cancellations by day. The one definition of gross, discount, fee, tax, refund and net.
-- grain: event_id, ticket_type_id, channel, day, currency
-- source: fct_order_lines, fct_orders, fct_refund_lines, fct_refunds, fct_tickets, dim_vendor; only events in changed_events
-- units: money in minor units of `currency`; days in the vendor's zone
with sold as (
  select
    l.event_id,
    l.ticket_type_id,
    o.order_id,
    count(*) as tickets,
    sum(l.price_minor + l.fee_minor) as gross_minor,
    sum(l.discount_minor) as discount_minor,
    sum(l.fee_minor) as fee_minor,
    sum(l.tax_minor) as tax_minor,
    0 as refund_minor,
    0 as cancelled_tickets,
    o.confirmed_at as happened_at,
  from fct_order_lines l
  join changed_events c on c.event_id = l.event_id
  join fct_orders o on o.order_id = l.order_id
  where l.state in ('confirmed', 'cancelled')
  group by all
),
refunded as (
  select l.event_id, l.ticket_type_id, l.order_id, 0, 0, 0, 0, 0, sum(r.amount_minor), 0, f.done_at,
  from fct_refund_lines r
  join fct_order_lines l on l.order_line_id = r.order_line_id
  join changed_events c on c.event_id = l.event_id
  join fct_refunds f on f.refund_id = r.refund_id
  where f.state = 'succeeded'
  group by all
),
given_back as (
  select t.event_id, t.ticket_type_id, t.order_id, 0, 0, 0, 0, 0, 0, count(*), t.ended_at,
  from fct_tickets t
  join changed_events c on c.event_id = t.event_id
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
  o.vendor_id,  -- the vendor
  m.event_id,  -- the event
  m.ticket_type_id,  -- the price category
  o.channel,  -- through which the order came
  cast(timezone(v.zone, m.happened_at) as date) as day,  -- the day of the sale, the refund or the cancellation, in the vendor's zone
  o.currency,  -- ISO 4217 code of the amounts
  cast(sum(m.tickets) as bigint) as tickets,  -- tickets sold that day, those included that were given back later
  cast(sum(m.gross_minor) as bigint) as gross_minor,  -- gross: price (tax included) and fee of the tickets sold that day, before discounts
  cast(sum(m.discount_minor) as bigint) as discount_minor,  -- discounts on them
  cast(sum(m.fee_minor) as bigint) as fee_minor,  -- the platform's fees on them, part of gross
  cast(sum(m.tax_minor) as bigint) as tax_minor,  -- the tax that their prices contain, part of gross
  cast(sum(m.refund_minor) as bigint) as refund_minor,  -- paid back that day for order lines of this event
  cast(sum(m.cancelled_tickets) as bigint) as cancelled_tickets,  -- tickets given back that day, whenever they were sold
  cast(sum(m.gross_minor - m.discount_minor - m.refund_minor) as bigint) as net_minor,  -- net: gross - discounts - refunds
from movement m
join fct_orders o on o.order_id = m.order_id
join dim_vendor v on v.vendor_id = o.vendor_id
group by all
