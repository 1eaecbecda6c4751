"""InfluxDB 1.x: a database, its retention policies, and users in the place of tokens; all by InfluxQL."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_nodes.store.influx_setup.plan import (
    DAY_S,
    Bucket,
    Gap,
    Plan,
    Token,
    Wishes,
    put_secret,
    retention_gap,
    secret_file,
)
from python_nodes.store.metrics.influx_http import InfluxHttp, identifier, literal

DEFAULT_POLICY = "autogen"
_GRANTS = {("read",): "READ", ("write",): "WRITE", ("read", "write"): "ALL"}
_SPAN = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def gaps(http: InfluxHttp, plan: Plan, wishes: Wishes) -> Iterator[Gap]:
    """Give what is not as planned, one after the other: whoever mends a gap does so before asking for the next."""
    database = http.address.database
    known = {row[0] for row in _values(http, "SHOW DATABASES")}
    if database not in known:
        yield Gap(f"database {database} is missing", lambda: _create(http, plan.buckets))
    if database not in {row[0] for row in _values(http, "SHOW DATABASES")}:
        return
    for bucket in plan.buckets:
        yield from _policy_gaps(http, bucket, wishes)
    if wishes.tokens_folder is not None:
        for token in plan.tokens:
            yield from _user_gaps(http, token, wishes.tokens_folder, renew=wishes.renew_tokens)


def _create(http: InfluxHttp, buckets: tuple[Bucket, ...]) -> None:
    first = next((one for one in buckets if not one.policy), buckets[0])
    span = f"DURATION {first.keep_days}d SHARD DURATION {first.shard_days}d"
    http.rows(f"CREATE DATABASE {identifier(http.address.database)} WITH {span} NAME {_policy(first)}")


def _policy_gaps(http: InfluxHttp, bucket: Bucket, wishes: Wishes) -> Iterator[Gap]:
    database, name = identifier(http.address.database), bucket.policy or DEFAULT_POLICY
    rows = {row[0]: row for row in _values(http, f"SHOW RETENTION POLICIES ON {database}")}
    spans = f"DURATION {bucket.keep_days}d REPLICATION 1 SHARD DURATION {bucket.shard_days}d"
    if name not in rows:
        usual = "" if bucket.policy else " DEFAULT"
        made = f"CREATE RETENTION POLICY {identifier(name)} ON {database} {spans}{usual}"
        yield Gap(f"retention policy {name} is missing", lambda: _ask(http, made))
        return
    told = f"retention policy {name}"
    alter = f"ALTER RETENTION POLICY {identifier(name)} ON {database}"
    kept_s, shard_s = seconds(rows[name][1]), seconds(rows[name][2])
    longer = f"{alter} DURATION {bucket.keep_days}d"
    gap = retention_gap(told, kept_s, bucket, wishes, lambda: _ask(http, longer))
    if gap is not None:
        yield gap
    if shard_s != bucket.shard_days * DAY_S:
        words = f"{told} has shards of {shard_s // DAY_S} days, not {bucket.shard_days} (those to come are changed)"
        yield Gap(words, lambda: _ask(http, f"{alter} SHARD DURATION {bucket.shard_days}d"))


def _user_gaps(http: InfluxHttp, token: Token, folder: Path, *, renew: bool) -> Iterator[Gap]:
    database, user = http.address.database, f"{http.address.database}_{token.name}"
    file, known = folder / secret_file(token), {row[0] for row in _values(http, "SHOW USERS")}
    if user not in known or renew or not file.exists():
        what = "is missing" if user not in known else "gets a new password"

        def make() -> None:
            password = secrets.token_urlsafe(32)
            if user in known:
                _ask(http, f"SET PASSWORD FOR {identifier(user)} = {literal(password)}")
            else:
                _ask(http, f"CREATE USER {identifier(user)} WITH PASSWORD {literal(password)}")
            put_secret(folder, file.name, f"{user}:{password}")

        yield Gap(f"user {user} {what}; {file} holds it", make)
    if user not in {row[0] for row in _values(http, "SHOW USERS")}:
        return
    wanted = _GRANTS[tuple(sorted(token.may))]
    rights = {row[0]: str(row[1]) for row in _values(http, f"SHOW GRANTS FOR {identifier(user)}")}
    if rights.get(database, "").replace(" PRIVILEGES", "") != wanted:
        words = f"user {user} may not {' and '.join(token.may)} {database}, or more than that"
        yield Gap(words, lambda: _grant(http, wanted, user))


def _grant(http: InfluxHttp, right: str, user: str) -> None:
    database, name = identifier(http.address.database), identifier(user)
    _ask(http, f"REVOKE ALL ON {database} FROM {name}")
    _ask(http, f"GRANT {right} ON {database} TO {name}")


def seconds(span: str) -> int:
    """Read a span as the server writes it (``2160h0m0s``, ``0s``)."""
    found = _SPAN.match(span)
    hours, minutes, rest = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return hours * 3600 + minutes * 60 + rest


def _policy(bucket: Bucket) -> str:
    return identifier(bucket.policy or DEFAULT_POLICY)


def _ask(http: InfluxHttp, statement: str) -> None:
    http.rows(statement)


def _values(http: InfluxHttp, statement: str) -> list[list[Any]]:
    return [row for series in http.rows(statement) for row in series.get("values", [])]
