-- Tables of foundation. A statement ends with a semicolon at the end of its line.

CREATE TABLE capture_token (
  id SMALLINT DEFAULT 1 NOT NULL,
  token UUID NOT NULL,
  batch BIGINT NOT NULL,
  CONSTRAINT capture_token_pkey PRIMARY KEY (id)
);

CREATE TABLE idempotency_key (
  actor_id UUID NOT NULL,
  key TEXT NOT NULL,
  request_digest BYTEA NOT NULL,
  kind TEXT NOT NULL,
  resource_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT idempotency_key_pkey PRIMARY KEY (actor_id, key)
);

CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);

CREATE TABLE outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  topic TEXT NOT NULL,
  subject_id UUID NOT NULL,
  payload JSONB DEFAULT '{}'::jsonb NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  consumed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_open_idx ON outbox (id) WHERE consumed_at is null;
