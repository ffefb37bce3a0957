-- H3: no buyer has more places of an event than one buyer may
-- severity: safety
-- base: buyer_allowance
-- Grain: one row per buyer and event. Places are counted from live holds and confirmed lines, not from the counter. The cap
-- is the one that stood when the buyer last claimed: a vendor may lower it later without taking anything back.

select count(*) as examined from buyer_allowance;

with place as (
  select h.event_id, h.buyer_id, l.quantity
  from hold h
  join hold_line l on l.hold_id = h.id
  where h.state = 'active' and h.expires_at > app_now()
  union all
  select l.event_id, o.buyer_id, 1
  from order_line l
  join ticket_order o on o.id = l.order_id
  where l.state = 'confirmed'
),

counted as (
  select event_id, buyer_id, sum(quantity) as places from place group by event_id, buyer_id
)

select format('buyer %s at event %s', c.buyer_id, c.event_id) as subject, format('has %s places; the cap was %s', c.places, a.allowed) as problem
from counted c
left join buyer_allowance a on a.event_id = c.event_id and a.buyer_id = c.buyer_id
where c.places > coalesce(a.allowed, 0);
