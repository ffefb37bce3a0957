-- Places of one event kept for a buyer, as received: renamed.
-- grain: hold_id
-- source: raw_hold, the rows of `hold` that this increment brought
-- units: quantity in places, times in UTC
select
  id as hold_id,
  vendor_id,
  event_id,
  analytics_id,
  state,
  quantity,
  created_at,
  expires_at,
  order_id,
  ended_at,
from raw_hold
