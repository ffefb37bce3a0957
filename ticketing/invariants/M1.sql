-- M1: money taken 15 minutes ago has an order or a refund
-- severity: lateness
-- base: payment
-- Grain: one row per captured payment that pays no order and is not being given back.

select count(*) as examined from payment;

select format('payment %s', p.id) as subject,
  format('took %s %s at %s for order %s: it neither paid it nor is given back', p.captured_minor, p.currency, p.captured_at, p.order_id) as problem
from payment p
left join ticket_order o on o.id = p.order_id and o.paid_by_payment = p.id
left join (select payment_id, sum(amount_minor) as planned from refund group by payment_id) r on r.payment_id = p.id
where p.captured_minor > 0
  and p.captured_at < app_now() - interval '15 minutes'
  and o.id is null
  and r.planned is null;
