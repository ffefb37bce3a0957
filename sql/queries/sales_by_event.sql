-- Sales by event, in the order in which they begin: events of which something was sold, cancelled or paid back.
-- parameters: for_event (uuid; null: all), from_day, to_day (dates in the vendor's zone, both included; null: no limit)
-- columns: event_id, title, starts_at (UTC), currency, tickets, cancelled_tickets, sold (tickets - cancelled_tickets), gross_minor, discount_minor,
--   fee_minor, tax_minor, refund_minor, net_minor
select
  e.event_id,
  e.title,
  e.starts_at,
  s.currency,
  cast(sum(s.tickets) as bigint) as tickets,
  cast(sum(s.cancelled_tickets) as bigint) as cancelled_tickets,
  cast(sum(s.tickets - s.cancelled_tickets) as bigint) as sold,
  cast(sum(s.gross_minor) as bigint) as gross_minor,
  cast(sum(s.discount_minor) as bigint) as discount_minor,
  cast(sum(s.fee_minor) as bigint) as fee_minor,
  cast(sum(s.tax_minor) as bigint) as tax_minor,
  cast(sum(s.refund_minor) as bigint) as refund_minor,
  cast(sum(s.net_minor) as bigint) as net_minor,
from {sales_daily} s
join {event} e on e.event_id = s.event_id
where ($for_event is null or s.event_id = cast($for_event as uuid))
  and ($from_day is null or s.day >= cast($from_day as date))
  and ($to_day is null or s.day <= cast($to_day as date))
group by e.event_id, e.title, e.starts_at, s.currency
order by e.starts_at, e.event_id, s.currency
