-- R1: refunds planned, sent, unknown and done never pass what was captured
-- severity: safety
-- base: payment
-- Grain: one row per payment, or per order line given back beyond its price. Minor units. A refund that failed keeps its
-- reservation until it is tried again.

select count(*) as examined from payment;

with refunded as (
  select payment_id, sum(amount_minor) as reserved, sum(amount_minor) filter (where state = 'succeeded') as done
  from refund
  group by payment_id
),

line_refunded as (
  select order_line_id, sum(amount_minor) as amount_minor from refund_line group by order_line_id
)

select format('payment %s', p.id) as subject,
  format('captured %s; reserved %s for refunds of %s; given back %s of %s done', p.captured_minor, p.refund_reserved_minor,
    coalesce(r.reserved, 0), p.refunded_minor, coalesce(r.done, 0)) as problem
from payment p
left join refunded r on r.payment_id = p.id
where coalesce(r.reserved, 0) <> p.refund_reserved_minor
  or coalesce(r.done, 0) <> p.refunded_minor
  or coalesce(r.reserved, 0) > p.captured_minor
union all
select format('order line %s', r.order_line_id),
  format('gives back %s of %s paid', r.amount_minor, l.price_minor - l.discount_minor + l.fee_minor)
from line_refunded r
left join order_line l on l.id = r.order_line_id
where r.amount_minor > coalesce(l.price_minor - l.discount_minor + l.fee_minor, 0);
