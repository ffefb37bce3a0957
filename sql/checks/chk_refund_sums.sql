-- A refund that a buyer asked for is for order lines, to the last unit; refunds of a payment stay within what was captured.
with line as (
  select l.refund_id, sum(l.amount_minor) as amount_minor
  from fct_refund_lines l
  join stg_refunds r on r.refund_id = l.refund_id
  group by l.refund_id
)
select 'the lines of a refund are not its amount' as problem, r.refund_id as id, r.amount_minor, l.amount_minor as other_minor
from stg_refunds r
left join line l on l.refund_id = r.refund_id
where r.reason = 'requested' and r.amount_minor is distinct from l.amount_minor
union all
select 'more refunded than captured', payment_id, refund_reserved_minor, captured_minor
from stg_payments
where refund_reserved_minor > captured_minor or refunded_minor > refund_reserved_minor
