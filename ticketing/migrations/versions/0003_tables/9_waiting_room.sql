-- The waiting room: queues, and the places of buyers in them.

CREATE TABLE queue (
  event_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  opens_at TIMESTAMP WITH TIME ZONE NOT NULL,
  most_shoppers INTEGER NOT NULL,
  per_minute INTEGER,
  grace_seconds INTEGER NOT NULL,
  shopping_seconds INTEGER NOT NULL,
  seed BYTEA NOT NULL,
  drawn_at TIMESTAMP WITH TIME ZONE,
  last_position BIGINT DEFAULT 0 NOT NULL,
  admitted_upto BIGINT DEFAULT 0 NOT NULL,
  credit DOUBLE PRECISION DEFAULT 0 NOT NULL,
  advanced_at TIMESTAMP WITH TIME ZONE,
  paused_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT queue_pkey PRIMARY KEY (event_id),
  CONSTRAINT queue_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT queue_limits_check CHECK (most_shoppers > 0 and grace_seconds between 30 and 3600 and shopping_seconds between 60 and 7200 and per_minute > 0)
);

CREATE TABLE queue_entry (
  id UUID NOT NULL,
  event_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
  position BIGINT,
  tell BOOLEAN DEFAULT false NOT NULL,
  state VARCHAR(32) DEFAULT 'waiting' NOT NULL,
  admitted_at TIMESTAMP WITH TIME ZONE,
  turn_ends_at TIMESTAMP WITH TIME ZONE,
  hold_id UUID,
  CONSTRAINT queue_entry_pkey PRIMARY KEY (id),
  CONSTRAINT queue_entry_event_id_buyer_id_key UNIQUE (event_id, buyer_id),
  CONSTRAINT queue_entry_event_id_position_key UNIQUE (event_id, position),
  CONSTRAINT queue_entry_admitted_check CHECK ((state in ('waiting', 'left')) or (position is not null and admitted_at is not null)),
  CONSTRAINT queue_entry_turn_check CHECK (state not in ('admitted', 'shopping') or turn_ends_at is not null),
  CONSTRAINT queue_entry_event_id_fkey FOREIGN KEY(event_id) REFERENCES queue (event_id),
  CONSTRAINT queue_entry_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES user_account (id),
  CONSTRAINT queue_entry_state_check CHECK (state IN ('waiting', 'admitted', 'shopping', 'done', 'lapsed', 'left'))
);

CREATE INDEX queue_entry_buyer_id_idx ON queue_entry (buyer_id);

CREATE INDEX queue_entry_inside_idx ON queue_entry (event_id) WHERE state in ('admitted', 'shopping');

grant select, insert, update on queue, queue_entry to ticketing_core;
grant select on queue, queue_entry to ticketing_reader;
grant select, insert, update on queue to ticketing_vendor;
grant select on queue_entry to ticketing_vendor;

alter table queue enable row level security;
create policy core_all on queue to ticketing_core using (true);
create policy vendor_reads on queue for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on queue for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on queue for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table queue_entry enable row level security;
create policy core_all on queue_entry to ticketing_core using (true);
create policy vendor_reads on queue_entry for select to ticketing_vendor
  using (exists (select from queue q where q.event_id = queue_entry.event_id));
