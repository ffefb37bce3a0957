-- The figures of an event so far: every page that shows an event's total shows these.
-- grain: event_id
-- source: dim_event, dim_ticket_type, mart_sales_daily; a view
-- units: money in minor units of `currency`; days in the vendor's zone; `share` from 0 to 1
with place as (
  select event_id, sum(capacity) as capacity from dim_ticket_type group by event_id
),
sale as (
  select
    event_id,
    currency,
    sum(tickets) as tickets,
    sum(cancelled_tickets) as cancelled_tickets,
    sum(gross_minor) as gross_minor,
    sum(discount_minor) as discount_minor,
    sum(fee_minor) as fee_minor,
    sum(tax_minor) as tax_minor,
    sum(refund_minor) as refund_minor,
    sum(net_minor) as net_minor,
    min(day) filter (where tickets > 0) as first_sale_day,
    max(day) filter (where tickets > 0) as last_sale_day,
  from mart_sales_daily
  group by event_id, currency
)
select
  e.vendor_id,  -- the vendor
  e.event_id,  -- the event
  e.currency,  -- ISO 4217 code of the amounts; all sales of an event are in it
  cast(coalesce(s.tickets, 0) as bigint) as tickets,  -- tickets sold, those included that were given back later
  cast(coalesce(s.cancelled_tickets, 0) as bigint) as cancelled_tickets,  -- tickets given back
  cast(coalesce(s.tickets - s.cancelled_tickets, 0) as bigint) as sold,  -- tickets that stand: tickets - cancelled_tickets
  cast(coalesce(s.gross_minor, 0) as bigint) as gross_minor,  -- gross: price (tax included) and fee of all tickets sold, before discounts
  cast(coalesce(s.discount_minor, 0) as bigint) as discount_minor,  -- discounts on them
  cast(coalesce(s.fee_minor, 0) as bigint) as fee_minor,  -- the platform's fees on them, part of gross
  cast(coalesce(s.tax_minor, 0) as bigint) as tax_minor,  -- the tax that their prices contain, part of gross
  cast(coalesce(s.refund_minor, 0) as bigint) as refund_minor,  -- paid back to buyers
  cast(coalesce(s.net_minor, 0) as bigint) as net_minor,  -- net: gross - discounts - refunds
  cast(coalesce(p.capacity, 0) as bigint) as capacity,  -- places that can be sold, at present
  cast(coalesce(s.tickets - s.cancelled_tickets, 0) as bigint) / nullif(cast(p.capacity as bigint), 0) as share,  -- sell-through: sold / capacity
  s.first_sale_day,  -- the first day with a sale
  s.last_sale_day,  -- the latest day with a sale
from dim_event e
left join place p on p.event_id = e.event_id
left join sale s on s.event_id = e.event_id and s.currency = e.currency
