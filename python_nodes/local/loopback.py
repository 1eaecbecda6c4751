"""One HTTP client for the servers of this machine.

Making a client costs 50 ms of CPU (it reads the trusted certificates), which a question asked ten times a second must
not pay each time.
"""

from __future__ import annotations

from functools import cache

import httpx2


@cache
def client() -> httpx2.Client:
    """The process's client; it keeps no connection, since whom it asks may be stopped and started again."""
    return httpx2.Client(timeout=60.0, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
