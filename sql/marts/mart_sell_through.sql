-- How far each ticket type is sold, on each day on which that changed.
-- grain: event_id, ticket_type_id, day
-- source: mart_sales_daily, dim_ticket_type; only events in changed_events
-- units: places; `share` from 0 to 1; days in the vendor's zone
with daily as (
  select
    s.vendor_id,
    s.event_id,
    s.ticket_type_id,
    s.day,
    sum(s.tickets - s.cancelled_tickets) as sold,
  from mart_sales_daily s
  join changed_events c on c.event_id = s.event_id
  where s.tickets > 0 or s.cancelled_tickets > 0
  group by all
),
running as (
  select *, sum(sold) over (partition by event_id, ticket_type_id order by day) as sold_cumulative from daily
)
select
  r.vendor_id,  -- the vendor
  r.event_id,  -- the event
  r.ticket_type_id,  -- the price category
  r.day,  -- the day, in the vendor's zone
  t.capacity,  -- places that can be sold, at present
  cast(r.sold as bigint) as sold,  -- tickets sold less tickets given back, that day
  cast(r.sold_cumulative as bigint) as sold_cumulative,  -- the same from the first day on
  cast(r.sold_cumulative as bigint) / nullif(t.capacity, 0) as share,  -- sold_cumulative / capacity; null where there is no capacity
from running r
join dim_ticket_type t on t.ticket_type_id = r.ticket_type_id
