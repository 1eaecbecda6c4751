"""Booking.com connectivity.

Documentation: https://developers.booking.com/connectivity (read 2026-11-21).
Authentication: client id and secret are exchanged for a JWT, good for one hour; at most 30 exchanges an hour.
Limits: each reservation queue once in 20 s, 5 s after an acknowledgement, never concurrently; others are not told.
Quirks: queues have no pages and repeat the same body until it is acknowledged; what stays unacknowledged for 30
minutes is sent to the property by e-mail. No API gives history or performance figures (extranet reports do), and
none shows a read of availability and rates: those operations are marked as assumptions in ``capabilities.toml``.
"""
