-- The right to enter, one per person, as received: renamed.
-- grain: ticket_id
-- source: raw_ticket, the rows of `ticket` that this increment brought
-- units: times in UTC
select
  id as ticket_id,
  vendor_id,
  order_id,
  order_line_id,
  event_id,
  ticket_type_id,
  seat_no,
  analytics_id,
  state,
  issued_at,
  ended_at,
from raw_ticket
