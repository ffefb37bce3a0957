-- Every event of the vendor that has been published, with its totals, in the order in which they begin.
-- parameters: none
-- columns: event_id, title, category, starts_at (UTC), local_start (in zone), zone, venue_name, city, status, sales_open_at,
--   currency, tickets, cancelled_tickets, sold, gross_minor, discount_minor, fee_minor, tax_minor, refund_minor, net_minor,
--   capacity, share (sold / capacity, 0 to 1, null without capacity), first_sale_day, last_sale_day (null: no sale)
select
  e.event_id,
  e.title,
  e.category,
  e.starts_at,
  e.local_start,
  e.zone,
  e.venue_name,
  e.city,
  e.status,
  e.sales_open_at,
  t.currency,
  t.tickets,
  t.cancelled_tickets,
  t.sold,
  t.gross_minor,
  t.discount_minor,
  t.fee_minor,
  t.tax_minor,
  t.refund_minor,
  t.net_minor,
  t.capacity,
  t.share,
  t.first_sale_day,
  t.last_sale_day,
from {event} e
join {event_totals} t on t.event_id = e.event_id
where e.status not in ('draft', 'withdrawn')
order by e.starts_at, e.event_id
