-- P1: codes count the orders that use them
-- severity: safety
-- base: order_promotion
-- Grain: one row per promotion, buyer's counter, use or order that disagrees. A use counts while its order is pending,
-- confirmed or completed, and is given back when the order expires or is cancelled.

select count(*) as examined from order_promotion;

with use as (
  select op.order_id, op.promotion_id, op.vendor_id, op.state, op.discount_minor, o.buyer_id, o.state as order_state
  from order_promotion op
  join ticket_order o on o.id = op.order_id
),

counted as (
  select promotion_id, count(*) as uses from use where state = 'counted' group by promotion_id
),

of_buyer as (
  select u.promotion_id, u.buyer_id, count(*) as uses
  from use u
  join promotion p on p.id = u.promotion_id and p.max_uses_per_buyer is not null
  where u.state = 'counted'
  group by u.promotion_id, u.buyer_id
),

off as (
  select order_id, sum(discount_minor) as discount_minor from use group by order_id
)

select format('promotion %s', p.id) as subject, format('says %s uses; orders make %s', p.uses, coalesce(c.uses, 0)) as problem
from promotion p
left join counted c on c.promotion_id = p.id
where p.uses <> coalesce(c.uses, 0)
union all
select format('promotion %s and buyer %s', coalesce(b.promotion_id, u.promotion_id), coalesce(b.buyer_id, u.buyer_id)),
  format('the counter says %s uses; orders make %s', coalesce(b.uses, 0), coalesce(u.uses, 0))
from promotion_buyer b
full join of_buyer u on u.promotion_id = b.promotion_id and u.buyer_id = b.buyer_id
where coalesce(b.uses, 0) <> coalesce(u.uses, 0)
union all
select format('order %s', order_id), format('is %s, and its use of promotion %s is %s', order_state, promotion_id, state)
from use
where (state = 'counted') <> (order_state in ('pending', 'confirmed', 'completed'))
union all
select format('order %s', o.order_id), format('its codes take off %s, and it says %s', o.discount_minor, t.discount_minor)
from off o
join ticket_order t on t.id = o.order_id
where o.discount_minor <> t.discount_minor;
