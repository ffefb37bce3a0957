-- P2: packages are whole, and cost what they were sold for
-- severity: safety
-- base: order_package
-- Grain: one row per package order that disagrees. Every person has one place at every event of the package, each person's places
-- sum to the price at which the package was sold, and a buyer never has more of it than its limit.

select count(*) as examined from order_package;

with place as (
  select p.order_id, l.event_id, count(*) as places
  from order_package p
  join order_line l on l.order_id = p.order_id
  group by p.order_id, l.event_id
),

wanted as (
  select p.order_id, e.event_id, p.quantity as places
  from order_package p
  join package_event e on e.package_id = p.package_id
)

select format('order %s', coalesce(w.order_id, l.order_id)) as subject,
  format('has %s places at event %s; its package makes %s', coalesce(l.places, 0), coalesce(w.event_id, l.event_id), coalesce(w.places, 0))
    as problem
from wanted w
full join place l on l.order_id = w.order_id and l.event_id = w.event_id
where coalesce(w.places, 0) <> coalesce(l.places, 0)
union all
select format('order %s', o.id),
  format('costs %s without fees; %s packages at %s make %s', o.subtotal_minor - o.discount_minor, p.quantity, p.price_minor,
    p.quantity * p.price_minor)
from order_package p
join ticket_order o on o.id = p.order_id
where o.channel <> 'package' or o.subtotal_minor - o.discount_minor <> p.quantity * p.price_minor
union all
select format('buyer %s of package %s', o.buyer_id, k.id), format('has it for %s people; %s are allowed', sum(p.quantity), k.max_per_buyer)
from order_package p
join package k on k.id = p.package_id
join ticket_order o on o.id = p.order_id
where o.state in ('confirmed', 'completed') or (o.state = 'pending' and o.expires_at > app_now())
group by o.buyer_id, k.id, k.max_per_buyer
having sum(p.quantity) > k.max_per_buyer;
