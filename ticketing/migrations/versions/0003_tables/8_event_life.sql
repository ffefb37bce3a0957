-- Life of an event after it is published: postponements, ticket types with windows of their own, seats taken out of sale.

-- Ticket types with a sales window of their own, kept with the event so that holding looks at no other row for most events.

ALTER TABLE event ADD COLUMN windowed_types UUID[] DEFAULT '{}' NOT NULL;

CREATE TABLE event_postponement (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  from_local_start TIMESTAMP WITHOUT TIME ZONE NOT NULL,
  to_local_start TIMESTAMP WITHOUT TIME ZONE NOT NULL,
  postponed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT event_postponement_pkey PRIMARY KEY (id),
  CONSTRAINT event_postponement_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id)
);

CREATE INDEX event_postponement_event_id_idx ON event_postponement (event_id);

CREATE TABLE event_block (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  reason VARCHAR(32) NOT NULL,
  note TEXT DEFAULT '' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT event_block_pkey PRIMARY KEY (id),
  CONSTRAINT event_block_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT event_block_reason_check CHECK (reason IN ('house', 'killed', 'companion', 'production'))
);

CREATE INDEX event_block_event_id_idx ON event_block (event_id);

CREATE TABLE event_block_seat (
  block_id UUID NOT NULL,
  seat_no INTEGER NOT NULL,
  event_id UUID NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT event_block_seat_pkey PRIMARY KEY (block_id, seat_no),
  CONSTRAINT event_block_seat_block_id_fkey FOREIGN KEY(block_id) REFERENCES event_block (id),
  CONSTRAINT event_block_seat_event_id_seat_no_fkey FOREIGN KEY(event_id, seat_no) REFERENCES event_seat (event_id, seat_no)
);

CREATE UNIQUE INDEX event_block_seat_open_idx ON event_block_seat (event_id, seat_no) WHERE ended_at is null;

grant select, insert on event_postponement, event_block to ticketing_core, ticketing_vendor;
grant select, insert, update on event_block_seat to ticketing_core, ticketing_vendor;
grant select on event_postponement, event_block, event_block_seat to ticketing_reader;

alter table event_postponement enable row level security;
create policy core_all on event_postponement to ticketing_core using (true);
create policy reader_reads on event_postponement for select to ticketing_reader using (true);
create policy vendor_all on event_postponement to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table event_block enable row level security;
create policy core_all on event_block to ticketing_core using (true);
create policy reader_reads on event_block for select to ticketing_reader using (true);
create policy vendor_all on event_block to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table event_block_seat enable row level security;
create policy core_all on event_block_seat to ticketing_core using (true);
create policy reader_reads on event_block_seat for select to ticketing_reader using (true);
create policy vendor_all on event_block_seat to ticketing_vendor
  using (exists (select from event_block b where b.id = event_block_seat.block_id));
