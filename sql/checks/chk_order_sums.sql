-- An order's amounts are the sums of its lines', and only a paid order has sold lines.
with arrived as (
  select order_id from stg_orders
  union
  select order_id from stg_order_lines
),
line as (
  select
    l.order_id,
    sum(l.price_minor) as subtotal_minor,
    sum(l.discount_minor) as discount_minor,
    sum(l.fee_minor) as fee_minor,
    sum(l.tax_minor) as tax_minor,
    count(*) filter (where l.state in ('confirmed', 'cancelled')) as sold,
  from fct_order_lines l
  join arrived a on a.order_id = l.order_id
  group by l.order_id
)
select o.order_id, o.subtotal_minor, l.subtotal_minor as lines_minor, o.total_minor, o.confirmed_at, l.sold
from fct_orders o
join line l on l.order_id = o.order_id
where (o.subtotal_minor, o.discount_minor, o.fee_minor, o.tax_minor) <> (l.subtotal_minor, l.discount_minor, l.fee_minor, l.tax_minor)
  or o.total_minor <> o.subtotal_minor - o.discount_minor + o.fee_minor
  or (o.confirmed_at is null) <> (l.sold = 0)
