-- One place for one person, as received: renamed.
-- grain: order_line_id
-- source: raw_order_line, the rows of `order_line` that this increment brought
-- units: money in minor units of the order's currency
select
  id as order_line_id,
  vendor_id,
  order_id,
  line_no,
  hold_id,
  event_id,
  ticket_type_id,
  seat_no,
  pool_id,
  price_minor,
  fee_minor,
  tax_minor,
  discount_minor,
  state,
from raw_order_line
