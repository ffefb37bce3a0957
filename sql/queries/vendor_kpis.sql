-- The vendor's totals over all published events: one row per currency, for amounts of different currencies are never added.
-- parameters: none
-- columns: currency, events, tickets, cancelled_tickets, sold, gross_minor, discount_minor, fee_minor, tax_minor, refund_minor,
--   net_minor, capacity, share (sold / capacity)
select
  t.currency,
  count(*) as events,
  cast(sum(t.tickets) as bigint) as tickets,
  cast(sum(t.cancelled_tickets) as bigint) as cancelled_tickets,
  cast(sum(t.sold) as bigint) as sold,
  cast(sum(t.gross_minor) as bigint) as gross_minor,
  cast(sum(t.discount_minor) as bigint) as discount_minor,
  cast(sum(t.fee_minor) as bigint) as fee_minor,
  cast(sum(t.tax_minor) as bigint) as tax_minor,
  cast(sum(t.refund_minor) as bigint) as refund_minor,
  cast(sum(t.net_minor) as bigint) as net_minor,
  cast(sum(t.capacity) as bigint) as capacity,
  sum(t.sold) / nullif(sum(t.capacity), 0) as share,
from {event_totals} t
join {event} e on e.event_id = t.event_id
where e.status not in ('draft', 'withdrawn')
group by t.currency
order by t.currency
