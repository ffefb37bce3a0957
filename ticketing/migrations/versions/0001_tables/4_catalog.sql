-- Tables of catalog. A statement ends with a semicolon at the end of its line.

CREATE TABLE artist (
  id UUID NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT artist_pkey PRIMARY KEY (id),
  CONSTRAINT artist_name_key UNIQUE (name)
);

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
