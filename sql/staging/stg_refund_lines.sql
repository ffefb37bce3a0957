-- The part of a refund that is for one order line, as received: renamed.
-- grain: refund_id, order_line_id
-- source: raw_refund_line, the rows of `refund_line` that this increment brought
-- units: money in minor units of the refund's currency
select
  refund_id,
  order_line_id,
  amount_minor,
from raw_refund_line
