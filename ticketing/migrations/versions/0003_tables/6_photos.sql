-- Photos of attended events; the files lie in the installation's home.

CREATE TABLE photo (
  id UUID NOT NULL,
  vendor_id UUID NOT NULL,
  event_id UUID NOT NULL,
  user_id UUID NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  file_bytes INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE,
  decided_by_id UUID,
  CONSTRAINT photo_pkey PRIMARY KEY (id),
  CONSTRAINT photo_vendor_id_id_key UNIQUE (vendor_id, id),
  CONSTRAINT photo_vendor_id_event_id_fkey FOREIGN KEY(vendor_id, event_id) REFERENCES event (vendor_id, id),
  CONSTRAINT photo_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT photo_state_check CHECK (state IN ('pending', 'approved', 'rejected')),
  CONSTRAINT photo_decided_check CHECK ((state = 'pending') = (decided_at is null) and (state = 'pending') = (decided_by_id is null)),
  CONSTRAINT photo_size_check CHECK (width > 0 and height > 0 and file_bytes > 0)
);

CREATE INDEX photo_user_id_id_idx ON photo (user_id, id);

CREATE INDEX photo_vendor_id_state_id_idx ON photo (vendor_id, state, id);

CREATE INDEX photo_shown_idx ON photo (event_id, id) WHERE state = 'approved';

-- Moderators see what it shows, not who sent it.

grant select, insert, delete on photo to ticketing_core;
grant select on photo to ticketing_reader;
grant select (id, vendor_id, event_id, state, width, height, file_bytes, created_at, decided_at, decided_by_id) on photo to ticketing_vendor;
grant update (state, decided_at, decided_by_id) on photo to ticketing_vendor;

alter table photo enable row level security;
create policy core_all on photo to ticketing_core using (true);
create policy vendor_reads on photo for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on photo for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
