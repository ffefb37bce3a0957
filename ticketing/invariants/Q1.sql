-- Q1: admission in order
-- severity: safety
-- base: queue_entry
-- Grain: one row per entry that was let in before somebody in front, or that was passed over.
-- Who walks away is not passed over; who enters again has a new place behind the others.

select count(*) as examined from queue_entry;

with placed as (
  select e.id, e.event_id, e.position, e.state, e.admitted_at, q.admitted_upto,
    max(e.admitted_at) over (partition by e.event_id order by e.position rows between unbounded preceding and 1 preceding) as latest_before
  from queue_entry e
  join queue q on q.event_id = e.event_id
  where e.position is not null
)

select format('entry %s', id) as subject, format('at position %s was let in before somebody in front', position) as problem
from placed
where admitted_at < latest_before
union all
select format('entry %s', id), format('waits at position %s, and %s have been let in', position, admitted_upto)
from placed
where state = 'waiting' and position <= admitted_upto
union all
select format('entry %s', id), format('was let in at position %s, beyond %s', position, admitted_upto)
from placed
where admitted_at is not null and position > admitted_upto;
