-- Counts and sums of the core and of the warehouse at the same snapshot, side by side: they agree, or nothing is published.
-- grain: table_name, part
-- source: raw_totals (the core's, read in the capture's transaction), dim_* and fct_*
-- units: `total` in minor units of the part's currency, or in places; 0 where there is nothing to add up
with warehouse as (
  select 'vendor' as table_name, '' as part, count(*) as counted, 0 as total from dim_vendor
  union all
  select 'venue', '', count(*), 0 from dim_venue
  union all
  select 'event', status, count(*), 0 from dim_event group by status
  union all
  select 'ticket_type', cast(event_id as varchar), count(*), sum(price_minor + fee_minor) from dim_ticket_type group by event_id
  union all
  select 'capacity', cast(event_id as varchar), count(*), sum(capacity) from dim_ticket_type group by event_id
  union all
  select 'hold', concat(event_id, ' ', state), count(*), sum(quantity) from fct_holds group by event_id, state
  union all
  select 'ticket_order', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(total_minor)
  from fct_orders group by vendor_id, state, currency
  union all
  select 'order_line', concat(event_id, ' ', state), count(*), sum(price_minor - discount_minor + fee_minor)
  from fct_order_lines group by event_id, state
  union all
  select 'order_event', kind, count(*), 0 from fct_order_events group by kind
  union all
  select 'payment', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(captured_minor - refunded_minor)
  from fct_payments group by vendor_id, state, currency
  union all
  select 'refund', concat(vendor_id, ' ', state, ' ', currency), count(*), sum(amount_minor)
  from fct_refunds group by vendor_id, state, currency
  union all
  select 'refund_line', r.currency, count(*), sum(l.amount_minor)
  from fct_refund_lines l join fct_refunds r on r.refund_id = l.refund_id group by r.currency
  union all
  select 'ledger_entry', concat(coalesce(cast(event_id as varchar), '-'), ' ', journal_kind, ' ', account, ' ', currency), count(*),
    sum(amount_minor)
  from fct_ledger_entries group by event_id, journal_kind, account, currency
  union all
  select 'ticket', concat(event_id, ' ', state), count(*), 0 from fct_tickets group by event_id, state
)
select
  coalesce(c.table_name, w.table_name) as table_name,  -- the core's table; `capacity` is what can be sold of events to come
  coalesce(c.part, w.part) as part,  -- which of its rows: event, vendor, state, currency, as the table needs
  coalesce(c.counted, 0) as core_rows,  -- rows in the core
  coalesce(w.counted, 0) as warehouse_rows,  -- rows here
  cast(coalesce(c.total, 0) as bigint) as core_total,  -- their sum in the core
  cast(coalesce(w.total, 0) as bigint) as warehouse_total,  -- their sum here
from raw_totals c
full join warehouse w on w.table_name = c.table_name and w.part = c.part
where w.table_name is distinct from 'capacity' or c.table_name is not null
