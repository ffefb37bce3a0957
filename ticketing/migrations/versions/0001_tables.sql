-- The tables of the first schema, in the order in which they refer to each other. Statements end with a semicolon at the end of a line.

CREATE TABLE artist (
  id UUID NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT artist_pkey PRIMARY KEY (id),
  CONSTRAINT artist_name_key UNIQUE (name)
);

CREATE TABLE audit_entry (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  actor_id UUID,
  action TEXT NOT NULL,
  subject_id UUID NOT NULL,
  digest BYTEA,
  CONSTRAINT audit_entry_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_entry_xid_idx ON audit_entry (xid);

CREATE TABLE audit_seal (
  seq BIGINT NOT NULL,
  from_xid xid8 NOT NULL,
  to_xid xid8 NOT NULL,
  entries INTEGER NOT NULL,
  merkle_root BYTEA NOT NULL,
  prev_hash BYTEA NOT NULL,
  seal_hash BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  signature BYTEA NOT NULL,
  sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT audit_seal_pkey PRIMARY KEY (seq)
);

CREATE TABLE buyer_allowance (
  event_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  taken INTEGER NOT NULL,
  allowed INTEGER NOT NULL,
  CONSTRAINT buyer_allowance_pkey PRIMARY KEY (event_id, buyer_id),
  CONSTRAINT buyer_allowance_cap_check CHECK (taken between 0 and allowed)
);

CREATE TABLE capture_token (
  id SMALLINT DEFAULT 1 NOT NULL,
  token UUID NOT NULL,
  batch BIGINT NOT NULL,
  CONSTRAINT capture_token_pkey PRIMARY KEY (id)
);

CREATE TABLE idempotency_key (
  actor_id UUID NOT NULL,
  key TEXT NOT NULL,
  request_digest BYTEA NOT NULL,
  kind TEXT NOT NULL,
  resource_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT idempotency_key_pkey PRIMARY KEY (actor_id, key)
);

CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);

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

CREATE TABLE outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  topic TEXT NOT NULL,
  subject_id UUID NOT NULL,
  payload JSONB DEFAULT '{}'::jsonb NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  consumed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_open_idx ON outbox (id) WHERE consumed_at is null;

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

CREATE TABLE user_account (
  id UUID NOT NULL,
  analytics_id UUID DEFAULT gen_random_uuid(),
  kind VARCHAR(32) NOT NULL,
  display_name TEXT NOT NULL,
  locale TEXT DEFAULT 'en_GB' NOT NULL,
  is_operator BOOLEAN DEFAULT false NOT NULL,
  is_analyst BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  disabled_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_account_pkey PRIMARY KEY (id),
  CONSTRAINT user_account_analytics_id_key UNIQUE (analytics_id),
  CONSTRAINT user_account_kind_check CHECK (kind IN ('registered', 'guest'))
);

CREATE TABLE vendor (
  id UUID NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,
  fee_bps INTEGER DEFAULT 0 NOT NULL,
  fee_fixed_minor INTEGER DEFAULT 0 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT vendor_pkey PRIMARY KEY (id),
  CONSTRAINT vendor_fees_check CHECK (fee_bps between 0 and 10000 and fee_fixed_minor >= 0),
  CONSTRAINT vendor_slug_key UNIQUE (slug)
);

CREATE INDEX vendor_changed_xid_idx ON vendor (changed_xid);

CREATE TABLE message (
  id UUID NOT NULL,
  kind VARCHAR(32) NOT NULL,
  recipient_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  channel VARCHAR(32) NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  attempts INTEGER DEFAULT 0 NOT NULL,
  next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE,
  lease_token UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  accepted_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT message_pkey PRIMARY KEY (id),
  CONSTRAINT message_kind_recipient_id_subject_id_due_at_channel_key UNIQUE (kind, recipient_id, subject_id, due_at, channel),
  CONSTRAINT message_kind_check CHECK (kind IN ('order_confirmed', 'order_cancelled', 'payment_returned')),
  CONSTRAINT message_recipient_id_fkey FOREIGN KEY(recipient_id) REFERENCES user_account (id),
  CONSTRAINT message_channel_check CHECK (channel IN ('email')),
  CONSTRAINT message_state_check CHECK (state IN ('pending', 'sending', 'accepted', 'failed', 'unknown', 'suppressed'))
);

