-- Sessions get a name that their owner may see, and what helps to recognise them; links that are mailed; the mails with them.

ALTER TABLE user_session ADD COLUMN id UUID DEFAULT uuidv7() NOT NULL;

ALTER TABLE user_session ADD COLUMN user_agent TEXT;

ALTER TABLE user_session ADD CONSTRAINT user_session_id_key UNIQUE (id);

CREATE TABLE account_link (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  contact_id UUID NOT NULL,
  purpose VARCHAR(32) NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT account_link_pkey PRIMARY KEY (id),
  CONSTRAINT account_link_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT account_link_contact_id_fkey FOREIGN KEY(contact_id) REFERENCES user_contact (id),
  CONSTRAINT account_link_purpose_check CHECK (purpose IN ('verify_email', 'reset_password'))
);

CREATE INDEX account_link_user_id_idx ON account_link (user_id);

grant select, insert, update on account_link to ticketing_core;

grant select on account_link to ticketing_reader;

ALTER TABLE message DROP CONSTRAINT message_kind_check;

ALTER TABLE message ADD CONSTRAINT message_kind_check
  CHECK (kind IN ('order_confirmed', 'order_cancelled', 'payment_returned', 'verify_email', 'reset_password'));
