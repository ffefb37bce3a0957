-- Tables of orders. A statement ends with a semicolon at the end of its line.

CREATE TABLE ticket_order (
  id UUID NOT NULL,
  code TEXT NOT NULL,
  vendor_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  currency TEXT NOT NULL,
  subtotal_minor BIGINT NOT NULL,
  discount_minor BIGINT DEFAULT 0 NOT NULL,
  fee_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  total_minor BIGINT NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  confirmed_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  paid_by_payment UUID,
  channel VARCHAR(32) NOT NULL,
  referrer TEXT,
  late_reclaim BOOLEAN DEFAULT false NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT ticket_order_pkey PRIMARY KEY (id),
  CONSTRAINT ticket_order_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT ticket_order_total_check CHECK (total_minor = subtotal_minor - discount_minor + fee_minor and total_minor >= 0),
  CONSTRAINT ticket_order_code_key UNIQUE (code),
  CONSTRAINT ticket_order_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT ticket_order_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES user_account (id),
  CONSTRAINT ticket_order_state_check CHECK (state IN ('pending', 'confirmed', 'completed', 'expired', 'cancelled')),
  CONSTRAINT ticket_order_channel_check CHECK (channel IN ('web', 'api', 'box_office', 'complimentary', 'package', 'import'))
);

CREATE INDEX ticket_order_buyer_id_idx ON ticket_order (buyer_id);

CREATE INDEX ticket_order_changed_xid_idx ON ticket_order (changed_xid);

CREATE INDEX ticket_order_open_idx ON ticket_order (expires_at) WHERE state = 'pending';

CREATE TABLE order_event (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  order_id UUID NOT NULL,
  kind TEXT NOT NULL,
  detail JSONB DEFAULT '{}'::jsonb NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT order_event_pkey PRIMARY KEY (id),
  CONSTRAINT order_event_order_id_fkey FOREIGN KEY(order_id) REFERENCES ticket_order (id)
);

CREATE INDEX order_event_changed_xid_idx ON order_event (changed_xid);

CREATE INDEX order_event_order_id_idx ON order_event (order_id);

CREATE TABLE order_line (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  order_id UUID NOT NULL,
  line_no INTEGER NOT NULL,
  hold_id UUID NOT NULL,
  event_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  seat_no INTEGER,
  pool_id UUID,
  price_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  discount_minor BIGINT DEFAULT 0 NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT order_line_pkey PRIMARY KEY (id),
  CONSTRAINT order_line_order_id_line_no_key UNIQUE (order_id, line_no),
  CONSTRAINT order_line_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT order_line_vendor_id_order_id_fkey FOREIGN KEY(vendor_id, order_id) REFERENCES ticket_order (vendor_id, id),
  CONSTRAINT order_line_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT order_line_ticket_type_id_fkey FOREIGN KEY(ticket_type_id) REFERENCES ticket_type (id),
  CONSTRAINT order_line_state_check CHECK (state IN ('pending', 'confirmed', 'lapsed', 'cancelled'))
);

CREATE INDEX order_line_changed_xid_idx ON order_line (changed_xid);

CREATE INDEX order_line_event_id_idx ON order_line (event_id);