CREATE INDEX message_open_idx ON message (next_try_at) WHERE state in ('pending', 'sending', 'failed', 'unknown');

CREATE TABLE payment_account (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  provider TEXT NOT NULL,
  account_ref TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT payment_account_pkey PRIMARY KEY (id),
  CONSTRAINT payment_account_vendor_id_provider_key UNIQUE (vendor_id, provider),
  CONSTRAINT payment_account_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT payment_account_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id)
);

CREATE TABLE series (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  title TEXT NOT NULL,
  source_key TEXT NOT NULL,
  CONSTRAINT series_pkey PRIMARY KEY (id),
  CONSTRAINT series_vendor_id_source_key_key UNIQUE (vendor_id, source_key),
  CONSTRAINT series_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT series_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id)
);

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

CREATE TABLE user_contact (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  kind VARCHAR(32) NOT NULL,
  value_encrypted BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  blind_index BYTEA NOT NULL,
  is_login BOOLEAN DEFAULT false NOT NULL,
  verified_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_contact_pkey PRIMARY KEY (id),
  CONSTRAINT user_contact_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT user_contact_kind_check CHECK (kind IN ('email', 'phone'))
);

CREATE INDEX user_contact_blind_index_idx ON user_contact (blind_index);

CREATE UNIQUE INDEX user_contact_login_key ON user_contact (blind_index) WHERE is_login;

CREATE INDEX user_contact_user_id_idx ON user_contact (user_id);

CREATE TABLE user_credential (
  user_id UUID NOT NULL,
  password_hash TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT user_credential_pkey PRIMARY KEY (user_id),
  CONSTRAINT user_credential_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);

CREATE TABLE user_session (
  token_digest BYTEA NOT NULL,
  user_id UUID NOT NULL,
  audience VARCHAR(32) NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_session_pkey PRIMARY KEY (token_digest),
  CONSTRAINT user_session_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT user_session_audience_check CHECK (audience IN ('shop', 'desk'))
);

CREATE INDEX user_session_user_id_idx ON user_session (user_id);

CREATE TABLE vendor_member (
  vendor_id UUID NOT NULL,
  user_id UUID NOT NULL,
  role VARCHAR(32) NOT NULL,
  CONSTRAINT vendor_member_pkey PRIMARY KEY (vendor_id, user_id),
  CONSTRAINT vendor_member_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT vendor_member_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT vendor_member_role_check CHECK (role IN ('owner', 'manager', 'finance', 'support', 'scanner'))
);

CREATE INDEX vendor_member_user_id_idx ON vendor_member (user_id);

CREATE TABLE venue (
  id UUID NOT NULL,
  vendor_id UUID,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  country TEXT,
  zone TEXT NOT NULL,
  source_key TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT venue_pkey PRIMARY KEY (id),
  CONSTRAINT venue_vendor_id_source_key_key UNIQUE NULLS NOT DISTINCT (vendor_id, source_key),
  CONSTRAINT venue_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id)
);

CREATE INDEX venue_changed_xid_idx ON venue (changed_xid);

CREATE TABLE configuration (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  venue_id UUID NOT NULL,
  name TEXT NOT NULL,
  kind VARCHAR(32) NOT NULL,
  CONSTRAINT configuration_pkey PRIMARY KEY (id),
  CONSTRAINT configuration_venue_id_vendor_id_name_key UNIQUE (venue_id, vendor_id, name),
  CONSTRAINT configuration_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT configuration_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT configuration_venue_id_fkey FOREIGN KEY(venue_id) REFERENCES venue (id),
  CONSTRAINT configuration_kind_check CHECK (kind IN ('seated', 'standing', 'mixed'))
);

