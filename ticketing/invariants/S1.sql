-- S1: one live claim per seat
-- severity: safety
-- base: event_seat
-- Grain: one row per seat that is claimed twice, or whose row names another claim than the rows that make it.
-- A live claim is a ticket that still admits, or a line of an active hold whose time is not over. A held seat whose
-- `held_until` has passed is free, whatever its hold's state says.

select count(*) as examined from event_seat;

with live_hold as (
  select id, expires_at from hold where state = 'active' and expires_at > app_now()
),

claim as (
  select l.event_id, l.seat_no, 'hold' as kind, h.id as claimed_by, h.expires_at
  from live_hold h
  join hold_line l on l.hold_id = h.id
  where l.seat_no is not null
  union all
  select event_id, seat_no, 'ticket', id, null
  from ticket
  where seat_no is not null and state in ('valid', 'used', 'listed')
),

twice as (
  select event_id, seat_no, count(*) as claims from claim group by event_id, seat_no having count(*) > 1
)

select format('seat %s of event %s', seat_no, event_id) as subject, format('has %s live claims', claims) as problem
from twice
union all
select format('hold %s', c.claimed_by), format('its seat %s of event %s is not held by it', c.seat_no, c.event_id)
from claim c
left join event_seat es on es.event_id = c.event_id and es.seat_no = c.seat_no
where c.kind = 'hold'
  and (es.state is distinct from 'held' or es.hold_id is distinct from c.claimed_by or es.held_until is distinct from c.expires_at)
union all
select format('seat %s of event %s', es.seat_no, es.event_id), format('is held until %s by hold %s, which is not live', es.held_until, es.hold_id)
from event_seat es
left join live_hold h on h.id = es.hold_id
where es.state = 'held' and es.held_until > app_now() and h.id is null;
