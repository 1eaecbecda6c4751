(CAST(:start AS date)::timestamp AT TIME ZONE 'UTC')
