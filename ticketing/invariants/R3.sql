-- R3: no refund stays unknown for more than 24 hours
-- severity: lateness
-- base: payment
-- Grain: one row per refund. Its answer did not come and was not looked up: after 24 hours the provider forgets the key.

select count(*) as examined from payment;

select format('refund %s', r.id) as subject, format('attempt %s of %s is unanswered', r.attempt, coalesce(a.started_at, r.created_at)) as problem
from refund r
left join refund_attempt a on a.refund_id = r.id and a.attempt = r.attempt
where r.state = 'unknown' and coalesce(a.started_at, r.created_at) < app_now() - interval '24 hours';
