generate_series(CAST(:start AS date)::timestamp, CAST(:end AS date)::timestamp, interval '1 day') AS d (day)