CREATE TABLE message_attempt (
  message_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  outcome VARCHAR(32),
  detail TEXT,
  CONSTRAINT message_attempt_pkey PRIMARY KEY (message_id, attempt),
  CONSTRAINT message_attempt_message_id_fkey FOREIGN KEY(message_id) REFERENCES message (id),
  CONSTRAINT message_attempt_outcome_check CHECK (outcome IN ('pending', 'sending', 'accepted', 'failed', 'unknown', 'suppressed'))
);

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

CREATE TABLE layout (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  configuration_id UUID NOT NULL,
  version INTEGER NOT NULL,
  valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
  plan JSONB NOT NULL,
  plan_digest BYTEA NOT NULL,
  seat_count INTEGER NOT NULL,
  standing_capacity INTEGER NOT NULL,
  published_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT layout_pkey PRIMARY KEY (id),
  CONSTRAINT layout_configuration_id_version_key UNIQUE (configuration_id, version),
  CONSTRAINT layout_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT layout_vendor_id_configuration_id_fkey FOREIGN KEY(vendor_id, configuration_id) REFERENCES configuration (vendor_id, id)
);

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

CREATE TABLE event (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  venue_id UUID NOT NULL,
  layout_id UUID NOT NULL,
  series_id UUID,
  title TEXT NOT NULL,
  description TEXT DEFAULT '' NOT NULL,
  category TEXT NOT NULL,
  tags TEXT[] DEFAULT '{}' NOT NULL,
  local_start TIMESTAMP WITHOUT TIME ZONE NOT NULL,
  zone TEXT NOT NULL,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  doors_at TIMESTAMP WITH TIME ZONE,
  sales_open_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sales_close_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sales_paused_at TIMESTAMP WITH TIME ZONE,
  visibility VARCHAR(32) DEFAULT 'public' NOT NULL,
  public_at TIMESTAMP WITH TIME ZONE,
  max_per_buyer INTEGER DEFAULT 10 NOT NULL,
  hold_seconds INTEGER DEFAULT 600 NOT NULL,
  checkout_seconds INTEGER DEFAULT 3600 NOT NULL,
  currency TEXT NOT NULL,
  refund_policy JSONB DEFAULT '{}'::jsonb NOT NULL,
  status VARCHAR(32) DEFAULT 'draft' NOT NULL,
  source_key TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  published_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT event_pkey PRIMARY KEY (id),
  CONSTRAINT event_vendor_id_source_key_key UNIQUE (vendor_id, source_key),
  CONSTRAINT event_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT event_vendor_id_layout_id_fkey FOREIGN KEY(vendor_id, layout_id) REFERENCES layout (vendor_id, id),
  CONSTRAINT event_vendor_id_series_id_fkey FOREIGN KEY(vendor_id, series_id) REFERENCES series (vendor_id, id),
  CONSTRAINT event_sales_window_check CHECK (sales_open_at < sales_close_at),
  CONSTRAINT event_limits_check CHECK (max_per_buyer > 0 and hold_seconds between 30 and 7200 and checkout_seconds >= hold_seconds),
  CONSTRAINT event_public_at_check CHECK (visibility <> 'public_from' or public_at is not null),
  CONSTRAINT event_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT event_venue_id_fkey FOREIGN KEY(venue_id) REFERENCES venue (id),
  CONSTRAINT event_visibility_check CHECK (visibility IN ('public', 'hidden', 'public_from')),
  CONSTRAINT event_status_check CHECK (status IN ('draft', 'published', 'postponed', 'cancelled', 'completed'))
);

CREATE INDEX event_changed_xid_idx ON event (changed_xid);

CREATE INDEX event_public_idx ON event (starts_at) WHERE status = 'published';

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

