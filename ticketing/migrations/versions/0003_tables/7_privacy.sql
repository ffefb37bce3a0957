-- Erasing people: what is being done, so that it is finished whatever happens; and the right to delete what is theirs.

CREATE TABLE erasure (
  user_id UUID NOT NULL,
  asked_by UUID NOT NULL,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT erasure_pkey PRIMARY KEY (user_id),
  CONSTRAINT erasure_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT erasure_asked_by_fkey FOREIGN KEY(asked_by) REFERENCES user_account (id)
);

CREATE INDEX erasure_open_idx ON erasure (asked_at) WHERE finished_at is null;

grant select, insert, update on erasure to ticketing_core;
grant select on erasure to ticketing_reader;
grant delete on account_link, identity, message_preference, oauth_grant, refresh_token, user_contact, user_credential, user_session,
  vendor_member to ticketing_core;
