-- A1: every change is audited, and the seals are unbroken
-- severity: safety
-- base: audit_entry
-- Grain: one row per thing whose state nobody accounts for. The seals over the entries are recomputed beside
-- this, by `audit.service.check_seals`.

select count(*) as examined from audit_entry;

with expected as (
  select id as subject_id, 'hold.created' as action from hold
  union all
  select id, 'hold.' || state from hold where state in ('released', 'expired')
  union all
  select id, 'order.placed' from ticket_order
  union all
  select id, 'order.confirmed' from ticket_order where confirmed_at is not null
  union all
  select id, 'order.' || state from ticket_order where state in ('expired', 'cancelled', 'completed')
  union all
  select id, 'payment.started' from payment
  union all
  select id, 'refund.planned' from refund
  union all
  select id, 'refund.settled' from refund where state = 'succeeded'
)

select format('%s', e.subject_id) as subject, format('has no entry %s', e.action) as problem
from expected e
where not exists (select from audit_entry a where a.subject_id = e.subject_id and a.action = e.action)
union all
select format('payment %s', p.id), 'took money, and neither payment.captured nor order.confirmed says so'
from payment p
where p.captured_minor > 0
  and not exists (select from audit_entry a where a.subject_id = p.id and a.action = 'payment.captured')
  and not exists (
    select from audit_entry a join ticket_order o on o.id = a.subject_id
    where a.action = 'order.confirmed' and o.id = p.order_id and o.paid_by_payment = p.id
  );
