-- R2: one refund per batch and payment
-- severity: safety
-- base: payment
-- Grain: one row per batch and payment with more than one refund. A refund on request is a batch of its own.

select count(*) as examined from payment;

select format('batch %s', batch_id) as subject, format('refunds payment %s %s times', payment_id, count(*)) as problem
from refund
group by batch_id, payment_id
having count(*) > 1;
