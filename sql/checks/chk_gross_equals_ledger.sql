-- An event's gross less discounts is what its sale journals credited to vendor, platform and tax.
with mart as (
  select event_id, currency, sum(gross_minor - discount_minor) as sold_minor from mart_sales_daily group by event_id, currency
),
ledger as (
  select event_id, currency, -sum(amount_minor) as sold_minor
  from fct_ledger_entries
  where journal_kind = 'sale' and account in ('vendor_payable', 'platform_fee', 'tax')
  group by event_id, currency
)
select coalesce(m.event_id, l.event_id) as event_id, coalesce(m.currency, l.currency) as currency, m.sold_minor as mart_minor,
  l.sold_minor as ledger_minor,
from mart m
full join ledger l on l.event_id = m.event_id and l.currency = m.currency
where coalesce(m.sold_minor, 0) <> coalesce(l.sold_minor, 0)
