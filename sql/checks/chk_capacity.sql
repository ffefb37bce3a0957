-- No ticket type has a negative capacity, has sold more than it has, or got more back than it sold.
with latest as (
  select ticket_type_id, arg_max(sold_cumulative, day) as sold from mart_sell_through group by ticket_type_id
)
select t.event_id, t.ticket_type_id, t.capacity, l.sold
from dim_ticket_type t
left join latest l on l.ticket_type_id = t.ticket_type_id
where t.capacity < 0 or l.sold > t.capacity or l.sold < 0
