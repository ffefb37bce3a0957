-- Kinds of messages and of links, as they are now.

ALTER TABLE message DROP CONSTRAINT message_kind_check;

ALTER TABLE message ADD CONSTRAINT message_kind_check
  CHECK (kind IN ('order_confirmed', 'order_cancelled', 'ticket_cancelled', 'payment_returned', 'verify_email', 'reset_password', 'your_turn', 'change_email', 'address_changing', 'find_orders', 'places_offered', 'event_postponed', 'seats_changed', 'layout_conflicts'));

ALTER TABLE account_link DROP CONSTRAINT account_link_purpose_check;

ALTER TABLE account_link ADD CONSTRAINT account_link_purpose_check
  CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'find_orders'));
