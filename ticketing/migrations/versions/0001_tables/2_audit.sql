-- Tables of audit. A statement ends with a semicolon at the end of its line.

CREATE TABLE audit_entry (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  actor_id UUID,
  action TEXT NOT NULL,
  subject_id UUID NOT NULL,
  digest BYTEA,
  CONSTRAINT audit_entry_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_entry_xid_idx ON audit_entry (xid);

CREATE TABLE audit_seal (
  seq BIGINT NOT NULL,
  from_xid xid8 NOT NULL,
  to_xid xid8 NOT NULL,
  entries INTEGER NOT NULL,
  merkle_root BYTEA NOT NULL,
  prev_hash BYTEA NOT NULL,
  seal_hash BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  signature BYTEA NOT NULL,
  sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT audit_seal_pkey PRIMARY KEY (seq)
);
