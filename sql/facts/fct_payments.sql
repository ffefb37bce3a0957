-- Money asked from a provider for an order: its latest image.
-- grain: payment_id
-- source: stg_payments
-- units: money in minor units of `currency`, times in UTC
select
  payment_id,  -- the payment
  vendor_id,  -- the vendor
  order_id,  -- the order
  provider,  -- name of the payment provider
  state,  -- created, authorised, captured, failed, expired, partly_refunded, refunded, disputed, won or lost
  currency,  -- ISO 4217 code of its amounts
  amount_minor,  -- asked
  captured_minor,  -- taken
  refund_reserved_minor,  -- refunds planned, sent, unknown and done
  refunded_minor,  -- refunds done
  created_at,  -- when it was started
  captured_at,  -- when the money was taken
from stg_payments
