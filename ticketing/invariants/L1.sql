-- L1: each journal balances
-- severity: safety
-- base: ledger_entry
-- Grain: one row per journal and currency whose entries do not sum to zero. Debits are positive, credits negative.

select count(*) as examined from ledger_entry;

select format('journal %s', journal_id) as subject, format('is out by %s %s', sum(amount_minor), currency) as problem
from ledger_entry
group by journal_id, currency
having sum(amount_minor) <> 0
union all
select format('journal %s', journal_id), 'mixes kinds, currencies or vendors'
from ledger_entry
group by journal_id
having count(distinct (journal_kind, currency, vendor_id)) > 1;
