"""Vendors' access tokens as all processes share them, gone over when the key that they rest under changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from python_nodes.domain.sealing import Sealer
from python_nodes.errors import ConfigError, RetryableError
from python_nodes.vendors.resilience import TIMEOUT_S, TOKENS

AT_ONCE = 500
_REPLACE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') and 1 or 0"


def under(redis_url: str, sealer: Sealer) -> Counter[int | None]:
    """Count them by the key that each is under; None is a key that is not set: such a token is as good as none."""
    with _opened(redis_url) as client:
        found = (client.get(name) for name in _names(client))
        return Counter(sealer.under(value) for value in found if isinstance(value, bytes))


def reseal(redis_url: str, sealer: Sealer) -> int:
    """Encrypt again what is not under the first key, keeping each token's end; returns how many."""
    changed = 0
    with _opened(redis_url) as client:
        for name in _names(client):
            changed += _reseal(client, name, sealer)
    return changed


def _reseal(client: redis.Redis, name: bytes, sealer: Sealer) -> int:
    value = client.get(name)
    if not isinstance(value, bytes):
        return 0
    try:
        again = sealer.resealed(value, "a token")
    except ConfigError:
        return 0
    # A token that a process replaced meanwhile is under that process's key already, and stays.
    return 0 if again is None else int(bool(client.eval(_REPLACE, 1, name, value, again)))


def _names(client: redis.Redis) -> Iterator[bytes]:
    yield from client.scan_iter(match=f"{TOKENS}*", count=AT_ONCE)


@contextmanager
def _opened(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    try:
        with client:
            yield client
    except redis.RedisError as error:
        raise RetryableError(f"valkey: the token cache cannot be reached ({type(error).__name__})") from error
