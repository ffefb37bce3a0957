-- One event by day, in order: the days on which something was sold, cancelled or paid back (in the vendor's zone).
-- parameters: event (uuid)
-- columns: day, currency, tickets, cancelled_tickets, sold (tickets - cancelled_tickets), gross_minor, discount_minor, fee_minor,
--   refund_minor, net_minor, sold_cumulative (from the first day on)
with daily as (
  select
    s.day,
    s.currency,
    sum(s.tickets) as tickets,
    sum(s.cancelled_tickets) as cancelled_tickets,
    sum(s.gross_minor) as gross_minor,
    sum(s.discount_minor) as discount_minor,
    sum(s.fee_minor) as fee_minor,
    sum(s.refund_minor) as refund_minor,
    sum(s.net_minor) as net_minor,
  from {sales_daily} s
  where s.event_id = $event
  group by s.day, s.currency
)
select
  day,
  currency,
  cast(tickets as bigint) as tickets,
  cast(cancelled_tickets as bigint) as cancelled_tickets,
  cast(tickets - cancelled_tickets as bigint) as sold,
  cast(gross_minor as bigint) as gross_minor,
  cast(discount_minor as bigint) as discount_minor,
  cast(fee_minor as bigint) as fee_minor,
  cast(refund_minor as bigint) as refund_minor,
  cast(net_minor as bigint) as net_minor,
  cast(sum(tickets - cancelled_tickets) over (partition by currency order by day) as bigint) as sold_cumulative,
from daily
order by day, currency
