-- A place: its latest image.
-- grain: venue_id
-- source: stg_venues
-- units: none
select
  venue_id,  -- the venue
  vendor_id,  -- the vendor that owns it; null: shared by all
  name,  -- its name
  city,  -- its city
  country,  -- ISO 3166 code of its country, where known
  zone,  -- IANA zone of the place
from stg_venues
