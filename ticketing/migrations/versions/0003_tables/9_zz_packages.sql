-- Packages: one price for places at several events, and which orders bought one.

CREATE TABLE package (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  name TEXT NOT NULL,
  price_minor BIGINT,
  percent INTEGER,
  currency TEXT NOT NULL,
  sales_open_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sales_close_at TIMESTAMP WITH TIME ZONE,
  max_per_buyer INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT package_pkey PRIMARY KEY (id),
  CONSTRAINT package_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT package_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT package_price_check CHECK (num_nulls(price_minor, percent) = 1 and price_minor > 0 and percent between 1 and 99),
  CONSTRAINT package_window_check CHECK (sales_close_at > sales_open_at),
  CONSTRAINT package_limit_check CHECK (max_per_buyer > 0)
);

CREATE TABLE package_event (
  package_id UUID NOT NULL,
  event_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  position INTEGER NOT NULL,
  CONSTRAINT package_event_pkey PRIMARY KEY (package_id, event_id),
  CONSTRAINT package_event_package_id_position_key UNIQUE (package_id, position),
  CONSTRAINT package_event_vendor_id_package_id_fkey FOREIGN KEY(vendor_id, package_id) REFERENCES package (vendor_id, id),
  CONSTRAINT package_event_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT package_event_vendor_id_ticket_type_id_fkey FOREIGN KEY(vendor_id, ticket_type_id) REFERENCES ticket_type (vendor_id, id)
);

CREATE TABLE order_package (
  order_id UUID NOT NULL,
  package_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  quantity INTEGER NOT NULL,
  price_minor BIGINT NOT NULL,
  CONSTRAINT order_package_pkey PRIMARY KEY (order_id),
  CONSTRAINT order_package_amounts_check CHECK (quantity > 0 and price_minor >= 0),
  CONSTRAINT order_package_vendor_id_order_id_fkey FOREIGN KEY(vendor_id, order_id) REFERENCES ticket_order (vendor_id, id),
  CONSTRAINT order_package_vendor_id_package_id_fkey FOREIGN KEY(vendor_id, package_id) REFERENCES package (vendor_id, id)
);

CREATE INDEX order_package_package_id_idx ON order_package (package_id);

grant select on package, package_event to ticketing_core, ticketing_reader, ticketing_vendor;
grant insert on package, package_event to ticketing_vendor;
grant update (ended_at) on package to ticketing_vendor;
grant select, insert on order_package to ticketing_core;
grant select on order_package to ticketing_reader, ticketing_vendor;

alter table package enable row level security;
create policy core_all on package to ticketing_core using (true);
create policy reader_all on package for select to ticketing_reader using (true);
create policy vendor_reads on package for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on package for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on package for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table package_event enable row level security;
create policy core_all on package_event to ticketing_core using (true);
create policy reader_all on package_event for select to ticketing_reader using (true);
create policy vendor_reads on package_event for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on package_event for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table order_package enable row level security;
create policy core_all on order_package to ticketing_core using (true);
create policy reader_all on order_package for select to ticketing_reader using (true);
create policy vendor_reads on order_package for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
