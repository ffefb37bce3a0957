-- The vendors' role sees parts of holds, orders and refunds, and members, of its own vendors only, as it does the rows they belong to.

alter table hold_line enable row level security;
create policy core_all on hold_line to ticketing_core using (true);
create policy vendor_reads on hold_line for select to ticketing_vendor
  using (exists (select 1 from hold h where h.id = hold_line.hold_id));

alter table order_event enable row level security;
create policy core_all on order_event to ticketing_core using (true);
create policy vendor_reads on order_event for select to ticketing_vendor
  using (exists (select 1 from ticket_order o where o.id = order_event.order_id));

alter table refund_line enable row level security;
create policy core_all on refund_line to ticketing_core using (true);
create policy vendor_reads on refund_line for select to ticketing_vendor
  using (exists (select 1 from refund r where r.id = refund_line.refund_id));

alter table vendor_member enable row level security;
drop policy if exists core_all on vendor_member;
create policy core_all on vendor_member to ticketing_core using (true);
drop policy if exists vendor_reads on vendor_member;
create policy vendor_reads on vendor_member for select to ticketing_vendor
  using (vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

-- What is not published yet is its vendor's own affair: an event, and what hangs on it. Everybody else's role sees all of it.

drop policy everyone_reads on event;
create policy reader_reads on event for select to ticketing_reader using (true);
create policy vendor_reads on event for select to ticketing_vendor
  using (status not in ('draft', 'withdrawn') or vendor_id = any(current_setting('ticketing.vendor_ids', true)::uuid[]));

drop policy everyone_reads on ticket_type;
create policy reader_reads on ticket_type for select to ticketing_reader using (true);
create policy vendor_reads on ticket_type for select to ticketing_vendor
  using (exists (select 1 from event e where e.id = ticket_type.event_id));

drop policy everyone_reads on pool;
create policy reader_reads on pool for select to ticketing_reader using (true);
create policy vendor_reads on pool for select to ticketing_vendor
  using (exists (select 1 from ticket_type t where t.id = pool.ticket_type_id));
