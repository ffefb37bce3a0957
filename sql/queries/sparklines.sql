-- Tickets that were sold less those given back, by event and day: the small curves of the overview.
-- parameters: none
-- columns: event_id, day, sold
select s.event_id, s.day, cast(sum(s.sold) as bigint) as sold,
from {sell_through} s
group by s.event_id, s.day
order by s.event_id, s.day
