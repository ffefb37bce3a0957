-- Promotions: codes for discounts, access and affiliates; what they did to orders. Ways to pay that are not a provider.

CREATE TABLE promotion (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  code TEXT NOT NULL,
  kind VARCHAR(32) NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  percent INTEGER,
  amount_minor BIGINT,
  currency TEXT,
  event_id UUID,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE,
  max_uses INTEGER,
  max_uses_per_buyer INTEGER,
  uses INTEGER DEFAULT 0 NOT NULL,
  link_code TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT promotion_pkey PRIMARY KEY (id),
  CONSTRAINT promotion_vendor_id_code_key UNIQUE (vendor_id, code),
  CONSTRAINT promotion_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT promotion_link_code_key UNIQUE (link_code),
  CONSTRAINT promotion_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT promotion_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT promotion_percent_check CHECK ((kind = 'percent') = (percent is not null) and percent between 1 and 100),
  CONSTRAINT promotion_amount_check CHECK ((kind = 'amount') = (amount_minor is not null) and (kind = 'amount') = (currency is not null) and amount_minor > 0),
  CONSTRAINT promotion_access_check CHECK (kind <> 'access' or event_id is not null),
  CONSTRAINT promotion_window_check CHECK (ends_at > starts_at),
  CONSTRAINT promotion_uses_check CHECK (uses >= 0 and uses <= max_uses),
  CONSTRAINT promotion_kind_check CHECK (kind IN ('percent', 'amount', 'access', 'affiliate'))
);

CREATE TABLE promotion_ticket_type (
  promotion_id UUID NOT NULL,
  ticket_type_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  CONSTRAINT promotion_ticket_type_pkey PRIMARY KEY (promotion_id, ticket_type_id),
  CONSTRAINT promotion_ticket_type_vendor_id_promotion_id_fkey FOREIGN KEY(vendor_id, promotion_id) REFERENCES promotion (vendor_id, id),
  CONSTRAINT promotion_ticket_type_vendor_id_ticket_type_id_fkey FOREIGN KEY(vendor_id, ticket_type_id) REFERENCES ticket_type (vendor_id, id)
);

CREATE TABLE promotion_buyer (
  promotion_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  uses INTEGER NOT NULL,
  allowed INTEGER NOT NULL,
  CONSTRAINT promotion_buyer_pkey PRIMARY KEY (promotion_id, buyer_id),
  CONSTRAINT promotion_buyer_uses_check CHECK (uses between 0 and allowed),
  CONSTRAINT promotion_buyer_vendor_id_promotion_id_fkey FOREIGN KEY(vendor_id, promotion_id) REFERENCES promotion (vendor_id, id)
);

CREATE TABLE order_promotion (
  order_id UUID NOT NULL,
  promotion_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  discount_minor BIGINT DEFAULT 0 NOT NULL,
  state VARCHAR(32) DEFAULT 'counted' NOT NULL,
  CONSTRAINT order_promotion_pkey PRIMARY KEY (order_id, promotion_id),
  CONSTRAINT order_promotion_discount_check CHECK (discount_minor >= 0),
  CONSTRAINT order_promotion_vendor_id_order_id_fkey FOREIGN KEY(vendor_id, order_id) REFERENCES ticket_order (vendor_id, id),
  CONSTRAINT order_promotion_vendor_id_promotion_id_fkey FOREIGN KEY(vendor_id, promotion_id) REFERENCES promotion (vendor_id, id),
  CONSTRAINT order_promotion_state_check CHECK (state IN ('counted', 'returned'))
);

CREATE INDEX order_promotion_promotion_id_idx ON order_promotion (promotion_id);

-- Ticket types that only a code opens, kept with the event so that holding looks at no other row; and the code that opened a hold.

ALTER TABLE event ADD COLUMN access_types UUID[] DEFAULT '{}' NOT NULL;

ALTER TABLE hold ADD COLUMN promotion_id UUID;

ALTER TABLE payment_account ADD COLUMN kind VARCHAR(32) DEFAULT 'card' NOT NULL;

ALTER TABLE payment_account ADD COLUMN label TEXT DEFAULT '' NOT NULL;

ALTER TABLE payment_account ADD COLUMN instructions TEXT DEFAULT '' NOT NULL;

ALTER TABLE payment_account ADD COLUMN removed_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE payment_account ADD CONSTRAINT payment_account_kind_check CHECK (kind IN ('card', 'cash', 'bank_transfer'));

ALTER TABLE payment_account DROP CONSTRAINT payment_account_vendor_id_provider_key;

CREATE UNIQUE INDEX payment_account_vendor_id_provider_idx ON payment_account (vendor_id, provider) WHERE removed_at is null;

grant select, insert, update on promotion, promotion_buyer, order_promotion to ticketing_core;
grant select, insert on promotion_ticket_type to ticketing_core;
grant select on promotion, promotion_ticket_type, promotion_buyer, order_promotion to ticketing_reader, ticketing_vendor;
grant insert on promotion, promotion_ticket_type to ticketing_vendor;
grant update (ended_at) on promotion to ticketing_vendor;

alter table promotion enable row level security;
create policy core_all on promotion to ticketing_core using (true);
create policy vendor_reads on promotion for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on promotion for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on promotion for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table promotion_ticket_type enable row level security;
create policy core_all on promotion_ticket_type to ticketing_core using (true);
create policy vendor_reads on promotion_ticket_type for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on promotion_ticket_type for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table promotion_buyer enable row level security;
create policy core_all on promotion_buyer to ticketing_core using (true);
create policy vendor_reads on promotion_buyer for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table order_promotion enable row level security;
create policy core_all on order_promotion to ticketing_core using (true);
create policy vendor_reads on order_promotion for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

-- An account at a provider is its vendor's own affair; which providers an event takes, everybody sees.

drop policy everyone_reads on payment_account;
create policy reader_reads on payment_account for select to ticketing_reader using (true);
create policy vendor_reads on payment_account for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

create policy vendor_deletes on event_payment_method for delete to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
grant delete on event_payment_method to ticketing_core, ticketing_vendor;
