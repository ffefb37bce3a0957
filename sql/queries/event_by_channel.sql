-- One event by the channel through which its orders came, the most tickets first.
-- parameters: event (uuid)
-- columns: channel, currency, tickets, cancelled_tickets, sold, gross_minor, discount_minor, fee_minor, refund_minor, net_minor
select
  s.channel,
  s.currency,
  cast(sum(s.tickets) as bigint) as tickets,
  cast(sum(s.cancelled_tickets) as bigint) as cancelled_tickets,
  cast(sum(s.tickets - s.cancelled_tickets) as bigint) as sold,
  cast(sum(s.gross_minor) as bigint) as gross_minor,
  cast(sum(s.discount_minor) as bigint) as discount_minor,
  cast(sum(s.fee_minor) as bigint) as fee_minor,
  cast(sum(s.refund_minor) as bigint) as refund_minor,
  cast(sum(s.net_minor) as bigint) as net_minor,
from {sales_daily} s
where s.event_id = $event
group by s.channel, s.currency
order by tickets desc, s.channel, s.currency
