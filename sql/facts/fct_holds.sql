-- Places of one event kept for a buyer: its latest image.
-- grain: hold_id
-- source: stg_holds
-- units: quantity in places, times in UTC
select
  hold_id,  -- the hold
  vendor_id,  -- the vendor
  event_id,  -- the event
  analytics_id,  -- the buyer, as a random number that erasure takes away
  state,  -- active, converted (bought), released (given back) or expired
  quantity,  -- places kept
  created_at,  -- when it was made
  expires_at,  -- until when it keeps the places
  order_id,  -- the order that it feeds, if any
  ended_at,  -- when it was converted, released or found expired
from stg_holds
