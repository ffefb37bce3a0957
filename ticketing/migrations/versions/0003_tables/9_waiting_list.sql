-- The waiting list of sold-out events.

CREATE TABLE waiting_list_entry (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  quantity INTEGER NOT NULL,
  section_ids UUID[] DEFAULT '{}' NOT NULL,
  most_each_minor BIGINT,
  accessible BOOLEAN DEFAULT false NOT NULL,
  state VARCHAR(32) DEFAULT 'waiting' NOT NULL,
  joined_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  hold_id UUID,
  offered_at TIMESTAMP WITH TIME ZONE,
  offer_ends_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT waiting_list_entry_pkey PRIMARY KEY (id),
  CONSTRAINT waiting_list_entry_wish_check CHECK (quantity > 0 and most_each_minor > 0),
  CONSTRAINT waiting_list_entry_offer_check CHECK (num_nulls(hold_id, offered_at, offer_ends_at) in (0, 3)),
  CONSTRAINT waiting_list_entry_offered_check CHECK (state not in ('offered', 'bought') or hold_id is not null),
  CONSTRAINT waiting_list_entry_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT waiting_list_entry_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES user_account (id),
  CONSTRAINT waiting_list_entry_state_check CHECK (state IN ('waiting', 'offered', 'bought', 'lapsed', 'left'))
);

CREATE INDEX waiting_list_entry_buyer_id_idx ON waiting_list_entry (buyer_id);

CREATE UNIQUE INDEX waiting_list_entry_open_key ON waiting_list_entry (event_id, buyer_id) WHERE state in ('waiting', 'offered');

grant select, insert, update on waiting_list_entry to ticketing_core;
grant select on waiting_list_entry to ticketing_reader, ticketing_vendor;

alter table waiting_list_entry enable row level security;
create policy core_all on waiting_list_entry to ticketing_core using (true);
create policy vendor_reads on waiting_list_entry for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy reader_all on waiting_list_entry for select to ticketing_reader using (true);
