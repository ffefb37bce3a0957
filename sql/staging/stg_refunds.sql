-- Money to give back for one payment, as received: renamed.
-- grain: refund_id
-- source: raw_refund, the rows of `refund` that this increment brought
-- units: money in minor units of `currency`, times in UTC
select
  id as refund_id,
  vendor_id,
  batch_id,
  payment_id,
  order_id,
  amount_minor,
  currency,
  reason,
  state,
  created_at,
  done_at,
from raw_refund
