-- Tables of tickets. A statement ends with a semicolon at the end of its line.

CREATE TABLE ticket (
  id UUID NOT NULL,
  code TEXT NOT NULL,
  vendor_id UUID NOT NULL,
  order_id UUID NOT NULL,
  order_line_id UUID NOT NULL,
  event_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  seat_no INTEGER,
  holder_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'valid' NOT NULL,
  nonce BYTEA NOT NULL,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT ticket_pkey PRIMARY KEY (id),
  CONSTRAINT ticket_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT ticket_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT ticket_code_key UNIQUE (code),
  CONSTRAINT ticket_order_line_id_key UNIQUE (order_line_id),
  CONSTRAINT ticket_holder_id_fkey FOREIGN KEY(holder_id) REFERENCES user_account (id),
  CONSTRAINT ticket_state_check CHECK (state IN ('valid', 'listed', 'used', 'cancelled'))
);

CREATE INDEX ticket_changed_xid_idx ON ticket (changed_xid);

CREATE INDEX ticket_holder_id_idx ON ticket (holder_id);

CREATE UNIQUE INDEX ticket_live_seat_key ON ticket (event_id, seat_no) WHERE state in ('valid', 'used', 'listed') and seat_no is not null;

CREATE INDEX ticket_order_id_idx ON ticket (order_id);
