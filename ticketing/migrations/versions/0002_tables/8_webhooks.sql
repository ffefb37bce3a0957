-- Outgoing webhooks: endpoints, events, deliveries, attempts; the outbox's second reader.

ALTER TABLE outbox ADD COLUMN webhooks_at TIMESTAMP WITH TIME ZONE;

UPDATE outbox SET webhooks_at = created_at;

CREATE INDEX outbox_webhooks_idx ON outbox (id)
  WHERE webhooks_at is null and topic in ('order.confirmed', 'order.cancelled', 'event.published');

CREATE TABLE webhook_endpoint (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  url TEXT NOT NULL,
  events TEXT[] NOT NULL,
  secret_version INTEGER DEFAULT 1 NOT NULL,
  previous_until TIMESTAMP WITH TIME ZONE,
  failures_in_row INTEGER DEFAULT 0 NOT NULL,
  disabled_at TIMESTAMP WITH TIME ZONE,
  removed_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT webhook_endpoint_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_endpoint_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT webhook_endpoint_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id)
);

CREATE TABLE webhook_event (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  outbox_id BIGINT NOT NULL,
  kind VARCHAR(32) NOT NULL,
  subject_id UUID NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT webhook_event_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_event_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT webhook_event_outbox_id_key UNIQUE (outbox_id),
  CONSTRAINT webhook_event_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT webhook_event_outbox_id_fkey FOREIGN KEY(outbox_id) REFERENCES outbox (id),
  CONSTRAINT webhook_event_kind_check CHECK (kind IN ('order.confirmed', 'order.cancelled', 'event.published'))
);

CREATE TABLE webhook_delivery (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  endpoint_id UUID NOT NULL,
  event_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  attempts INTEGER DEFAULT 0 NOT NULL,
  attempts_left INTEGER NOT NULL,
  next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE,
  lease_token UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  delivered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_delivery_endpoint_id_event_id_key UNIQUE (endpoint_id, event_id),
  CONSTRAINT webhook_delivery_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT webhook_delivery_vendor_id_endpoint_id_fkey FOREIGN KEY(vendor_id, endpoint_id) REFERENCES webhook_endpoint (vendor_id, id),
  CONSTRAINT webhook_delivery_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES webhook_event (vendor_id, id),
  CONSTRAINT webhook_delivery_state_check CHECK (state IN ('pending', 'sending', 'delivered', 'given_up', 'abandoned'))
);

CREATE INDEX webhook_delivery_endpoint_id_id_idx ON webhook_delivery (endpoint_id, id);

CREATE INDEX webhook_delivery_open_idx ON webhook_delivery (next_try_at) WHERE state in ('pending', 'sending');

CREATE TABLE webhook_attempt (
  delivery_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  vendor_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  status INTEGER,
  duration_ms INTEGER,
  answer TEXT,
  detail TEXT,
  CONSTRAINT webhook_attempt_pkey PRIMARY KEY (delivery_id, attempt),
  CONSTRAINT webhook_attempt_vendor_id_delivery_id_fkey FOREIGN KEY(vendor_id, delivery_id) REFERENCES webhook_delivery (vendor_id, id)
);

grant select, insert, update on webhook_endpoint, webhook_event, webhook_delivery, webhook_attempt to ticketing_core;
grant select on webhook_endpoint, webhook_event, webhook_delivery, webhook_attempt to ticketing_reader, ticketing_vendor;
grant insert, update on webhook_endpoint to ticketing_vendor;
grant update (state, attempts_left, next_try_at) on webhook_delivery to ticketing_vendor;

alter table webhook_endpoint enable row level security;
create policy core_all on webhook_endpoint to ticketing_core using (true);
create policy vendor_reads on webhook_endpoint for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on webhook_endpoint for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on webhook_endpoint for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table webhook_event enable row level security;
create policy core_all on webhook_event to ticketing_core using (true);
create policy vendor_reads on webhook_event for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table webhook_delivery enable row level security;
create policy core_all on webhook_delivery to ticketing_core using (true);
create policy vendor_reads on webhook_delivery for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on webhook_delivery for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table webhook_attempt enable row level security;
create policy core_all on webhook_attempt to ticketing_core using (true);
create policy vendor_reads on webhook_attempt for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
