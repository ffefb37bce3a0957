-- Sales by day and currency, in order: the days on which something was sold, cancelled or paid back.
-- parameters: for_event (uuid; null: all), from_day, to_day (dates in the vendor's zone, both included; null: no limit)
-- columns: day, currency, tickets, cancelled_tickets, sold (tickets - cancelled_tickets), gross_minor, discount_minor,
--   fee_minor, tax_minor, refund_minor, net_minor
select
  s.day,
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
where ($for_event is null or s.event_id = cast($for_event as uuid))
  and ($from_day is null or s.day >= cast($from_day as date))
  and ($to_day is null or s.day <= cast($to_day as date))
group by s.day, s.currency
order by s.day, s.currency
