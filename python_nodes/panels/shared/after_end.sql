((CAST(:end AS date) + 1)::timestamp AT TIME ZONE 'UTC')
