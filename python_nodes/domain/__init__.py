"""Frozen records that stages exchange; no I/O, no behaviour beyond what the record itself implies."""
