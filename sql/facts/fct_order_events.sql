-- Something that happened to an order: its latest image.
-- grain: order_event_id
-- source: stg_order_events
-- units: times in UTC
select
  order_event_id,  -- the entry, in the order of writing
  order_id,  -- the order
  kind,  -- placed, payment_started, confirmed, late_reclaimed, expired, cancelled, refund_planned, refunded or reseated
  recorded_at,  -- when it was recorded
from stg_order_events
