-- H1: no hold stays active 120 seconds past its end
-- severity: lateness
-- base: hold
-- Grain: one row per overdue hold. Sales do not suffer, since claims free what is due; a sweeper that is down shows here.

select count(*) as examined from hold;

select format('hold %s', id) as subject, format('is active, and ended at %s', expires_at) as problem
from hold
where state = 'active' and expires_at < app_now() - interval '120 seconds';
