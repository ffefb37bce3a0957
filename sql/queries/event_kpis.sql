-- The totals of one event: one row, or none if it is not the vendor's.
-- parameters: event (uuid)
-- columns: as of overview
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
where e.event_id = $event
