-- Tables of payments. A statement ends with a semicolon at the end of its line.

CREATE TABLE ledger_entry (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  journal_id UUID NOT NULL,
  journal_kind VARCHAR(32) NOT NULL,
  account VARCHAR(32) NOT NULL,
  vendor_id UUID NOT NULL,
  order_id UUID,
  event_id UUID,
  payment_id UUID,
  refund_id UUID,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT ledger_entry_pkey PRIMARY KEY (id),
  CONSTRAINT ledger_entry_journal_kind_check CHECK (journal_kind IN ('sale', 'capture', 'refund_planned', 'refund_paid', 'unapplied_capture')),
  CONSTRAINT ledger_entry_account_check CHECK (account IN ('buyer_receivable', 'provider_clearing', 'vendor_payable', 'platform_fee', 'tax', 'refunds'))
);

CREATE INDEX ledger_entry_changed_xid_idx ON ledger_entry (changed_xid);

CREATE INDEX ledger_entry_order_id_idx ON ledger_entry (order_id);

CREATE TABLE provider_event (
  id UUID NOT NULL,
  provider TEXT NOT NULL,
  event_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  payment_ref TEXT,
  amount_minor BIGINT,
  currency TEXT,
  body BYTEA NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER DEFAULT 1 NOT NULL,
  error TEXT,
  received_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT provider_event_pkey PRIMARY KEY (id),
  CONSTRAINT provider_event_provider_event_key_key UNIQUE (provider, event_key)
);

CREATE INDEX provider_event_parked_idx ON provider_event (received_at) WHERE state = 'parked';

CREATE TABLE payment (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  order_id UUID NOT NULL,
  provider TEXT NOT NULL,
  payment_account_id UUID NOT NULL,
  provider_ref TEXT,
  state VARCHAR(32) DEFAULT 'created' NOT NULL,
  currency TEXT NOT NULL,
  amount_minor BIGINT NOT NULL,
  captured_minor BIGINT DEFAULT 0 NOT NULL,
  refund_reserved_minor BIGINT DEFAULT 0 NOT NULL,
  refunded_minor BIGINT DEFAULT 0 NOT NULL,
  redirect_url TEXT,
  session_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  captured_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT payment_pkey PRIMARY KEY (id),
  CONSTRAINT payment_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT payment_provider_provider_ref_key UNIQUE (provider, provider_ref),
  CONSTRAINT payment_vendor_id_payment_account_id_fkey FOREIGN KEY(vendor_id, payment_account_id) REFERENCES payment_account (vendor_id, id),
  CONSTRAINT payment_amounts_check CHECK (amount_minor >= 0 and captured_minor >= 0),
  CONSTRAINT payment_refund_reserved_check CHECK (refund_reserved_minor between 0 and captured_minor),
  CONSTRAINT payment_refunded_check CHECK (refunded_minor between 0 and refund_reserved_minor),
  CONSTRAINT payment_state_check CHECK (state IN ('created', 'authorised', 'captured', 'failed', 'expired', 'partly_refunded', 'refunded', 'disputed', 'won', 'lost'))
);

CREATE INDEX payment_changed_xid_idx ON payment (changed_xid);

CREATE INDEX payment_order_id_idx ON payment (order_id);

CREATE TABLE refund (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  batch_id UUID NOT NULL,
  payment_id UUID NOT NULL,
  order_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  reason VARCHAR(32) NOT NULL,
  state VARCHAR(32) DEFAULT 'planned' NOT NULL,
  attempt INTEGER DEFAULT 1 NOT NULL,
  provider_ref TEXT,
  lease_until TIMESTAMP WITH TIME ZONE,
  lease_token UUID,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT refund_pkey PRIMARY KEY (id),
  CONSTRAINT refund_batch_id_payment_id_key UNIQUE (batch_id, payment_id),
  CONSTRAINT refund_vendor_id_payment_id_fkey FOREIGN KEY(vendor_id, payment_id) REFERENCES payment (vendor_id, id),
  CONSTRAINT refund_amount_check CHECK (amount_minor > 0),
  CONSTRAINT refund_reason_check CHECK (reason IN ('requested', 'late_capture', 'double_capture')),
  CONSTRAINT refund_state_check CHECK (state IN ('planned', 'sent', 'succeeded', 'failed', 'unknown'))
);

CREATE INDEX refund_changed_xid_idx ON refund (changed_xid);

CREATE INDEX refund_open_idx ON refund (id) WHERE state in ('planned', 'sent', 'unknown', 'failed');

CREATE INDEX refund_order_id_idx ON refund (order_id);

CREATE INDEX refund_payment_id_idx ON refund (payment_id);

CREATE TABLE refund_attempt (
  refund_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  outcome TEXT,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT refund_attempt_pkey PRIMARY KEY (refund_id, attempt),
  CONSTRAINT refund_attempt_refund_id_fkey FOREIGN KEY(refund_id) REFERENCES refund (id)
);

CREATE TABLE refund_line (
  refund_id UUID NOT NULL,
  order_line_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT refund_line_pkey PRIMARY KEY (refund_id, order_line_id),
  CONSTRAINT refund_line_refund_id_fkey FOREIGN KEY(refund_id) REFERENCES refund (id)
);

CREATE INDEX refund_line_changed_xid_idx ON refund_line (changed_xid);

CREATE INDEX refund_line_order_line_id_idx ON refund_line (order_line_id);
