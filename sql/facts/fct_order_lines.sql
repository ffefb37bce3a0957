-- One place for one person: its latest image.
-- grain: order_line_id
-- source: stg_order_lines
-- units: money in minor units of the order's currency
select
  order_line_id,  -- the line
  vendor_id,  -- the vendor
  order_id,  -- its order
  line_no,  -- its number within the order, from 1
  hold_id,  -- the hold that kept the place
  event_id,  -- the event
  ticket_type_id,  -- the price category
  seat_no,  -- the seat within the layout; null: a place of a pool
  pool_id,  -- the pool; null: a named seat
  price_minor,  -- its price, tax included, fee not
  fee_minor,  -- the platform's fee on top
  tax_minor,  -- the tax that the price contains
  discount_minor,  -- taken off the price
  state,  -- pending, confirmed (sold), cancelled (sold, and given back) or lapsed (never sold)
from stg_order_lines
