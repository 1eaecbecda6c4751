"""The way to an InfluxDB server: one client, its two dialects of writing, and its errors by what recovers from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from python_nodes import log
from python_nodes.errors import NightporterError, PermanentError, RetryableError

SHARD_DURATION_S = 104 * 7 * 86_400
"""A backfill spans years: with the usual week a shard, writing it is half as fast and reading it three times slower."""

PING_TIMEOUT_S = 5.0
RAW, HOURLY = "raw", "hourly"
"""Retention policies, and on 2.x ends of buckets' names, beside that of whole days."""
TOO_OLD = re.compile("points (beyond|outside) retention policy")
"""How 1.x and 2.x say so."""

_END = b"name,tags,name,duration,"
_LINES = {"Content-Type": "text/plain; charset=utf-8"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_BAD_GATEWAY = 502
_FULL = "no space left on device"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxAddress:
    """Where the server is and who we are.

    ``api`` is ``v2`` where the server has /api/v2/write (1.8 and 2.x, where ``database`` is also the bucket's name) and
    ``v1`` before. ``token`` serves 2.x; ``user`` and ``password`` serve 1.x.
    """

    url: str
    api: Literal["v1", "v2"] = "v2"
    database: str = "nightporter"
    org: str = "-"
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 60.0


class InfluxHttp:
    """A pool of connections; connects only when first used."""

    def __init__(self, address: InfluxAddress) -> None:
        self.address = address
        secret = f"{address.user}:{address.password}" if address.user else address.token
        self.client: Any = InfluxDBClient(
            address.url, secret, org=address.org, timeout=round(address.timeout_s * 1000), auth_basic=bool(address.user)
        )
        self._writer: Any = self.client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: bytes, policy: str = "") -> None:
        """Store one batch of line protocol, with times in nanoseconds, under a retention policy (the usual: none).

        What is older than the policy keeps is not stored; the rest of the batch is.
        """
        try:
            with self.recovering():
                if self.address.api == "v2":
                    self._writer.write(self.bucket(policy), self.address.org, lines)
                else:
                    kept = [("rp", policy)] if policy else []
                    self._call("/write", _LINES, [("precision", "ns"), *kept], body=lines)
        except PermanentError as error:
            if TOO_OLD.search(str(error)) is None:
                raise
            log.get("influx").info("older_than_kept", bucket=self.bucket(policy), reason=str(error))

    def bucket(self, policy: str = "") -> str:
        """Return what a retention policy's bucket is called: so InfluxQL knows it without a mapping, and 1.8 too."""
        return f"{self.address.database}/{policy}" if policy else self.address.database

    def table(self, select: str) -> bytes:
        """Run one SELECT and give its rows as CSV with times in nanoseconds; b"" where there are none.

        CSV has no place for an error that comes after the first row, and InfluxDB 1.x none for any: the answer to a
        second statement, which runs only if the first went well to its end, says that nothing is missing.
        """
        with self.recovering():
            told = [("q", f"{select}; {self._proof()}"), ("epoch", "ns"), ("chunked", "true")]
            body: bytes = self._call("/query", {"Accept": "application/csv", **_FORM}, post_params=told)
        end = body.rfind(_END)
        if end < 0:
            self.rows(f"{select} LIMIT 1")
            raise RetryableError(f"InfluxDB at {self.address.url} broke off an answer")
        # A blank line parts two answers; a row of nothing to whoever parses it.
        return body[:end].rstrip(b"\n")

    def rows(self, statement: str, *, timeout_s: float | None = None) -> list[dict[str, Any]]:
        """Run one statement and give its series as InfluxDB's JSON does."""
        told = [("q", statement)]
        patience_ms = round(1000 * (timeout_s or self.address.timeout_s))
        with self.recovering():
            body = self._call(
                "/query", {"Accept": "application/json", **_FORM}, post_params=told, _request_timeout=patience_ms
            )
        result = json.loads(body)["results"][0]
        if "error" in result:
            raise self._refused(str(result["error"]))
        return list(result.get("series", []))

    def ping(self) -> None:
        """Raise if the server does not answer, has no such database, or does not know us."""
        found = self.rows(self._proof(), timeout_s=PING_TIMEOUT_S)
        if not any(series.get("values") for series in found):
            # 2.x tells of a database that is not there as of one without any retention policy.
            raise self._refused("database not found")

    def create_database(self) -> None:
        """Create the database, on 2.x the bucket, unless it is there; needs an administrator of the server."""
        with self.recovering():
            if str(self.client.version()).lstrip("v").startswith("2."):
                self._create_bucket()
                return
        name = identifier(self.address.database)
        self.rows(f"CREATE DATABASE {name} WITH DURATION INF SHARD DURATION {SHARD_DURATION_S}s NAME autogen")

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def _create_bucket(self) -> None:
        buckets, name = self.client.buckets_api(), self.address.database
        rule = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": SHARD_DURATION_S}
        # As a database's name, a bucket's is known to InfluxQL without any mapping.
        if buckets.find_bucket_by_name(name) is None:
            buckets.create_bucket(bucket_name=name, retention_rules=rule, org=self.address.org)

    def _proof(self) -> str:
        return f"SHOW RETENTION POLICIES ON {identifier(self.address.database)}"

    def _call(
        self, path: str, headers: dict[str, str], query: list[tuple[str, str]] | None = None, **sent: Any
    ) -> bytes:
        answer = self.client.api_client.call_api(
            path, "POST", query_params=[("db", self.address.database), *(query or [])], header_params=headers,
            _preload_content=False, _return_http_data_only=True, **sent,
        )  # fmt: skip
        content: bytes = answer.data
        return content

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Turn the client's errors into ours, by what recovers from them."""
        try:
            yield
        except HTTPError as error:
            told = f"InfluxDB at {self.address.url} does not answer ({type(error).__name__})"
            raise RetryableError(told) from None
        except ApiException as error:
            raise self._by_status(error) from None
        except InfluxDBError:
            # The client's own: it looks an organisation up by name, and was not shown any.
            raise self._unknown() from None

    def _by_status(self, error: ApiException) -> NightporterError:
        status = int(error.status or 0)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._unknown()
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            headers: Any = error.headers or {}
            after = str(headers.get("Retry-After", ""))
            told = f"InfluxDB at {self.address.url} is overloaded or failing (status {status})"
            if _FULL in _text(error):
                hint = "free some or enlarge it, and restart InfluxDB if it still says so, as 2.x does"
                told = f"InfluxDB at {self.address.url} has no space left on its disk: {hint}"
            return RetryableError(told, retry_after_s=float(after) if after.isdecimal() else None)
        return self._refused(_text(error))

    def _unknown(self) -> NightporterError:
        told = f"InfluxDB at {self.address.url} refuses our user or token (NIGHTPORTER_INFLUX_TOKEN, or _USER"
        hint = "and _PASSWORD): `nightporter influx setup --tokens FOLDER` writes one that may"
        return PermanentError(f"{told} {hint}", status=_BAD_GATEWAY)

    def _refused(self, reason: str) -> NightporterError:
        where = f"InfluxDB at {self.address.url}"
        if "not found" in reason:
            told = f"{where} has no database {self.address.database}: run `nightporter influx setup`"
            return PermanentError(told, status=_BAD_GATEWAY)
        if "timeout" in reason or "interrupted" in reason or "killed" in reason:
            return RetryableError(f"{where} broke off a query: {reason[:200]}")
        return PermanentError(f"{where} refuses: {reason[:200]}", status=_BAD_GATEWAY)


def _text(error: ApiException) -> str:
    body = error.body or b""
    return body.decode(errors="replace") if isinstance(body, bytes) else str(body)


def identifier(name: str) -> str:
    """Quote a name for InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(value: str) -> str:
    """Quote a text for InfluxQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
