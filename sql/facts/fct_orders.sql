-- A buyer's purchase from one vendor: its latest image.
-- grain: order_id
-- source: stg_orders
-- units: money in minor units of `currency`, times in UTC
select
  order_id,  -- the order
  vendor_id,  -- the vendor
  analytics_id,  -- the buyer, as a random number that erasure takes away
  state,  -- pending, confirmed, completed, expired or cancelled
  currency,  -- ISO 4217 code of all its amounts
  subtotal_minor,  -- sum of its lines' prices, tax included, fee not
  discount_minor,  -- taken off the subtotal
  fee_minor,  -- the platform's fee on top
  tax_minor,  -- the tax that the subtotal contains
  total_minor,  -- what the buyer pays: subtotal - discount + fee
  placed_at,  -- when it was placed
  expires_at,  -- until when it waits for payment
  confirmed_at,  -- when it was paid: the instant of the sale; null: never
  ended_at,  -- when it expired or was cancelled
  paid_by_payment_id,  -- the one payment that paid it
  channel,  -- web, api, box_office, complimentary, package or import
  referrer,  -- where the buyer came from, if known
  late_reclaim,  -- paid after its hold had ended, with the places still free
from stg_orders
