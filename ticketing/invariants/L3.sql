-- L3: ledger entries are never changed
-- severity: safety
-- base: ledger_entry
-- Grain: one row per right, guard or entry. Three things are checked: no serving role may update, delete or truncate what is
-- append-only; the guard against deleting and the stamp of changes are in force; and each entry carries the stamp of a
-- transaction that left an audit entry. A change made behind the product's back renews the stamp, and stands alone.

select count(*) as examined from ledger_entry;

with append_only as (
  select c.oid, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relname in ('ledger_entry', 'audit_entry', 'audit_seal', 'order_event')
),

serving as (
  select rolname from pg_roles where rolname in ('ticketing_core', 'ticketing_vendor', 'ticketing_reader')
),

guard as (
  select a.relname, w.suffix, t.tgenabled
  from append_only a
  cross join (values ('_keep'), ('_stamp')) w(suffix)
  left join pg_trigger t on t.tgrelid = a.oid and t.tgname = a.relname || w.suffix
  where a.relname in ('ledger_entry', 'order_event')
)

select format('role %s', s.rolname) as subject, format('may change rows of %s', a.relname) as problem
from append_only a
cross join serving s
where has_table_privilege(s.rolname, a.oid, 'update, delete, truncate') or has_any_column_privilege(s.rolname, a.oid, 'update')
union all
select format('table %s', relname), format('trigger %s%s is not in force', relname, suffix)
from guard
where tgenabled is distinct from 'O'
union all
select format('entry %s of journal %s', e.id, e.journal_id), 'was last written by a transaction that left no audit entry'
from ledger_entry e
where not exists (select from audit_entry a where a.xid = e.changed_xid)
union all
select format('journal %s', journal_id), 'its entries were not written together'
from ledger_entry
group by journal_id
having count(distinct changed_xid::text) > 1;
