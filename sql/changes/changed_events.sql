-- The events whose figures this increment may change: marts recompute these and leave the others alone.
-- grain: event_id
-- source: the rows that arrived (stg_*), and the facts that lead from them to an event
-- units: none
with touched as (
  select event_id from stg_events
  union all
  select event_id from stg_ticket_types
  union all
  select event_id from stg_order_lines
  union all
  select event_id from stg_tickets
  union all
  select e.event_id from dim_event e join stg_vendors v on v.vendor_id = e.vendor_id
  union all
  select l.event_id from fct_order_lines l join stg_orders o on o.order_id = l.order_id
  union all
  select l.event_id from fct_order_lines l join stg_refund_lines r on r.order_line_id = l.order_line_id
  union all
  select l.event_id
  from fct_order_lines l
  join fct_refund_lines r on r.order_line_id = l.order_line_id
  join stg_refunds f on f.refund_id = r.refund_id
)
select distinct event_id from touched
