-- Tables of inventory. A statement ends with a semicolon at the end of its line.

CREATE TABLE buyer_allowance (
  event_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  taken INTEGER NOT NULL,
  allowed INTEGER NOT NULL,
  CONSTRAINT buyer_allowance_pkey PRIMARY KEY (event_id, buyer_id),
  CONSTRAINT buyer_allowance_cap_check CHECK (taken between 0 and allowed)
);

CREATE TABLE event_seat (
  event_id UUID NOT NULL,
  seat_no INTEGER NOT NULL,
  state VARCHAR(32) DEFAULT 'free' NOT NULL,
  block_reason VARCHAR(32),
  ticket_type_id UUID NOT NULL,
  hold_id UUID,
  held_until TIMESTAMP WITH TIME ZONE,
  ticket_id UUID,
  CONSTRAINT event_seat_pkey PRIMARY KEY (event_id, seat_no),
  CONSTRAINT event_seat_sold_has_ticket_check CHECK ((state = 'sold') = (ticket_id is not null)),
  CONSTRAINT event_seat_held_has_end_check CHECK ((state = 'held') = (held_until is not null)),
  CONSTRAINT event_seat_event_id_fkey FOREIGN KEY(event_id) REFERENCES event (id),
  CONSTRAINT event_seat_state_check CHECK (state IN ('free', 'held', 'sold', 'blocked')),
  CONSTRAINT event_seat_block_reason_check CHECK (block_reason IN ('house', 'killed', 'companion', 'production'))
);

CREATE TABLE hold (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'active' NOT NULL,
  quantity INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  extended_at TIMESTAMP WITH TIME ZONE,
  order_id UUID,
  ended_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT hold_pkey PRIMARY KEY (id),
  CONSTRAINT hold_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT hold_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES user_account (id),
  CONSTRAINT hold_state_check CHECK (state IN ('active', 'converted', 'released', 'expired'))
);

CREATE INDEX hold_changed_xid_idx ON hold (changed_xid);

CREATE INDEX hold_open_idx ON hold (event_id, expires_at) WHERE state = 'active';

CREATE TABLE pool (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  section_id UUID,
  name TEXT NOT NULL,
  capacity INTEGER NOT NULL,
  held INTEGER DEFAULT 0 NOT NULL,
  sold INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT pool_pkey PRIMARY KEY (id),
  CONSTRAINT pool_event_id_name_key UNIQUE (event_id, name),
  CONSTRAINT pool_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT pool_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT pool_never_over_check CHECK (sold >= 0 and held >= 0 and sold + held <= capacity)
);

CREATE TABLE hold_line (
  hold_id UUID NOT NULL,
  line_no INTEGER NOT NULL,
  event_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  seat_no INTEGER,
  pool_id UUID,
  quantity INTEGER NOT NULL,
  price_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  CONSTRAINT hold_line_pkey PRIMARY KEY (hold_id, line_no),
  CONSTRAINT hold_line_place_check CHECK ((seat_no is null) <> (pool_id is null) and quantity > 0),
  CONSTRAINT hold_line_hold_id_fkey FOREIGN KEY(hold_id) REFERENCES hold (id),
  CONSTRAINT hold_line_ticket_type_id_fkey FOREIGN KEY(ticket_type_id) REFERENCES ticket_type (id)
);
