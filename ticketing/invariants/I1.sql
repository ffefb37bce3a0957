-- I1: one effect per idempotency key
-- severity: safety
-- base: idempotency_key
-- Grain: one row per key or effect. A key names one thing, that thing exists and is the actor's, no other key names it, and
-- nothing was made without a key (keys are kept 48 hours, so things whose id says they are younger than 47 are looked at).

select count(*) as examined from idempotency_key;

with effect as (
  select 'hold' as kind, id, buyer_id as actor_id from hold
  union all
  select 'order', id, buyer_id from ticket_order
  union all
  select 'payment', p.id, o.buyer_id from payment p join ticket_order o on o.id = p.order_id
),

made as (
  select k.kind, k.actor_id, k.key, k.resource_id from idempotency_key k where k.kind in ('hold', 'order', 'payment')
)

select format('key %s of %s', k.key, k.actor_id) as subject, format('names %s %s, which is not there or not theirs', k.kind, k.resource_id) as problem
from made k
left join effect e on e.kind = k.kind and e.id = k.resource_id
where e.actor_id is distinct from k.actor_id
union all
select format('%s %s', kind, resource_id), format('was made under %s keys', count(*))
from made
group by kind, resource_id
having count(*) > 1
union all
select format('%s %s', e.kind, e.id), 'was made without a key'
from effect e
left join made k on k.kind = e.kind and k.resource_id = e.id
where k.key is null and uuid_extract_timestamp(e.id) > clock_timestamp() - interval '47 hours'
union all
select format('%s', subject_id), format('has %s entries of %s', count(*), action)
from audit_entry
where action in ('hold.created', 'order.placed', 'payment.started', 'order.confirmed', 'refund.planned', 'refund.settled')
group by subject_id, action
having count(*) > 1;
