-- A price category of an event: its latest image.
-- grain: ticket_type_id
-- source: stg_ticket_types
-- units: money in minor units of the event's currency
select
  ticket_type_id,  -- the ticket type
  event_id,  -- its event
  vendor_id,  -- the vendor
  name,  -- its name
  position,  -- its place in lists, from 0
  price_minor,  -- the vendor's price of one place, tax included, fee not, at present
  fee_minor,  -- the platform's fee on top, at present
  tax_minor,  -- the tax that the price contains, at present
  capacity,  -- places that can be sold: seats that are not killed, and places of pools
from stg_ticket_types
