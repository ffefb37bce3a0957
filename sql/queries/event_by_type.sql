-- One event by ticket type, unsold ones included, in the order in which they are listed.
-- parameters: event (uuid)
-- columns: ticket_type_id, name, position, price_minor, list_fee_minor (each, at present), currency, capacity, tickets,
--   cancelled_tickets, sold, gross_minor, discount_minor, fee_minor, refund_minor, net_minor, share (sold / capacity)
with sale as (
  select
    s.ticket_type_id,
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
  group by s.ticket_type_id, s.currency
)
select
  t.ticket_type_id,
  t.name,
  t.position,
  t.price_minor,
  t.fee_minor as list_fee_minor,
  e.currency,
  t.capacity,
  cast(coalesce(s.tickets, 0) as bigint) as tickets,
  cast(coalesce(s.cancelled_tickets, 0) as bigint) as cancelled_tickets,
  cast(coalesce(s.tickets - s.cancelled_tickets, 0) as bigint) as sold,
  cast(coalesce(s.gross_minor, 0) as bigint) as gross_minor,
  cast(coalesce(s.discount_minor, 0) as bigint) as discount_minor,
  cast(coalesce(s.fee_minor, 0) as bigint) as fee_minor,
  cast(coalesce(s.refund_minor, 0) as bigint) as refund_minor,
  cast(coalesce(s.net_minor, 0) as bigint) as net_minor,
  cast(coalesce(s.tickets - s.cancelled_tickets, 0) as bigint) / nullif(t.capacity, 0) as share,
from {ticket_type} t
join {event} e on e.event_id = t.event_id
left join sale s on s.ticket_type_id = t.ticket_type_id and s.currency = e.currency
where t.event_id = $event
order by t.position, t.name
