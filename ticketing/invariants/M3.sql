-- M3: one payment pays an order; all other money taken for it goes back whole
-- severity: safety
-- base: payment
-- Grain: one row per payment. Amounts in minor units of the payment's currency.

select count(*) as examined from payment;

with paying as (
  select paid_by_payment as payment_id, count(*) as orders from ticket_order where paid_by_payment is not null group by paid_by_payment
)

select format('payment %s', payment_id) as subject, format('pays %s orders', orders) as problem
from paying
where orders > 1
union all
select format('payment %s', p.id), format('does not pay order %s, and only %s of its %s goes back', p.order_id, p.refund_reserved_minor, p.captured_minor)
from payment p
left join ticket_order o on o.id = p.order_id and o.paid_by_payment = p.id
where p.captured_minor > 0 and o.id is null and p.refund_reserved_minor < p.captured_minor;
