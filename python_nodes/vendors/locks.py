"""Locks that all processes share through a Redis-protocol server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import LockError

from python_nodes.errors import RetryableError
from python_nodes.vendors import alone


class RedisLocks:
    """redis-py's lock: a key that expires, taken and given back atomically."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    @contextmanager
    def hold(self, key: str, *, held_s: float, wait_s: float, or_own: bool = False) -> Iterator[None]:
        """See ``base.Locks``."""
        lock = self._client.lock(f"nightporter:lock:{key}", timeout=held_s, blocking_timeout=wait_s)
        try:
            is_mine = lock.acquire()
        except redis.RedisError as error:
            if not or_own:
                raise RetryableError(f"valkey: the shared lock cannot be reached ({type(error).__name__})") from error
            with alone.lock(key):
                yield
            return
        if not is_mine:
            raise RetryableError("another process holds the lock for longer than we wait")
        try:
            yield
        finally:
            self._release(lock)

    def _release(self, lock: redis.lock.Lock) -> None:
        try:
            lock.release()
        except (LockError, redis.RedisError):
            # It has expired or will: what was done under it is done.
            return
