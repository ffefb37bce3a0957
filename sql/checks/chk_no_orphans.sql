-- What arrived points to rows that are here.
select 'order line without its order' as problem, l.order_line_id as id
from stg_order_lines l left join fct_orders o on o.order_id = l.order_id where o.order_id is null
union all
select 'order line without its ticket type', l.order_line_id
from stg_order_lines l left join dim_ticket_type t on t.ticket_type_id = l.ticket_type_id and t.event_id = l.event_id
where t.ticket_type_id is null
union all
select 'order without its vendor', o.order_id
from stg_orders o left join dim_vendor v on v.vendor_id = o.vendor_id where v.vendor_id is null
union all
select 'ticket without its order line', t.ticket_id
from stg_tickets t left join fct_order_lines l on l.order_line_id = t.order_line_id where l.order_line_id is null
union all
select 'refund without its payment', r.refund_id
from stg_refunds r left join fct_payments p on p.payment_id = r.payment_id where p.payment_id is null
union all
select 'refund line without its refund', l.refund_id
from stg_refund_lines l left join fct_refunds r on r.refund_id = l.refund_id where r.refund_id is null
union all
select 'refund line without its order line', l.refund_id
from stg_refund_lines l left join fct_order_lines o on o.order_line_id = l.order_line_id where o.order_line_id is null
union all
select 'ticket type without its event', t.ticket_type_id
from stg_ticket_types t left join dim_event e on e.event_id = t.event_id where e.event_id is null
union all
select 'event without its venue', e.event_id
from stg_events e left join dim_venue v on v.venue_id = e.venue_id where v.venue_id is null
