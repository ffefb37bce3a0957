-- L2: what the ledger says of an order is what the order, its payments and its refunds say
-- severity: safety
-- base: ledger_entry
-- Grain: one row per order or payment. A paid order's receivable nets to zero; its sale is its total; clearing holds what was
-- captured and not given back; `refunds` holds what was decided and not yet paid. Minor units.

select count(*) as examined from ledger_entry;

with entry as (
  select order_id,
    sum(amount_minor) filter (where account = 'buyer_receivable') as receivable,
    -sum(amount_minor) filter (where journal_kind = 'sale' and account <> 'buyer_receivable') as sale,
    sum(amount_minor) filter (where account = 'refunds') as owed
  from ledger_entry
  group by order_id
),

refund_open as (
  select order_id, sum(amount_minor) filter (where state <> 'succeeded') as open_minor from refund group by order_id
),

clearing as (
  select payment_id, sum(amount_minor) as clearing from ledger_entry where account = 'provider_clearing' group by payment_id
)

select format('order %s', o.id) as subject,
  format('total %s, sale %s, receivable %s, refunds owed %s of %s open', case when o.confirmed_at is null then 0 else o.total_minor end,
    coalesce(e.sale, 0), coalesce(e.receivable, 0), -coalesce(e.owed, 0), coalesce(r.open_minor, 0)) as problem
from ticket_order o
full join entry e on e.order_id = o.id
left join refund_open r on r.order_id = o.id
where o.id is null
  or coalesce(e.receivable, 0) <> 0
  or coalesce(e.sale, 0) <> case when o.confirmed_at is null then 0 else o.total_minor end
  or -coalesce(e.owed, 0) <> coalesce(r.open_minor, 0)
union all
select format('payment %s', coalesce(p.id, c.payment_id)),
  format('clearing %s; captured %s, given back %s', coalesce(c.clearing, 0), p.captured_minor, p.refunded_minor)
from payment p
full join clearing c on c.payment_id = p.id
where p.id is null or coalesce(c.clearing, 0) <> p.captured_minor - p.refunded_minor;
