-- Money to give back for one payment: its latest image.
-- grain: refund_id
-- source: stg_refunds
-- units: money in minor units of `currency`, times in UTC
select
  refund_id,  -- the refund
  vendor_id,  -- the vendor
  batch_id,  -- the batch it belongs to
  payment_id,  -- the payment
  order_id,  -- the order
  amount_minor,  -- given back
  currency,  -- ISO 4217 code of the amount
  reason,  -- requested, late_capture or double_capture (the last two return money that paid for nothing)
  state,  -- planned, sent, succeeded, failed or unknown
  created_at,  -- when it was decided
  done_at,  -- when the provider had paid it
from stg_refunds
