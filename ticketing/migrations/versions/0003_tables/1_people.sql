-- Profiles, claimed purchases, members, preferences, push subscriptions; requests for links that are answered later.

ALTER TABLE user_account ADD COLUMN claimed_by_id UUID;

ALTER TABLE user_account ADD CONSTRAINT user_account_claimed_by_id_fkey FOREIGN KEY(claimed_by_id) REFERENCES user_account (id);

CREATE INDEX user_account_claimed_by_id_idx ON user_account (claimed_by_id) WHERE claimed_by_id is not null;

ALTER TABLE user_contact ADD COLUMN in_use BOOLEAN DEFAULT true NOT NULL;

CREATE TABLE link_request (
  id UUID NOT NULL,
  blind_index BYTEA NOT NULL,
  purpose VARCHAR(32) NOT NULL,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT link_request_pkey PRIMARY KEY (id),
  CONSTRAINT link_request_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'find_orders'))
);

CREATE TABLE message_preference (
  user_id UUID NOT NULL,
  email BOOLEAN DEFAULT true NOT NULL,
  push BOOLEAN DEFAULT true NOT NULL,
  quiet_start TIME WITHOUT TIME ZONE,
  quiet_end TIME WITHOUT TIME ZONE,
  quiet_zone TEXT,
  muted TEXT[] DEFAULT '{}' NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT message_preference_pkey PRIMARY KEY (user_id),
  CONSTRAINT message_preference_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT message_preference_quiet_check CHECK (num_nulls(quiet_start, quiet_end, quiet_zone) in (0, 3))
);

CREATE TABLE push_subscription (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  host TEXT NOT NULL,
  endpoint_index BYTEA NOT NULL,
  value_encrypted BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT push_subscription_pkey PRIMARY KEY (id),
  CONSTRAINT push_subscription_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT push_subscription_endpoint_index_key UNIQUE (endpoint_index)
);

CREATE INDEX push_subscription_user_id_idx ON push_subscription (user_id);

grant select, insert, update, delete on link_request to ticketing_core;
grant select, insert, update on message_preference to ticketing_core;
grant select, insert, update, delete on push_subscription to ticketing_core;
grant select on link_request, message_preference, push_subscription to ticketing_reader;

-- Owners look after their members as the vendors' role.

grant insert, update (role), delete on vendor_member to ticketing_vendor;
create policy vendor_inserts on vendor_member for insert to ticketing_vendor
  with check (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_updates on vendor_member for update to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
create policy vendor_deletes on vendor_member for delete to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));
