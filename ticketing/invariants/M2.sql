-- M2: the state of an order agrees with its lines, captures and refunds
-- severity: safety
-- base: ticket_order
-- Grain: one row per disagreement. Amounts are in minor units of the order's currency.

select count(*) as examined from ticket_order;

with line_sum as (
  select order_id, count(*) as lines,
    count(*) filter (where state = 'pending') as pending,
    count(*) filter (where state = 'confirmed') as confirmed,
    count(*) filter (where state = 'lapsed') as lapsed,
    count(*) filter (where state = 'cancelled') as cancelled,
    sum(price_minor) as price_minor, sum(discount_minor) as discount_minor, sum(fee_minor) as fee_minor, sum(tax_minor) as tax_minor
  from order_line
  group by order_id
),

paid as (
  -- What is given away costs nothing, and no payment pays it.
  select o.*, o.channel = 'complimentary' and o.total_minor = 0 and o.paid_by_payment is null and o.confirmed_at is not null as given,
    p.id as payment_id, p.order_id as payment_order_id, p.captured_minor, p.currency as payment_currency, p.captured_at
  from ticket_order o
  left join payment p on p.id = o.paid_by_payment
),

refunded as (
  select r.id, r.payment_id, r.order_id, r.amount_minor, r.reason, coalesce(l.amount_minor, 0) as line_minor, coalesce(l.standing, 0) as standing
  from refund r
  left join (
    select rl.refund_id, sum(rl.amount_minor) as amount_minor, count(*) filter (where ol.state is distinct from 'cancelled') as standing
    from refund_line rl
    left join order_line ol on ol.id = rl.order_line_id
    group by rl.refund_id
  ) l on l.refund_id = r.id
)

select format('order %s', id) as subject, format('is %s, and no payment paid its %s %s', state, total_minor, currency) as problem
from paid
where state in ('confirmed', 'completed') and not given
  and (payment_order_id is distinct from id or captured_minor is distinct from total_minor or payment_currency is distinct from currency
    or captured_at is null or confirmed_at is null)
union all
select format('order %s', id), format('is %s, and yet payment %s paid it', state, paid_by_payment)
from paid
where (state in ('pending', 'expired') and (paid_by_payment is not null or confirmed_at is not null))
  or (state = 'cancelled' and not given and (paid_by_payment is null) <> (confirmed_at is null))
union all
select format('order %s', o.id),
  format('is %s; of its %s lines %s are pending, %s confirmed, %s lapsed, %s cancelled', o.state, coalesce(s.lines, 0), s.pending, s.confirmed,
    s.lapsed, s.cancelled)
from ticket_order o
left join line_sum s on s.order_id = o.id
where not coalesce(
  case o.state
    when 'pending' then s.pending = s.lines
    when 'expired' then s.lapsed = s.lines
    when 'confirmed' then s.confirmed > 0 and s.confirmed + s.cancelled = s.lines
    when 'completed' then s.confirmed > 0 and s.confirmed + s.cancelled = s.lines
    when 'cancelled' then case when o.confirmed_at is null then s.lapsed = s.lines else s.cancelled = s.lines end
  end,
  false
)
union all
select format('order %s', o.id), 'its amounts are not the sums of its lines'
from ticket_order o
join line_sum s on s.order_id = o.id
where (o.subtotal_minor, o.discount_minor, o.fee_minor, o.tax_minor) is distinct from (s.price_minor, s.discount_minor, s.fee_minor, s.tax_minor)
union all
select format('payment %s', id),
  format('is %s: of %s asked %s were taken and %s given back', state, amount_minor, captured_minor, refunded_minor)
from payment
where not case state
  when 'captured' then captured_minor = amount_minor and refunded_minor = 0
  when 'partly_refunded' then captured_minor = amount_minor and refunded_minor > 0 and refunded_minor < captured_minor
  when 'refunded' then captured_minor = amount_minor and refunded_minor = captured_minor
  when 'disputed' then captured_minor = amount_minor
  when 'won' then captured_minor = amount_minor
  when 'lost' then captured_minor = amount_minor
  else captured_minor = 0
end
union all
select format('refund %s', r.id),
  case
    when r.reason = 'requested' and r.standing > 0 then 'is for places that were not cancelled'
    when r.reason = 'requested' then format('gives back %s; its lines make %s, of the payment that paid: %s', r.amount_minor, r.line_minor, o.id is not null)
    else format('gives back a %s, and yet this payment paid the order', r.reason)
  end
from refunded r
left join ticket_order o on o.id = r.order_id and o.paid_by_payment = r.payment_id
where case when r.reason = 'requested' then r.standing > 0 or r.line_minor <> r.amount_minor or o.id is null else o.id is not null end;
