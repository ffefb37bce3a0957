-- Vendors change and withdraw their events; whoever keeps answers about the catalogue sees that it has changed.

alter table event drop constraint event_status_check;
alter table event add constraint event_status_check
  check (status in ('draft', 'published', 'postponed', 'cancelled', 'completed', 'withdrawn'));
alter table event add column version integer default 1 not null;

create table catalogue_version (
  vendor_id uuid not null,
  version bigint not null,
  constraint catalogue_version_pkey primary key (vendor_id)
);

-- In the transaction of the change itself: who reads the sum of versions and then the catalogue in one snapshot can't mix old and new.
create function count_catalogue_change() returns trigger language plpgsql security definer set search_path = public as
'begin
  insert into catalogue_version (vendor_id, version)
  select coalesce(vendor_id, ''00000000-0000-0000-0000-000000000000''), 1 from changed group by 1 order by 1
  on conflict (vendor_id) do update set version = catalogue_version.version + 1; return null; end';
create trigger event_inserted after insert on event referencing new table as changed
  for each statement execute function count_catalogue_change();
create trigger event_updated after update on event referencing new table as changed
  for each statement execute function count_catalogue_change();
create trigger ticket_type_inserted after insert on ticket_type referencing new table as changed
  for each statement execute function count_catalogue_change();
create trigger ticket_type_updated after update on ticket_type referencing new table as changed
  for each statement execute function count_catalogue_change();
create trigger venue_updated after update on venue referencing new table as changed
  for each statement execute function count_catalogue_change();

grant select on catalogue_version to ticketing_core, ticketing_reader;

-- A changed billing is written anew.

alter table event_artist enable row level security;
create policy everyone_reads on event_artist for select using (true);
create policy core_writes on event_artist to ticketing_core using (true);
create policy vendor_writes on event_artist to ticketing_vendor
  using (exists (select 1 from event e
    where e.id = event_artist.event_id and e.vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[])));
grant delete on event_artist to ticketing_core, ticketing_vendor;
