-- What this snapshot is: one row.
-- grain: batch
-- source: raw_capture, the capture's own account of itself
-- units: times in UTC
select
  batch,  -- number of the increment; a snapshot's file carries it
  token,  -- left here and in the core by the same run: while they agree, increments fit
  watermark_xid,  -- the core's transaction from which the next increment reads
  horizon_lag,  -- transactions between that one and the newest: the price of transactions that stay open
  captured_at,  -- the instant of the core that the figures show
  is_full,  -- whether everything was read anew
  changed_rows,  -- rows that this increment brought
  cast(getvariable('definitions_digest') as varchar) as definitions_digest,  -- SHA-256 of the SQL that made the tables
  cast(null as timestamptz) as published_at,  -- when it was published
from raw_capture
