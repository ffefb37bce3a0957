-- O1: the outbox is consumed without gaps
-- severity: safety
-- base: outbox
-- Grain: one row per entry that was passed over: it waits, though a later one of its topic was consumed five minutes ago.
-- A short gap is no fault: rows of transactions that overlap become visible out of order.

select count(*) as examined from outbox;

with reached as (
  select topic, max(id) as id from outbox where consumed_at < app_now() - interval '5 minutes' group by topic
)

select format('outbox %s', o.id) as subject, format('%s for %s was passed over', o.topic, o.subject_id) as problem
from outbox o
join reached r on r.topic = o.topic and o.id < r.id
where o.consumed_at is null;
