-- The right to enter, one per person: its latest image.
-- grain: ticket_id
-- source: stg_tickets
-- units: times in UTC
select
  ticket_id,  -- the ticket
  vendor_id,  -- the vendor
  order_id,  -- the order
  order_line_id,  -- the order line
  event_id,  -- the event
  ticket_type_id,  -- the price category
  seat_no,  -- the seat within the layout; null: a place of a pool
  analytics_id,  -- the holder, as a random number that erasure takes away
  state,  -- valid, listed (for resale), used or cancelled
  issued_at,  -- when it was issued
  ended_at,  -- when it was used or cancelled
from stg_tickets
