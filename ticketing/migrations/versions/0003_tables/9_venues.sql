-- Drafts of layouts; plans for events that take over a newer version of their layout.

CREATE TABLE reseating (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  from_layout_id UUID NOT NULL,
  to_layout_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'proposed' NOT NULL,
  held INTEGER NOT NULL,
  sold INTEGER NOT NULL,
  priced INTEGER NOT NULL,
  standing JSONB NOT NULL,
  unpriced TEXT[] NOT NULL,
  complete BOOLEAN NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT reseating_pkey PRIMARY KEY (id),
  CONSTRAINT reseating_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT reseating_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT reseating_vendor_id_from_layout_id_fkey FOREIGN KEY(vendor_id, from_layout_id) REFERENCES layout (vendor_id, id),
  CONSTRAINT reseating_vendor_id_to_layout_id_fkey FOREIGN KEY(vendor_id, to_layout_id) REFERENCES layout (vendor_id, id),
  CONSTRAINT reseating_state_check CHECK (state IN ('proposed', 'applied', 'refused', 'superseded'))
);

CREATE INDEX reseating_event_id_idx ON reseating (event_id);

CREATE UNIQUE INDEX reseating_open_idx ON reseating (event_id) WHERE state = 'proposed';

CREATE TABLE reseating_move (
  reseating_id UUID NOT NULL,
  ticket_id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  order_id UUID NOT NULL,
  group_no INTEGER NOT NULL,
  from_seat_no INTEGER NOT NULL,
  to_seat_no INTEGER,
  unplaced VARCHAR(32),
  CONSTRAINT reseating_move_pkey PRIMARY KEY (reseating_id, ticket_id),
  CONSTRAINT reseating_move_vendor_id_reseating_id_fkey FOREIGN KEY(vendor_id, reseating_id) REFERENCES reseating (vendor_id, id),
  CONSTRAINT reseating_move_vendor_id_ticket_id_fkey FOREIGN KEY(vendor_id, ticket_id) REFERENCES ticket (vendor_id, id),
  CONSTRAINT reseating_move_somewhere_check CHECK ((to_seat_no is null) = (unplaced is not null)),
  CONSTRAINT reseating_move_unplaced_check CHECK (unplaced IN ('no_seats', 'no_accessible_seats', 'not_together', 'needed_by_others'))
);

grant select, insert, update on reseating to ticketing_core;
grant select on reseating, reseating_move to ticketing_core, ticketing_reader, ticketing_vendor;
grant insert on reseating, reseating_move to ticketing_vendor;
grant update (state, decided_at) on reseating to ticketing_vendor;

alter table reseating enable row level security;
create policy core_all on reseating to ticketing_core using (true);
create policy vendor_reads on reseating for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on reseating for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on reseating for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

alter table reseating_move enable row level security;
create policy core_all on reseating_move to ticketing_core using (true);
create policy vendor_reads on reseating_move for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_inserts on reseating_move for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

-- A draft of a layout is its vendor's own affair.

drop policy everyone_reads on layout;
create policy reader_reads on layout for select to ticketing_reader using (true);
create policy vendor_reads on layout for select to ticketing_vendor
  using (published_at is not null or vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

-- Seats that are gone leave the event, and its prices are tied to the sections of the newer version.

grant delete on event_seat, ticket_type_section to ticketing_core;

-- Seats that a new layout does not have leave their blocks.
grant delete on event_block_seat to ticketing_core;
