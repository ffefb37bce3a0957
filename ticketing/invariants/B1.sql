-- B1: a blocked seat is in one block, and a seat of a block is blocked
-- severity: safety
-- base: event_block_seat
-- Grain: one row per seat. A seat leaves its block when it is released, or given away. The seats of a withdrawn event are all
-- closed, in a block or not.

select count(*) as examined from event_block_seat;

with standing as (
  select s.event_id, s.seat_no, b.id as block_id, b.reason, b.event_id as block_event_id
  from event_block_seat s
  join event_block b on b.id = s.block_id
  join event e on e.id = s.event_id and e.status <> 'withdrawn'
  where s.ended_at is null
),

blocked as (
  select es.event_id, es.seat_no, es.block_reason
  from event_seat es
  join event e on e.id = es.event_id and e.status <> 'withdrawn'
  where es.state = 'blocked'
)

select format('seat %s of event %s', coalesce(b.seat_no, s.seat_no), coalesce(b.event_id, s.event_id)) as subject,
  case
    when s.block_id is null then format('is blocked (%s) and in no block', b.block_reason)
    when b.seat_no is null then format('is in block %s and not blocked', s.block_id)
    else format('is blocked as %s, its block %s is for %s', b.block_reason, s.block_id, s.reason)
  end as problem
from blocked b
full join standing s on s.event_id = b.event_id and s.seat_no = b.seat_no
where s.block_id is null or b.seat_no is null or b.block_reason is distinct from s.reason or s.block_event_id <> s.event_id
union all
select format('seat %s of event %s', seat_no, event_id), format('is %s and has the reason %s of a block', state, block_reason)
from event_seat
where state <> 'blocked' and block_reason is not null;
