"""Counts what is stored and what was told against what the sandbox issued: what is lost, what is doubled, by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from chaos.stack import OTHER, Stack
from chaos.truth import Truth
from python_nodes.local import match
from python_nodes.local.worker_client import WorkerClient

COUNT_S = 120
"""How long one question to the database may take."""
RECENT_DAYS = 8
"""How far back figures are read after each fault; all of them are at the end."""
GUEST_LATE = timedelta(minutes=90)
"""Bookings that the sandbox's clock, which runs on, has issued since the cycle began."""
REFERENCE = re.compile(r"\[(np-\d+)\]\s*$")
_BOOKED = text(
    "SELECT l.channel, b.external_id, count(*) AS times, max(1 + ("
    " SELECT count(*) FROM superseded_bookings s WHERE s.tenant_id = b.tenant_id AND s.source = b.source"
    " AND s.external_id = b.external_id)) AS versions"
    " FROM bookings b JOIN listings l ON l.tenant_id = b.tenant_id AND l.id = b.listing_id"
    " WHERE b.tenant_id = :tenant GROUP BY 1, 2"
)
_SENT = text(
    "SELECT id, alert_id, sender, recipient, status, provider_ref FROM deliveries"
    " WHERE tenant_id = :tenant AND status <> 'suppressed'"
)
_TENANTS = text("SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id' ORDER BY 1")


@dataclass(slots=True)
class Found:
    """What is wrong, each thing named once however often it is seen; e-mails may come twice (ADR 7)."""

    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    mails_again: int = 0
    counted: Counter[str] = field(default_factory=Counter)


class Auditor:
    """Counts after each fault; remembers what the other tenant had."""

    def __init__(self, stack: Stack, truth: Truth) -> None:
        self._stack, self._truth = stack, truth
        told = {"connect_timeout": 10, "options": f"-c statement_timeout={COUNT_S * 1000}"}
        self._engine = create_engine(stack.admin_url, poolclass=NullPool, connect_args=told)
        with self._engine.connect() as conn:
            self._others = self._of_other(conn)

    def count(self, as_of: datetime, *, whole: bool = False) -> Found:
        """Count everything now."""
        found, tenant = Found(), {"tenant": self._stack.saved.tenant_id}
        with self._engine.connect() as conn:
            self._bookings(conn.execute(_BOOKED, tenant).all(), as_of, found)
            self._messages(conn.execute(_SENT, tenant).all(), found)
            for table, rows in (now := self._of_other(conn)).items():
                if rows != self._others.get(table):
                    found.doubled.add(f"other tenant: {table} has {rows} rows")
            found.counted["rows of the other tenant"] = sum(now.values())
        with WorkerClient(self._stack.saved.worker_url, self._stack.saved.operator_api_key) as worker:
            self._figures(worker, as_of.date(), found, whole=whole)
            self._alerts(worker.get("/v1/alerts")["alerts"], as_of.date(), found)
        with WorkerClient(self._stack.saved.worker_url, self._stack.key_of(OTHER)) as other:
            if other.get("/v1/alerts")["alerts"]:
                found.doubled.add("other tenant: reads an alert")
        return found

    def _bookings(self, rows: Iterable[Any], as_of: datetime, found: Found) -> None:
        stored = {(row.channel, row.external_id): row for row in rows}
        issued = self._truth.bookings(as_of + GUEST_LATE)
        found.counted["bookings"] = len(stored)
        for key, booked_at in issued.items():
            if key not in stored and booked_at <= as_of:
                found.lost.add(f"booking {key[0]} {key[1]}")
        for key, row in stored.items():
            if key not in issued:
                found.doubled.add(f"booking {key[0]} {key[1]} was never issued")
            elif row.times > 1 or row.versions > 2:
                # Made, and cancelled: nothing else ever happens to one.
                found.doubled.add(f"booking {key[0]} {key[1]}: {row.times} times, {row.versions} versions")

    def _figures(self, worker: WorkerClient, today: date, found: Found, *, whole: bool) -> None:
        end = today - timedelta(days=1)
        start = self._truth.world.t0 if whole else end - timedelta(days=RECENT_DAYS)
        issued = self._truth.views(start, end)
        for one in worker.get("/v1/portfolio")["listings"]:
            told = worker.get(
                f"/v1/metrics/{one['listing_id']}?metrics=search_impressions,listing_views&start={start}&end={end}"
            )
            columns = [told["metrics"][name]["values"] for name in ("search_impressions", "listing_views")]
            for day, *values in zip(told["days"], *columns, strict=True):
                wanted = issued.get((one["channel"], one["external_id"], date.fromisoformat(day)))
                if wanted is None:
                    continue
                found.counted["figures"] += 2
                for name, value, right in zip(("impressions", "views"), values, wanted, strict=True):
                    what = f"{name} {one['channel']} {one['external_id']} {day}: {value}, issued {right}"
                    if value is None or value < right:
                        found.lost.add(what)
                    elif value > right:
                        found.doubled.add(what)

    def _alerts(self, alerts: list[dict[str, Any]], today: date, found: Found) -> None:
        for incident in self._truth.due(today):
            about = [one for one in alerts if match.matches(one, incident)]
            found.counted["alerts due"] += 1
            if not about:
                found.lost.add(f"alert due: {incident['id']} {incident['listing']}")
            raised = Counter((one["kind"], one["scope"], one["listing"], one["property"]) for one in about)
            for what, times in raised.items():
                if times > 1:
                    found.doubled.add(f"alert {what} of {incident['id']}: raised {times} times")

    def _messages(self, rows: Iterable[Any], found: Found) -> None:
        inbox, sent = self._stack.messages(), list(rows)
        for row in sent:
            if row.status != "sent":
                found.lost.add(f"delivery {row.id} of alert {row.alert_id} by {row.sender}: {row.status}")
        done = [row for row in sent if row.status == "sent"]
        _slack(done, inbox["slack"], found)
        _texts(done, inbox["texts"], found)
        mails = Counter(mail["message_id"] for mail in inbox["emails"])
        found.counted["e-mails"] = sum(mails.values())
        found.mails_again = sum(mails.values()) - len(mails)
        if (asked := sum(row.sender == "email" for row in done)) > len(mails):
            found.lost.add(f"e-mails: {asked} sent, {len(mails)} came")

    def _of_other(self, conn: Connection) -> dict[str, int]:
        """How many rows of each table are the other tenant's; its key's last use is no matter."""
        found = {}
        for name in conn.execute(_TENANTS).scalars():
            query = f'SELECT count(*) FROM "{name}" WHERE tenant_id = :tenant'
            found[str(name)] = int(conn.execute(text(query), {"tenant": self._stack.other_tenant_id}).scalar_one())
        return {name: rows for name, rows in found.items() if name != "audit_log"}


