-- How often a buyer has held places of an event: who takes them again and again keeps them from the others.

ALTER TABLE buyer_allowance ADD COLUMN holds INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE buyer_allowance ADD COLUMN holds_since TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL;
