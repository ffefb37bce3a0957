-- N1: at most one accepted message per slot and channel
-- severity: safety
-- base: message
-- Grain: one row per slot. An order is confirmed once and cancelled once, so those slots are one per order and channel; money
-- may come back more than once. Kinds that may be sent again carry the same Message-ID.

select count(*) as examined from message;

select format('%s about %s to %s', kind, subject_id, recipient_id) as subject, format('was accepted %s times for one slot', count(*)) as problem
from message
where state = 'accepted'
group by kind, recipient_id, subject_id, due_at, channel
having count(*) > 1
union all
select format('%s about %s', kind, subject_id), format('has %s slots', count(*))
from message
where kind in ('order_confirmed', 'order_cancelled')
group by kind, subject_id, channel
having count(*) > 1
union all
select format('message %s', message_id), format('was accepted in %s attempts', count(*))
from message_attempt
where outcome = 'accepted'
group by message_id
having count(*) > 1;
