-- S4: counters equal the rows they count
-- severity: safety
-- base: hold
-- Grain: one row per hold, pool or allowance that disagrees with its rows.
-- A hold counts until it is ended: one whose time is over but which nobody has swept yet still stands in `pool.held` and in
-- `buyer_allowance.taken`. An allowance is raised when places are held, kept when they are bought, lowered when they are
-- released, expire, or are cancelled.

select count(*) as examined from hold;

with active_line as (
  select h.id, h.event_id, h.buyer_id, l.pool_id, l.quantity
  from hold h
  join hold_line l on l.hold_id = h.id
  where h.state = 'active'
),

pool_count as (
  select p.id, p.held, coalesce(sum(a.quantity), 0) as counted
  from pool p
  left join active_line a on a.pool_id = p.id
  group by p.id, p.held
),

hold_count as (
  select h.id, h.quantity, coalesce(l.counted, 0) as counted
  from hold h
  left join (select hold_id, sum(quantity) as counted from hold_line group by hold_id) l on l.hold_id = h.id
),

taken as (
  select event_id, buyer_id, sum(quantity) as counted
  from (
    select event_id, buyer_id, quantity from active_line
    union all
    select l.event_id, o.buyer_id, 1 from order_line l join ticket_order o on o.id = l.order_id where l.state = 'confirmed'
  ) place
  group by event_id, buyer_id
),

allowance as (
  select coalesce(a.event_id, t.event_id) as event_id, coalesce(a.buyer_id, t.buyer_id) as buyer_id,
    coalesce(a.taken, 0) as taken, coalesce(t.counted, 0) as counted
  from buyer_allowance a
  full join taken t on t.event_id = a.event_id and t.buyer_id = a.buyer_id
)

select format('pool %s', id) as subject, format('counts %s held; active holds have %s', held, counted) as problem
from pool_count
where held <> counted
union all
select format('hold %s', id), format('says %s places and has %s', quantity, counted)
from hold_count
where quantity <> counted
union all
select format('buyer %s at event %s', buyer_id, event_id), format('the allowance says %s taken; holds and tickets make %s', taken, counted)
from allowance
where taken <> counted;
