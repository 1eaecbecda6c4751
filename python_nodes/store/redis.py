"""The Redis-protocol store: readiness and access tokens shared by all processes; nothing that may not be lost."""

from __future__ import annotations

from redis import Redis


class RedisStore:
    """One client for ``url``; connects only when first used. Fits ``vendors.base.TokenCache``."""

    def __init__(self, url: str, *, prefix: str = "nightporter:token:") -> None:
        self.client = Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=5)
        self.prefix = prefix

    def ping(self) -> None:
        """Raise if the store does not answer."""
        self.client.ping()

    def get(self, key: str) -> str | None:
        """Return the token, or None if there is none or it has expired."""
        value = self.client.get(self.prefix + key)
        return None if value is None else str(value)

    def set(self, key: str, value: str | None, ttl_s: float) -> None:
        """Keep ``value`` for ``ttl_s`` seconds; None forgets it."""
        if value is None or ttl_s <= 0:
            self.client.delete(self.prefix + key)
        else:
            self.client.set(self.prefix + key, value, px=max(1, int(ttl_s * 1000)))
