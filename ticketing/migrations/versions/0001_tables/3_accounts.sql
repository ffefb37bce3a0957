-- Tables of accounts. A statement ends with a semicolon at the end of its line.

CREATE TABLE user_account (
  id UUID NOT NULL,
  analytics_id UUID DEFAULT gen_random_uuid(),
  kind VARCHAR(32) NOT NULL,
  display_name TEXT NOT NULL,
  locale TEXT DEFAULT 'en_GB' NOT NULL,
  is_operator BOOLEAN DEFAULT false NOT NULL,
  is_analyst BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  disabled_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_account_pkey PRIMARY KEY (id),
  CONSTRAINT user_account_analytics_id_key UNIQUE (analytics_id),
  CONSTRAINT user_account_kind_check CHECK (kind IN ('registered', 'guest'))
);

CREATE TABLE vendor (
  id UUID NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,
  fee_bps INTEGER DEFAULT 0 NOT NULL,
  fee_fixed_minor INTEGER DEFAULT 0 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  CONSTRAINT vendor_pkey PRIMARY KEY (id),
  CONSTRAINT vendor_fees_check CHECK (fee_bps between 0 and 10000 and fee_fixed_minor >= 0),
  CONSTRAINT vendor_slug_key UNIQUE (slug)
);

CREATE INDEX vendor_changed_xid_idx ON vendor (changed_xid);

CREATE TABLE user_contact (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  kind VARCHAR(32) NOT NULL,
  value_encrypted BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  blind_index BYTEA NOT NULL,
  is_login BOOLEAN DEFAULT false NOT NULL,
  verified_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_contact_pkey PRIMARY KEY (id),
  CONSTRAINT user_contact_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT user_contact_kind_check CHECK (kind IN ('email', 'phone'))
);

CREATE INDEX user_contact_blind_index_idx ON user_contact (blind_index);

CREATE UNIQUE INDEX user_contact_login_key ON user_contact (blind_index) WHERE is_login;

CREATE INDEX user_contact_user_id_idx ON user_contact (user_id);

CREATE TABLE user_credential (
  user_id UUID NOT NULL,
  password_hash TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT user_credential_pkey PRIMARY KEY (user_id),
  CONSTRAINT user_credential_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);

CREATE TABLE user_session (
  token_digest BYTEA NOT NULL,
  user_id UUID NOT NULL,
  audience VARCHAR(32) NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT user_session_pkey PRIMARY KEY (token_digest),
  CONSTRAINT user_session_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT user_session_audience_check CHECK (audience IN ('shop', 'desk'))
);

CREATE INDEX user_session_user_id_idx ON user_session (user_id);

CREATE TABLE vendor_member (
  vendor_id UUID NOT NULL,
  user_id UUID NOT NULL,
  role VARCHAR(32) NOT NULL,
  CONSTRAINT vendor_member_pkey PRIMARY KEY (vendor_id, user_id),
  CONSTRAINT vendor_member_vendor_id_fkey FOREIGN KEY(vendor_id) REFERENCES vendor (id),
  CONSTRAINT vendor_member_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
  CONSTRAINT vendor_member_role_check CHECK (role IN ('owner', 'manager', 'finance', 'support', 'scanner'))
);

CREATE INDEX vendor_member_user_id_idx ON vendor_member (user_id);
