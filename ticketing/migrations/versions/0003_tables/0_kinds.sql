-- Kinds of messages and of links, as they are now.

ALTER TABLE message DROP CONSTRAINT message_kind_check;

ALTER TABLE message ADD CONSTRAINT message_kind_check
  CHECK (kind IN ('order_confirmed', 'order_cancelled', 'ticket_cancelled', 'payment_returned', 'verify_email', 'reset_password', 'your_turn'));
