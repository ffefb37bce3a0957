-- T1: no row points to a row of another vendor, event or layout
-- severity: safety
-- base: vendor
-- Grain: one row per pointer that crosses. Composite foreign keys guard most of these; rows without a vendor of their own
-- (seats, lines of holds, refunds' lines) and pointers across features are compared here.

select
  (select count(*) from vendor) + (select count(*) from event) + (select count(*) from event_seat) + (select count(*) from hold_line)
  + (select count(*) from order_line) + (select count(*) from payment) as examined;

select format('configuration %s', c.id) as subject, 'is of a venue of another vendor' as problem
from configuration c join venue v on v.id = c.venue_id
where v.vendor_id is not null and v.vendor_id <> c.vendor_id
union all
select format('event %s', e.id), 'is at a venue or in a layout of another vendor, or its layout is of another venue'
from event e
join venue v on v.id = e.venue_id
join layout y on y.id = e.layout_id
join configuration c on c.id = y.configuration_id
where (v.vendor_id is not null and v.vendor_id <> e.vendor_id) or y.vendor_id <> e.vendor_id or c.vendor_id <> e.vendor_id
  or c.venue_id <> e.venue_id
union all
select format('ticket type %s', t.id), 'is of another vendor than its event'
from ticket_type t join event e on e.id = t.event_id
where t.vendor_id <> e.vendor_id
union all
select format('ticket type %s', s.ticket_type_id), format('is tied to section %s of another event or layout', s.section_id)
from ticket_type_section s
join ticket_type t on t.id = s.ticket_type_id
join event e on e.id = s.event_id
join section c on c.id = s.section_id
where t.event_id <> s.event_id or c.layout_id <> e.layout_id
union all
select format('seat %s of event %s', es.seat_no, es.event_id), 'has a ticket type of another event'
from event_seat es join ticket_type t on t.id = es.ticket_type_id
where t.event_id <> es.event_id
union all
select format('seat %s of event %s', es.seat_no, es.event_id), 'is not in the layout of its event'
from event_seat es join event e on e.id = es.event_id
left join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = es.seat_no
where ls.seat_no is null
union all
select format('pool %s', p.id), 'is of another vendor than its event, or has a ticket type of another event'
from pool p
join event e on e.id = p.event_id
join ticket_type t on t.id = p.ticket_type_id
where p.vendor_id <> e.vendor_id or t.event_id <> p.event_id
union all
select format('payment method of event %s', m.event_id), 'is an account of another vendor'
from event_payment_method m
join event e on e.id = m.event_id
join payment_account a on a.id = m.payment_account_id
where m.vendor_id <> e.vendor_id or a.vendor_id <> e.vendor_id
union all
select format('hold %s', h.id), 'is of another vendor than its event or its order'
from hold h
join event e on e.id = h.event_id
left join ticket_order o on o.id = h.order_id
where h.vendor_id <> e.vendor_id or o.vendor_id <> h.vendor_id or o.buyer_id <> h.buyer_id
union all
select format('hold %s', h.id), 'was opened by a code of another vendor or event, or one that opens nothing'
from hold h
left join promotion p on p.id = h.promotion_id
where h.promotion_id is not null
  and (p.id is null or p.vendor_id <> h.vendor_id or p.kind <> 'access' or p.event_id is distinct from h.event_id)
union all
select format('promotion %s', t.promotion_id), format('names ticket type %s of another event', t.ticket_type_id)
from promotion_ticket_type t
join promotion p on p.id = t.promotion_id
join ticket_type y on y.id = t.ticket_type_id
where y.event_id is distinct from p.event_id
union all
select format('line %s of hold %s', l.line_no, l.hold_id), 'is of another event than its hold, ticket type or pool'
from hold_line l
join hold h on h.id = l.hold_id
join ticket_type t on t.id = l.ticket_type_id
left join pool p on p.id = l.pool_id
where l.event_id <> h.event_id or t.event_id <> l.event_id or p.event_id <> l.event_id
union all
select format('order line %s', l.id), 'is of another vendor or event than its order, event, hold, ticket type or pool'
from order_line l
join ticket_order o on o.id = l.order_id
join event e on e.id = l.event_id
join ticket_type t on t.id = l.ticket_type_id
left join hold h on h.id = l.hold_id
left join pool p on p.id = l.pool_id
where l.vendor_id <> o.vendor_id or l.vendor_id <> e.vendor_id or t.event_id <> l.event_id or h.event_id <> l.event_id or p.event_id <> l.event_id
union all
select format('ticket %s', k.id), 'is of another vendor, order or event than its line'
from ticket k join order_line l on l.id = k.order_line_id
where k.vendor_id <> l.vendor_id or k.order_id <> l.order_id or k.event_id <> l.event_id or k.ticket_type_id <> l.ticket_type_id
union all
select format('payment %s', p.id), 'is of another vendor than its order or account'
from payment p
join payment_account a on a.id = p.payment_account_id
left join ticket_order o on o.id = p.order_id
where o.id is null or o.vendor_id <> p.vendor_id or a.vendor_id <> p.vendor_id
union all
select format('refund %s', r.id), 'is of another vendor or order than its payment'
from refund r join payment p on p.id = r.payment_id
where r.vendor_id <> p.vendor_id or r.order_id <> p.order_id or r.currency <> p.currency
union all
select format('refund %s', rl.refund_id), format('names line %s of another order', rl.order_line_id)
from refund_line rl
join refund r on r.id = rl.refund_id
left join order_line l on l.id = rl.order_line_id
where l.order_id is distinct from r.order_id
union all
select format('ledger entry %s', n.id), 'is of another vendor or currency than its order'
from ledger_entry n join ticket_order o on o.id = n.order_id
where n.vendor_id <> o.vendor_id or n.currency <> o.currency;
