-- A price category of an event, as received: renamed.
-- grain: ticket_type_id
-- source: raw_ticket_type, the rows of `ticket_type` that this increment brought
-- units: money in minor units of the event's currency
select
  id as ticket_type_id,
  event_id,
  vendor_id,
  name,
  position,
  price_minor,
  fee_minor,
  tax_minor,
  capacity,
from raw_ticket_type
