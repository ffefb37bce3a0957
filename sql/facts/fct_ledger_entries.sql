-- One side of a journal of double entry; never changed: its latest image.
-- grain: ledger_entry_id
-- source: stg_ledger_entries
-- units: money in minor units of `currency`, times in UTC
select
  ledger_entry_id,  -- the entry, in the order of writing
  journal_id,  -- its journal; the entries of one sum to zero per currency
  journal_kind,  -- sale, capture, refund_planned, refund_paid or unapplied_capture
  account,  -- buyer_receivable, provider_clearing, vendor_payable, platform_fee, tax or refunds
  vendor_id,  -- the vendor
  order_id,  -- the order, if any
  event_id,  -- the event, if it is about one
  payment_id,  -- the payment, if any
  refund_id,  -- the refund, if any
  amount_minor,  -- debit positive, credit negative
  currency,  -- ISO 4217 code of the amount
  recorded_at,  -- when it was recorded
from stg_ledger_entries
