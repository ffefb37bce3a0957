-- A place, as received: renamed.
-- grain: venue_id
-- source: raw_venue, the rows of `venue` that this increment brought
-- units: none
select
  id as venue_id,
  vendor_id,
  name,
  city,
  country,
  zone,
from raw_venue
