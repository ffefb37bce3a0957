-- A dated performance, as received: renamed.
-- grain: event_id
-- source: raw_event, the rows of `event` that this increment brought
-- units: times in UTC, `local_start` in `zone`
select
  id as event_id,
  vendor_id,
  venue_id,
  series_id,
  title,
  category,
  local_start,
  zone,
  starts_at,
  sales_open_at,
  sales_close_at,
  currency,
  status,
  published_at,
from raw_event
