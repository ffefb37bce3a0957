-- H2: nothing is sold after its hold has ended, unless flagged as a late reclaim
-- severity: safety
-- base: ticket_order
-- Grain: one row per order and hold.

select count(*) as examined from ticket_order;

with sale as (
  select distinct o.id, o.confirmed_at, o.late_reclaim, l.hold_id
  from ticket_order o
  join order_line l on l.order_id = o.id
  where o.confirmed_at is not null
)

select format('order %s', s.id) as subject,
  case
    when h.id is null then format('its hold %s does not exist', s.hold_id)
    when h.order_id is distinct from s.id then format('its hold %s feeds another order', h.id)
    else format('was confirmed at %s; its hold %s (%s) ended at %s', s.confirmed_at, h.id, h.state, h.expires_at)
  end as problem
from sale s
left join hold h on h.id = s.hold_id
where h.id is null
  or h.order_id is distinct from s.id
  or (not s.late_reclaim and (h.state <> 'converted' or s.confirmed_at >= h.expires_at));
