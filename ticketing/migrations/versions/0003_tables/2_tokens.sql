-- Programs that act for people and vendors: their registration, what people have granted them, tokens that are renewed; and
-- accounts at other providers that people sign in with.

create table api_client (
  id uuid not null,
  vendor_id uuid not null,
  name text not null,
  secret_digest bytea,
  redirect_uris text[] not null,
  scopes text[] not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  removed_at timestamp with time zone,
  constraint api_client_pkey primary key (id),
  constraint api_client_vendor_id_fkey foreign key (vendor_id) references vendor (id),
  constraint api_client_created_by_fkey foreign key (created_by) references user_account (id)
);
create index api_client_vendor_id_idx on api_client (vendor_id);

create table oauth_grant (
  id uuid not null,
  client_id uuid not null,
  user_id uuid not null,
  scopes text[] not null,
  redirect_uri text not null,
  challenge text not null,
  created_at timestamp with time zone not null,
  code_expires_at timestamp with time zone not null,
  code_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint oauth_grant_pkey primary key (id),
  constraint oauth_grant_client_id_fkey foreign key (client_id) references api_client (id),
  constraint oauth_grant_user_id_fkey foreign key (user_id) references user_account (id)
);
create index oauth_grant_user_id_idx on oauth_grant (user_id);

create table refresh_token (
  id uuid not null,
  grant_id uuid not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  spent_at timestamp with time zone,
  successor_id uuid,
  constraint refresh_token_pkey primary key (id),
  constraint refresh_token_grant_id_fkey foreign key (grant_id) references oauth_grant (id)
);
create index refresh_token_grant_id_idx on refresh_token (grant_id);

create table identity (
  provider text not null,
  subject text not null,
  user_id uuid not null,
  created_at timestamp with time zone not null,
  constraint identity_pkey primary key (provider, subject),
  constraint identity_user_id_fkey foreign key (user_id) references user_account (id)
);
create index identity_user_id_idx on identity (user_id);

alter table api_client enable row level security;
create policy core_all on api_client to ticketing_core using (true);
create policy reader_reads on api_client for select to ticketing_reader using (true);
create policy vendor_all on api_client to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

grant select on api_client, oauth_grant, refresh_token, identity to ticketing_core, ticketing_reader;
grant insert, update on api_client, oauth_grant, refresh_token, identity to ticketing_core;
grant select, insert, update on api_client to ticketing_vendor;
