"""Why an alert was raised: funnel arithmetic, change log, known patterns and neighbours become ranked causes."""
