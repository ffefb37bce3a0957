-- The journals that arrived sum to zero per currency.
select e.journal_id, e.currency, sum(e.amount_minor) as amount_minor
from fct_ledger_entries e
where e.journal_id in (select journal_id from stg_ledger_entries)
group by e.journal_id, e.currency
having sum(e.amount_minor) <> 0
