-- One side of a journal of double entry; never changed, as received: renamed.
-- grain: ledger_entry_id
-- source: raw_ledger_entry, the rows of `ledger_entry` that this increment brought
-- units: money in minor units of `currency`, times in UTC
select
  id as ledger_entry_id,
  journal_id,
  journal_kind,
  account,
  vendor_id,
  order_id,
  event_id,
  payment_id,
  refund_id,
  amount_minor,
  currency,
  recorded_at,
from raw_ledger_entry