CREATE TABLE section (
  id UUID NOT NULL,
  layout_id UUID NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind VARCHAR(32) NOT NULL,
  capacity INTEGER NOT NULL,
  displayed BOOLEAN DEFAULT true NOT NULL,
  CONSTRAINT section_pkey PRIMARY KEY (id),
  CONSTRAINT section_layout_id_position_key UNIQUE (layout_id, position),
  CONSTRAINT section_layout_id_fkey FOREIGN KEY(layout_id) REFERENCES layout (id),
  CONSTRAINT section_kind_check CHECK (kind IN ('seated', 'standing'))
);

CREATE TABLE event_artist (
  event_id UUID NOT NULL,
  artist_id UUID NOT NULL,
  role TEXT NOT NULL,
  position INTEGER NOT NULL,
  CONSTRAINT event_artist_pkey PRIMARY KEY (event_id, artist_id),
  CONSTRAINT event_artist_event_id_fkey FOREIGN KEY(event_id) REFERENCES event (id),
  CONSTRAINT event_artist_artist_id_fkey FOREIGN KEY(artist_id) REFERENCES artist (id)
);

CREATE INDEX event_artist_artist_id_idx ON event_artist (artist_id);

CREATE TABLE event_payment_method (
  event_id UUID NOT NULL,
  payment_account_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  CONSTRAINT event_payment_method_pkey PRIMARY KEY (event_id, payment_account_id),
  CONSTRAINT event_payment_method_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT event_payment_method_vendor_id_payment_account_id_fkey FOREIGN KEY(vendor_id, payment_account_id) REFERENCES payment_account (vendor_id, id)
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

CREATE TABLE layout_seat (
  layout_id UUID NOT NULL,
  seat_no INTEGER NOT NULL,
  section_id UUID NOT NULL,
  row_label TEXT NOT NULL,
  row_position INTEGER NOT NULL,
  seat_label TEXT NOT NULL,
  seat_position INTEGER NOT NULL,
  x REAL NOT NULL,
  y REAL NOT NULL,
  category TEXT NOT NULL,
  accessible BOOLEAN DEFAULT false NOT NULL,
  companion_of INTEGER,
  view_note TEXT,
  guid TEXT NOT NULL,
  CONSTRAINT layout_seat_pkey PRIMARY KEY (layout_id, seat_no),
  CONSTRAINT layout_seat_layout_id_guid_key UNIQUE (layout_id, guid),
  CONSTRAINT layout_seat_layout_id_fkey FOREIGN KEY(layout_id) REFERENCES layout (id),
  CONSTRAINT layout_seat_section_id_fkey FOREIGN KEY(section_id) REFERENCES section (id)
);

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

CREATE TABLE ticket_type (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  price_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  tax_rate_bps INTEGER DEFAULT 0 NOT NULL,
  tax_minor BIGINT NOT NULL,
  sales_open_at TIMESTAMP WITH TIME ZONE,
  sales_close_at TIMESTAMP WITH TIME ZONE,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT ticket_type_pkey PRIMARY KEY (id),
  CONSTRAINT ticket_type_event_id_name_key UNIQUE (event_id, name),
  CONSTRAINT ticket_type_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT ticket_type_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT ticket_type_amounts_check CHECK (price_minor >= 0 and fee_minor >= 0 and tax_minor between 0 and price_minor)
);

CREATE INDEX ticket_type_changed_xid_idx ON ticket_type (changed_xid);

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

CREATE TABLE ticket_type_section (
  event_id UUID NOT NULL,
  section_id UUID NOT NULL,
  category TEXT DEFAULT '' NOT NULL,
  ticket_type_id UUID NOT NULL,
  CONSTRAINT ticket_type_section_pkey PRIMARY KEY (event_id, section_id, category),
  CONSTRAINT ticket_type_section_event_id_fkey FOREIGN KEY(event_id) REFERENCES event (id),
  CONSTRAINT ticket_type_section_section_id_fkey FOREIGN KEY(section_id) REFERENCES section (id),
  CONSTRAINT ticket_type_section_ticket_type_id_fkey FOREIGN KEY(ticket_type_id) REFERENCES ticket_type (id)
);
