-- An organisation that sells, as received: renamed.
-- grain: vendor_id
-- source: raw_vendor, the rows of `vendor` that this increment brought
-- units: none
select
  id as vendor_id,
  slug,
  name,
  zone,
from raw_vendor
