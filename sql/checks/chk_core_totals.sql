-- The warehouse's counts and sums are those of the core at the same snapshot (invariant W1).
select table_name, part, core_rows, warehouse_rows, core_total, warehouse_total
from meta_totals
where (core_rows, core_total) <> (warehouse_rows, warehouse_total)
