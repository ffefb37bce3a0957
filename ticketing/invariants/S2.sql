-- S2: a sold place has exactly one live ticket, a live ticket exactly one sold place
-- severity: safety
-- base: ticket
-- Grain: one row per seat, pool or line that disagrees. Live tickets are valid, used or listed. Named seats are compared
-- one by one; a pool's `sold` with the live tickets of its order lines.

select count(*) as examined from ticket;

with live as (
  select id, order_line_id, event_id, seat_no from ticket where state in ('valid', 'used', 'listed')
),

sold as (
  select event_id, seat_no, ticket_id from event_seat where state = 'sold'
),

seat_pair as (
  select coalesce(s.event_id, t.event_id) as event_id, coalesce(s.seat_no, t.seat_no) as seat_no, s.ticket_id, t.id as live_id
  from sold s
  full join (select * from live where seat_no is not null) t on t.event_id = s.event_id and t.seat_no = s.seat_no
),

line_ticket as (
  select l.id, l.order_id, l.state, l.pool_id, l.event_id = t.event_id and l.seat_no is not distinct from t.seat_no as same_place, t.id as live_id
  from order_line l
  full join live t on t.order_line_id = l.id
),

pool_count as (
  select p.id, p.sold, count(n.live_id) as tickets
  from pool p
  left join (select pool_id, live_id from line_ticket where live_id is not null) n on n.pool_id = p.id
  group by p.id, p.sold
)

select format('seat %s of event %s', seat_no, event_id) as subject,
  case
    when live_id is null then format('is sold for ticket %s, which is not live', ticket_id)
    when ticket_id is null then format('has live ticket %s and is not sold', live_id)
    else format('is sold for ticket %s and has live ticket %s', ticket_id, live_id)
  end as problem
from seat_pair
where live_id is distinct from ticket_id
union all
select format('order line %s', id),
  case
    when live_id is null then 'is confirmed and has no live ticket'
    when state <> 'confirmed' then format('is %s and has live ticket %s', state, live_id)
    else format('has live ticket %s for another place', live_id)
  end
from line_ticket
where (state = 'confirmed') is distinct from (live_id is not null) or (live_id is not null and not same_place)
union all
select format('pool %s', id), format('counts %s sold and has %s live tickets', sold, tickets)
from pool_count
where sold <> tickets;
