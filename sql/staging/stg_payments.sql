-- Money asked from a provider for an order, as received: renamed.
-- grain: payment_id
-- source: raw_payment, the rows of `payment` that this increment brought
-- units: money in minor units of `currency`, times in UTC
select
  id as payment_id,
  vendor_id,
  order_id,
  provider,
  state,
  currency,
  amount_minor,
  captured_minor,
  refund_reserved_minor,
  refunded_minor,
  created_at,
  captured_at,
from raw_payment
