-- A calendar day, 2010 to 2050.
-- grain: day
-- source: none
-- units: none
select
  cast(d.day as date) as day,  -- the day
  cast(year(d.day) as integer) as year,  -- its year
  cast(quarter(d.day) as integer) as quarter,  -- its quarter, 1 to 4
  cast(month(d.day) as integer) as month,  -- its month, 1 to 12
  cast(isoyear(d.day) as integer) as iso_year,  -- the year of its ISO 8601 week
  cast(weekofyear(d.day) as integer) as iso_week,  -- its ISO 8601 week
  cast(isodow(d.day) as integer) as weekday,  -- 1 Monday to 7 Sunday
  dayname(d.day) as weekday_name,  -- its weekday in English
  isodow(d.day) >= 6 as is_weekend,  -- whether it is a Saturday or Sunday
from generate_series(timestamp '2010-01-01', timestamp '2050-12-31', interval 1 day) as d(day)
