-- An organisation that sells: its latest image.
-- grain: vendor_id
-- source: stg_vendors
-- units: none
select
  vendor_id,  -- the vendor
  slug,  -- its short name in addresses
  name,  -- its name
  zone,  -- IANA zone in which its business days are counted
from stg_vendors