def _slack(done: Iterable[Any], posts: list[dict[str, Any]], found: Found) -> None:
    """One message an alert and channel, changed in place by what comes later."""
    shown = Counter(tuple(str(row.provider_ref).split(":")[:2]) for row in done if row.sender == "slack")
    by_alert: dict[tuple[int, str], set[str]] = {}
    for row in done:
        if row.sender == "slack":
            by_alert.setdefault((row.alert_id, row.recipient), set()).add(str(row.provider_ref).split(":")[1])
    roots = {(post["channel"], post["ts"]) for post in posts if not post["thread_ts"]}
    found.counted["Slack messages"] = len(roots)
    for (alert_id, channel), stamps in by_alert.items():
        if len(stamps) > 1:
            found.doubled.add(f"Slack: alert {alert_id} has {len(stamps)} messages in {channel}")
    for missing in set(shown) - roots:
        found.lost.add(f"Slack: message {missing} is not there")
    for unknown in roots - set(shown):
        found.doubled.add(f"Slack: message {unknown} belongs to no delivery")
    notes = Counter(
        block["block_id"] for post in posts if post["thread_ts"] for block in post["blocks"] if block.get("block_id")
    )
    for block_id, times in notes.items():
        if times > 1:
            found.doubled.add(f"Slack: note {block_id} came {times} times")


def _texts(done: Iterable[Any], texts: list[dict[str, Any]], found: Found) -> None:
    """Each text ends with its delivery's reference."""
    came = Counter(match[1] for one in texts if not one["is_answer"] and (match := REFERENCE.search(one["body"])))
    found.counted["texts"] = sum(came.values())
    for name, times in came.items():
        if times > 1:
            found.doubled.add(f"SMS: text {name} came {times} times")
    for row in done:
        if row.sender == "sms" and f"np-{row.id}" not in came:
            found.lost.add(f"SMS: text np-{row.id} is not there")
