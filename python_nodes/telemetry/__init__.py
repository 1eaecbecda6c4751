"""What the worker tells of itself: counts and durations for Prometheus, spans for OpenTelemetry."""
