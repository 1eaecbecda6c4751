"""The Redis-protocol store: readiness; what it holds may be lost, and is written by ``vendors.resilience``."""

from __future__ import annotations

from redis import Redis


class RedisStore:
    """One client for ``url``; connects only when first used."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)

    def ping(self) -> None:
        """Raise if the store does not answer."""
        self.client.ping()
