-- Something that happened to an order, as received: renamed.
-- grain: order_event_id
-- source: raw_order_event, the rows of `order_event` that this increment brought
-- units: times in UTC
select
  id as order_event_id,
  order_id,
  kind,
  recorded_at,
from raw_order_event
