-- S3: sold and held places together never pass the capacity
-- severity: safety
-- base: pool
-- Grain: one row per pool over its capacity, or with a negative counter.

select count(*) as examined from pool;

select format('pool %s', id) as subject, format('%s sold and %s held of %s', sold, held, capacity) as problem
from pool
where sold + held > capacity or sold < 0 or held < 0;
