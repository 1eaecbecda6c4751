"""A bell in Valkey: many ring, one comes. It may be lost; what is to be done is not in it."""

from __future__ import annotations

from redis import Redis

RINGS_FOR_S = 30
"""After which it is rung anew: whoever should have come may have died on the way."""


def _key(tenant_id: int) -> str:
    return f"nightporter:acted:{tenant_id}"


def ring(valkey: Redis, tenant_id: int) -> bool:
    """Return whether it did not ring already, and somebody is to be sent for."""
    return bool(valkey.set(_key(tenant_id), "1", nx=True, ex=RINGS_FOR_S))


def answer(valkey: Redis, tenant_id: int) -> None:
    """Stop it, before looking at what there is to be done."""
    valkey.delete(_key(tenant_id))
