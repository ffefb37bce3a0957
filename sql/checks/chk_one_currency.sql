-- All sales of an event are in the event's currency: so its totals are sums of one currency.
select distinct s.event_id, s.currency, e.currency as event_currency
from mart_sales_daily s
left join dim_event e on e.event_id = s.event_id
where s.currency is distinct from e.currency
