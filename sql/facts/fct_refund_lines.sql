-- The part of a refund that is for one order line: its latest image.
-- grain: refund_id, order_line_id
-- source: stg_refund_lines
-- units: money in minor units of the refund's currency
select
  refund_id,  -- the refund
  order_line_id,  -- the order line
  amount_minor,  -- that part
from stg_refund_lines
