-- A buyer's purchase from one vendor, as received: renamed.
-- grain: order_id
-- source: raw_ticket_order, the rows of `ticket_order` that this increment brought
-- units: money in minor units of `currency`, times in UTC
select
  id as order_id,
  vendor_id,
  analytics_id,
  state,
  currency,
  subtotal_minor,
  discount_minor,
  fee_minor,
  tax_minor,
  total_minor,
  placed_at,
  expires_at,
  confirmed_at,
  ended_at,
  paid_by_payment as paid_by_payment_id,
  channel,
  referrer,
  late_reclaim,
from raw_ticket_order
