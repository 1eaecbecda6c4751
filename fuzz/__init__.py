"""Hostile input: generated requests against a real worker, generated documents against every reader (`make fuzz`)."""
