-- A dated performance, with its venue: its latest image.
-- grain: event_id
-- source: stg_events, dim_venue (the capture sends an event again when its venue has changed)
-- units: times in UTC, `local_start` in `zone`
select
  e.event_id,  -- the event
  e.vendor_id,  -- the vendor
  e.title,  -- its title
  e.category,  -- what kind of event it is
  e.starts_at,  -- the instant at which it begins
  e.local_start,  -- when it begins by the clock on the venue's wall
  e.zone,  -- IANA zone of that clock
  e.venue_id,  -- the venue
  v.name as venue_name,  -- the venue's name
  v.city,  -- the venue's city
  e.currency,  -- ISO 4217 code of all its prices
  e.status,  -- draft, published, postponed, cancelled or completed
  e.sales_open_at,  -- when sales open
  e.sales_close_at,  -- when sales close
  e.published_at,  -- when it was published; null: a draft
  e.series_id,  -- the show of which this is one night, if any
from stg_events e
join dim_venue v on v.venue_id = e.venue_id
