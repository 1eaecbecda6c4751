"""An InfluxDB server as planned: buckets, what each keeps how long, mappings for InfluxQL, tokens of least right."""
