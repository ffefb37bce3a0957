-- Recommendations: who wants none, and what sold lately.

CREATE TABLE recommendation_opt_out (
  user_id UUID NOT NULL,
  opted_out_at TIMESTAMP WITH TIME ZONE DEFAULT app_now() NOT NULL,
  CONSTRAINT recommendation_opt_out_pkey PRIMARY KEY (user_id),
  CONSTRAINT recommendation_opt_out_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);

grant select, insert, delete on recommendation_opt_out to ticketing_core;
grant select on recommendation_opt_out to ticketing_reader;

-- Tickets are inserted in the order of time: a range index stays tiny, and leaves updates of other columns alone.
CREATE INDEX ticket_issued_at_idx ON ticket USING brin (issued_at);
