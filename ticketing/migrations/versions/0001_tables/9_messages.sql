-- Tables of messages. A statement ends with a semicolon at the end of its line.

CREATE TABLE message (
  id UUID NOT NULL,
  kind VARCHAR(32) NOT NULL,
  recipient_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  channel VARCHAR(32) NOT NULL,
  state VARCHAR(32) DEFAULT 'pending' NOT NULL,
  attempts INTEGER DEFAULT 0 NOT NULL,
  next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE,
  lease_token UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  accepted_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT message_pkey PRIMARY KEY (id),
  CONSTRAINT message_kind_recipient_id_subject_id_due_at_channel_key UNIQUE (kind, recipient_id, subject_id, due_at, channel),
  CONSTRAINT message_kind_check CHECK (kind IN ('order_confirmed', 'order_cancelled', 'payment_returned')),
  CONSTRAINT message_recipient_id_fkey FOREIGN KEY(recipient_id) REFERENCES user_account (id),
  CONSTRAINT message_channel_check CHECK (channel IN ('email')),
  CONSTRAINT message_state_check CHECK (state IN ('pending', 'sending', 'accepted', 'failed', 'unknown', 'suppressed'))
);

CREATE INDEX message_open_idx ON message (next_try_at) WHERE state in ('pending', 'sending', 'failed', 'unknown');

CREATE TABLE message_attempt (
  message_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  outcome VARCHAR(32),
  detail TEXT,
  CONSTRAINT message_attempt_pkey PRIMARY KEY (message_id, attempt),
  CONSTRAINT message_attempt_message_id_fkey FOREIGN KEY(message_id) REFERENCES message (id),
  CONSTRAINT message_attempt_outcome_check CHECK (outcome IN ('pending', 'sending', 'accepted', 'failed', 'unknown', 'suppressed'))
);
