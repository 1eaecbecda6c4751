"""What is left behind, place by place, and the forms in which a secret may stand in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import redis
from sqlalchemy import create_engine


def forms(bird: str) -> set[bytes]:
    """As it is, as hexadecimal (PostgreSQL's bytes) and as base64 (Basic, JWT), whatever stands before it."""
    plain = bird.encode()
    coded = {base64.b64encode(b"x" * shift + plain)[4 * bool(shift) : -4] for shift in range(3)}
    return {plain, plain.hex().encode(), *(one for one in coded if len(one) > 20)}


def tables(root_url: str) -> Iterator[tuple[str, bytes]]:
    """Every table and view's rows as text, by the superuser."""
    engine = create_engine(root_url)
    with engine.connect() as conn:
        names = (
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (name,) in conn.exec_driver_sql(names).all():
            rows = conn.exec_driver_sql(f"SELECT t::text FROM {name} t").all()
            yield str(name), "\n".join(row[0] for row in rows).encode()
    engine.dispose()


def valkey(url: str) -> Iterator[bytes]:
    """Every key of every database, with what is in it."""
    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter(count=1000):
            kind = client.type(name)
            read: Any = {
                b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
                b"list": lambda one: client.lrange(one, 0, -1), b"zset": lambda one: client.zrange(one, 0, -1),
            }.get(kind)  # fmt: skip
            yield name + b" " + repr(read(name) if read else None).encode()
